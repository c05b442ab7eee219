// The web server of the tutorials, as an ES module: /home calls /service and, without waiting, /async. Both ask the
// database, and sleep.
import { createServer, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import loader from '@grpc/proto-loader'

const definition = loader.loadSync(fileURLToPath(new URL('store.proto', import.meta.url)))
const { demo } = grpc.loadPackageDefinition(definition)
const store = new demo.Store(process.env.STORE, grpc.credentials.createInsecure())

function find(item) {
  return new Promise((resolve, reject) => {
    store.find({ item }, (error, found) => (error ? reject(error) : resolve(found)))
  })
}

const PAGES = {
  async '/home'(item) {
    get(`${own}/async?item=apple`, response => response.resume())
    const response = await fetch(`${own}/service?item=${encodeURIComponent(item)}`)
    if (!response.ok) throw new Error(`/service answered ${response.status}`)
    return { welcome: 'home', ...(await response.json()) }
  },

  async '/service'(item) {
    const found = await find(item)
    await sleep(Math.random() * 50)
    return found
  },

  async '/async'(item) {
    await sleep(Math.random() * 50)
    return find(item)
  },
}

let own
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, own)
  try {
    if (!Object.hasOwn(PAGES, pathname)) {
      response.writeHead(404).end()
      return
    }
    const answer = await PAGES[pathname](searchParams.get('item'))
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  } catch (error) {
    response.writeHead(500).end(error.message)
  }
})

server.listen(process.env.PORT ?? 0, '127.0.0.1', () => {
  own = `http://127.0.0.1:${server.address().port}`
  console.log(`listening on ${own}`)
})
