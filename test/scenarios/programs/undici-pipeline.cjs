const { Readable } = require('node:stream')
const { Agent, fetch, pipeline, setGlobalDispatcher } = require('undici')

setGlobalDispatcher(new Agent({ keepAliveTimeout: 10 }))
async function main() {
  let text = ''
  const duplex = pipeline(`${process.argv[2]}/upload`, { method: 'POST' }, ({ body, statusCode }) => {
    console.log(statusCode)
    return body
  })
  for await (const chunk of Readable.from(['a', 'b']).pipe(duplex)) text += chunk
  console.log(text)
  const res = await fetch(`${process.argv[2]}/fetch`, { headers: [['x-a', '1']] })
  console.log(res.status, (await res.json()).headers['x-a'])
}
main()
