async function main() {
  const first = await fetch(`${process.argv[2]}/bytes/100`)
  console.log(first.status, first.bodyUsed)
  const second = await fetch(`${process.argv[2]}/bytes/1000000`)
  await second.body.cancel()
  console.log(second.status)
  const head = await fetch(`${process.argv[2]}/bytes/5`, { method: 'HEAD' })
  console.log(head.status, (await head.text()).length)
}
main()
