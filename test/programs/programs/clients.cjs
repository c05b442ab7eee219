'use strict'
// Libraries that make requests, one a name: node clients.cjs <name> <url>. The packages are found from PACKAGES.
const { createRequire } = require('node:module')
const { once } = require('node:events')
const { pathToFileURL } = require('node:url')

const packages = createRequire(`${process.env.PACKAGES}/package.json`)
let find = packages
const load = name => import(pathToFileURL(packages.resolve(name)).href)
const [, , name, url] = process.argv

const tell = error =>
  [error.name, error.code, error.message, error.response?.statusCode ?? error.response?.status].join(' ')
const print = (...words) => console.log(...words)
const attempt = async (label, call) => {
  try {
    print(label, await call())
  } catch (error) {
    print(label, 'failed', tell(error))
  }
}

const clients = {
  async got() {
    await tellGot(find('got'))
  },
  async 'got-esm'() {
    await tellGot((await load('got-esm')).default)
  },
  async axios() {
    const axios = find('axios')
    const client = axios.create({ baseURL: url, headers: { 'X-Own': '1' } })
    client.interceptors.request.use(config => {
      print('interceptor', config.method, Object.keys(config.headers).join())
      return config
    })
    const shown = ({ data, headers, request, status }) => [
      status,
      Object.keys(headers).join(),
      typeof data,
      request.path,
    ]
    await attempt('get', async () => shown(await client.get('/ok', { params: { a: 'b c' } })))
    await attempt('post', async () => shown(await client.post('/upload', { a: 1 })))
    await attempt('redirect', async () => shown(await client.get('/redirect')))
    await attempt('status', () => client.get('/status/404'))
    await attempt('timeout', () => client.get('/never', { timeout: 50 }))
    await attempt('refused', () => axios.get('http://127.0.0.1:1/'))
    await attempt('abort', () => client.get('/slow/500', { signal: AbortSignal.timeout(30) }))
    await attempt('stream', async () => {
      const { data } = await client.get('/bytes/5000', { responseType: 'stream' })
      let length = 0
      for await (const chunk of data) length += chunk.length
      return length
    })
    await attempt('fetch', async () => (await client.get('/ok', { adapter: 'fetch' })).status)
  },
  async superagent() {
    const superagent = find('superagent')
    await attempt('get', async () => (await superagent.get(`${url}/ok`).query({ a: 1 }).set('X-Own', '1')).body)
    await attempt('post', async () => (await superagent.post(`${url}/upload`).send({ a: 1 })).text)
    await attempt('redirect', async () => (await superagent.get(`${url}/redirect`)).redirects.length)
    await attempt('status', () => superagent.get(`${url}/status/500`))
    await attempt('timeout', () => superagent.get(`${url}/never`).timeout(50))
    await attempt('retry', () => superagent.get(`${url}/break`).retry(1))
  },
  async 'node-fetch'() {
    await tellFetch(find('node-fetch'))
  },
  async 'node-fetch-esm'() {
    await tellFetch((await load('node-fetch-esm')).default)
  },
  async fetch() {
    await tellFetch(fetch)
  },
  async undici() {
    const { Agent, Client, Pool, fetch: ownFetch, pipeline, request, stream } = find('undici')
    await tellFetch(ownFetch)
    await attempt('request', async () => {
      const { body, headers, statusCode, trailers } = await request(`${url}/ok`, { headers: ['x-own', '1'] })
      return [statusCode, Object.keys(headers).join(), await body.text(), Object.keys(trailers).length]
    })
    const dispatcher = new Agent({ pipelining: 2 })
    await attempt('agent', async () => (await (await request(`${url}/bytes/10`, { dispatcher })).body.text()).length)
    const pool = new Pool(url, { connections: 1 })
    await attempt('pool', async () =>
      Promise.all([1, 2].map(async id => (await pool.request({ path: `/${id}`, method: 'GET' })).body.text())),
    )
    const client = new Client(url)
    await attempt('stream', async () => {
      let length = 0
      const { Writable } = require('node:stream')
      const sink = new Writable({
        write: (chunk, _encoding, done) => {
          length += chunk.length
          done()
        },
      })
      await client.stream({ path: '/bytes/3000', method: 'GET', headers: { b: '2' } }, () => sink)
      return length
    })
    await attempt('error', () => client.request({ path: '/status/500', method: 'GET', throwOnError: true }))
    await attempt('header', () => client.request({ path: '/', method: 'GET', headers: { 'a b': '1' } }))
    await attempt('upgrade', async () => {
      const { headers, socket } = await client.upgrade({ path: '/up', protocol: 'echo' })
      socket.destroy()
      return Object.keys(headers).join()
    })
    print(typeof pipeline, typeof stream)
    await Promise.all([dispatcher.destroy(), pool.destroy(), client.destroy()])
  },
  async 'follow-redirects'() {
    const { http } = find('follow-redirects')
    for (const path of ['/redirect', '/ok', '/status/500']) {
      await new Promise(done => {
        const request = http.get(`${url}${path}`, { headers: { 'X-Own': '1' } }, response => {
          print(response.statusCode, new URL(response.responseUrl).pathname)
          response.resume().on('end', done)
        })
        request.on('error', error => done(print(tell(error))))
        print(request.listenerCount('response'), Object.keys(request).join())
      })
    }
  },
  async needle() {
    const needle = find('needle')
    await attempt('get', async () => (await needle('get', `${url}/ok`, { headers: { 'X-Own': '1' } })).body)
    await attempt('post', async () => (await needle('post', `${url}/upload`, { a: 1 }, { json: true })).body)
    await attempt('redirect', async () => (await needle('get', `${url}/redirect`, { follow_max: 2 })).statusCode)
    await attempt('timeout', () => needle('get', `${url}/never`, { response_timeout: 50 }))
  },
  async request() {
    const { promisify } = require('node:util')
    const request = find('request')
    const get = promisify(request)
    await attempt('get', async () => (await get({ url: `${url}/ok`, headers: { 'X-Own': '1' } })).body)
    await attempt('form', async () => (await get({ url: `${url}/upload`, method: 'POST', form: { a: 1 } })).body)
    await attempt('redirect', async () => (await get(`${url}/redirect`)).statusCode)
    await attempt('timeout', () => get({ url: `${url}/never`, timeout: 50 }))
  },
  async ws() {
    const http = require('node:http')
    const { WebSocket, WebSocketServer } = find('ws')
    const server = http.createServer((_request, response) => response.end())
    const sockets = new WebSocketServer({ server, verifyClient: ({ req }) => req.url !== '/no' })
    sockets.on('connection', (socket, request) => {
      print(
        'connection',
        request.url,
        Object.keys(request.socket).join(),
        request.socket.eventNames().map(String).join(),
      )
      socket.on('message', data => socket.send(`echo ${data}`))
      socket.on('close', code => print('closed', code))
    })
    await once(server.listen(0), 'listening')
    const { port } = server.address()
    const socket = new WebSocket(`ws://127.0.0.1:${port}/yes`)
    await once(socket, 'open')
    socket.send('hello')
    print(String((await once(socket, 'message'))[0]))
    socket.close(4000)
    await once(socket, 'close')
    const refused = new WebSocket(`ws://127.0.0.1:${port}/no`)
    print(tell((await once(refused, 'error'))[0]))
    const gone = new WebSocket('ws://127.0.0.1:1/')
    print(tell((await once(gone, 'error'))[0]))
    sockets.close()
    server.close()
  },
  async 'grpc-health-check'() {
    const grpc = find('@grpc/grpc-js')
    const { HealthImplementation, protoPath } = find('grpc-health-check')
    const loader = createRequire(packages.resolve('grpc-health-check'))('@grpc/proto-loader')
    const {
      grpc: {
        health: { v1 },
      },
    } = grpc.loadPackageDefinition(loader.loadSync(protoPath))
    const health = new HealthImplementation({ '': 'SERVING', down: 'NOT_SERVING' })
    const server = new grpc.Server()
    health.addToServer(server)
    await new Promise(done =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => done(port)),
    ).then(async port => {
      const client = new v1.Health(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
      for (const service of ['', 'down', 'unknown']) {
        await new Promise(done =>
          client.check({ service }, (error, reply) => done(print(service, error?.code, error?.details, reply))),
        )
      }
      const watching = client.watch({ service: 'down' })
      watching.on('error', error => print(error.code, error.details))
      const [first] = await once(watching, 'data')
      health.setStatus('down', 'SERVING')
      const [second] = await once(watching, 'data')
      print(first, second, watching.eventNames().map(String).join())
      watching.cancel()
      client.close()
      server.forceShutdown()
    })
  },
}

async function tellGot(got) {
  const client = got.extend({ headers: { 'X-Own': '1' }, retry: { limit: 0 } })
  await attempt('get', async () => {
    const { body, headers, redirectUrls, request, statusCode } = await client(`${url}/ok`, { searchParams: { a: '1' } })
    return [statusCode, body, Object.keys(headers).join(), redirectUrls.length, request.constructor.name]
  })
  await attempt('json', () => client.post(`${url}/upload`, { json: { a: 1 } }).json())
  await attempt('redirect', async () => (await client(`${url}/redirect`)).redirectUrls.length)
  await attempt('status', () => client(`${url}/status/404`))
  await attempt('retry', () =>
    got(`${url}/status/503`, { retry: { limit: 1, calculateDelay: ({ computedValue }) => computedValue && 1 } }),
  )
  await attempt('timeout', () => client(`${url}/never`, { timeout: { request: 50 } }))
  await attempt('refused', () => client('http://127.0.0.1:1/'))
  await attempt('stream', async () => {
    let length = 0
    for await (const chunk of client.stream(`${url}/bytes/5000`)) length += chunk.length
    return length
  })
  await attempt('timings', async () => Object.keys((await client(`${url}/ok`)).timings.phases).join())
}

async function tellFetch(ownFetch) {
  const shown = async response => [
    response.status,
    response.redirected,
    [...response.headers.keys()].join(),
    (await response.text()).length,
  ]
  await attempt('get', async () => shown(await ownFetch(`${url}/ok?a=1`, { headers: { 'X-Own': '1' } })))
  await attempt('post', async () => shown(await ownFetch(`${url}/upload`, { method: 'POST', body: 'text' })))
  await attempt('redirect', async () => shown(await ownFetch(`${url}/redirect`)))
  await attempt('status', async () => shown(await ownFetch(`${url}/status/500`)))
  await attempt('break', () => ownFetch(`${url}/break`))
  await attempt('refused', () => ownFetch('http://127.0.0.1:1/'))
  await attempt('abort', () => ownFetch(`${url}/never`, { signal: AbortSignal.timeout(30) }))
  await attempt('header', () => ownFetch(url, { headers: { 'a b': '1' } }))
}

/** @param found packages by their names, in place of those that `require` finds */
exports.run = (name, found) => {
  if (found !== undefined) find = name => found[name]
  clients[name]()
}
if (require.main === module) exports.run(name)
