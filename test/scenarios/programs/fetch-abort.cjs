async function main() {
  const soon = new AbortController()
  setTimeout(() => soon.abort(), 100)
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
