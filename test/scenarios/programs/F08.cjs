async function main() {
  const down = await fetch(`${process.argv[2]}/drip/4`)
  let text = ''
  for await (const chunk of down.body) text += Buffer.from(chunk)
  console.log(down.status, text.split('\n').length)
  const body = new ReadableStream({
    async start(controller) {
      for (let i = 0; i < 4; i++) {
        controller.enqueue(Buffer.from(`part ${i}`))
        await new Promise(resolve => setTimeout(resolve, 20))
      }
      controller.close()
    },
  })
  const up = await fetch(`${process.argv[2]}/upload`, { method: 'POST', body, duplex: 'half' })
  console.log(up.status, await up.text())
}
main()
