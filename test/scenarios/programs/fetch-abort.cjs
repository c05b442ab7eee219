async function main() {
  // Late enough that the request is on the wire, although fetch is loaded with the first one.
  const soon = new AbortController()
  setTimeout(() => soon.abort(), 500)
  for (const signal of [soon.signal, AbortSignal.abort()]) {
    try {
      await fetch(`${process.argv[2]}/never`, { signal })
    } catch (error) {
      console.log(error.name)
    }
  }
  const controller = new AbortController()
  const res = await fetch(`${process.argv[2]}/endless`, { signal: controller.signal })
  const reader = res.body.getReader()
  await reader.read()
  controller.abort()
  await reader.read().catch(error => console.log(error.name, res.status))
}
main()
