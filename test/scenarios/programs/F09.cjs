const { Agent, Client, request, stream } = require('undici')
const { Writable } = require('node:stream')

async function main() {
  const first = await request(`${process.argv[2]}/request`, { headers: { 'x-a': '1' } })
  console.log(first.statusCode, JSON.parse(await first.body.text()).headers['x-a'])
  let length = 0
  await stream(`${process.argv[2]}/stream`, { method: 'GET', opaque: 1 }, ({ statusCode }) => {
    console.log(statusCode)
    return new Writable({
      write(chunk, _encoding, done) {
        length += chunk.length
        done()
      },
    })
  })
  console.log(length > 0)
  const client = new Client(process.argv[2])
  const third = await client.request({ path: `${process.argv[2]}/absolute`, method: 'GET', headers: ['x-b', '2'] })
  await third.body.dump()
  console.log(third.statusCode, typeof Agent)
  await client.close()
}
main()
