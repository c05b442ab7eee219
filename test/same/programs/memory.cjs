'use strict'
// Sends N requests to a server of its own, four times, and prints after each round what the process holds then.
const http = require('node:http')
const https = require('node:https')
const { readFileSync } = require('node:fs')

const [, , kind, count] = process.argv
const sleep = ms => new Promise(done => setTimeout(done, ms))

function listen(server) {
  return new Promise(done => server.listen(0, '127.0.0.1', () => done(server.address().port)))
}

function ask(module, options) {
  return new Promise((done, fail) => {
    const request = module.request({ host: '127.0.0.1', method: 'POST', ...options }, response => {
      response.resume().on('close', done)
    })
    request.on('error', error => (options.mayFail ? done() : fail(error))).end('body')
  })
}

const reply = (request, response) => request.resume().on('end', () => response.end('ok'))

/** Each gives back a function that sends one request, and one that closes everything. */
const KINDS = {
  async 'keep-alive'() {
    const server = http.createServer(reply)
    const port = await listen(server)
    const agent = new http.Agent({ keepAlive: true })
    return [() => ask(http, { port, agent, path: '/a?b=1' }), () => close(server, agent)]
  },
  async connections() {
    const server = http.createServer(reply)
    const port = await listen(server)
    return [() => ask(http, { port, agent: false }), () => close(server)]
  },
  async https() {
    const server = https.createServer(
      { key: readFileSync(process.env.KEY), cert: readFileSync(process.env.CERT) },
      reply,
    )
    const port = await listen(server)
    const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false })
    return [() => ask(https, { port, agent }), () => close(server, agent)]
  },
  async aborts() {
    const server = http.createServer((request, response) => {
      request.on('error', () => {})
      if (request.url === '/head') response.write('begun')
      request.socket.destroy()
    })
    const port = await listen(server)
    let turn = 0
    return [
      () => ask(http, { port, agent: false, path: turn++ % 2 === 0 ? '/head' : '/', mayFail: true }),
      () => close(server),
    ]
  },
  async fetch() {
    const server = http.createServer(reply)
    const port = await listen(server)
    return [
      async () => (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'body' })).text(),
      () => close(server),
    ]
  },
  async express() {
    const express = require('express')
    const app = express()
    const router = express.Router()
    router.post('/:id', reply)
    app.use('/items', (_request, _response, next) => next(), router)
    const server = http.createServer(app)
    const port = await listen(server)
    const agent = new http.Agent({ keepAlive: true })
    return [() => ask(http, { port, agent, path: '/items/1' }), () => close(server, agent)]
  },
  async grpc() {
    const grpc = require('@grpc/grpc-js')
    const loader = require('@grpc/proto-loader')
    const { pkg_test } = grpc.loadPackageDefinition(loader.loadSync(process.env.PROTO))
    const server = new grpc.Server()
    server.addService(pkg_test.GrpcTester.service, {
      UnaryMethod: (call, callback) => callback(null, { num: call.request.num }),
    })
    const credentials = grpc.ServerCredentials.createInsecure()
    const port = await new Promise(done => server.bindAsync('127.0.0.1:0', credentials, (_error, bound) => done(bound)))
    const client = new pkg_test.GrpcTester(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
    return [
      () => new Promise((done, fail) => client.unaryMethod({ num: 1 }, error => (error ? fail(error) : done()))),
      () => {
        client.close()
        server.forceShutdown()
      },
    ]
  },
}

function close(server, agent) {
  agent?.destroy()
  server.closeAllConnections()
  server.close()
}

async function held() {
  // What waits to be sent is sent by then, and what was closed is gone.
  await sleep(400)
  for (let i = 0; i < 3; i++) {
    gc()
    await sleep(20)
  }
  const { external, heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, external, rss }
}

async function run() {
  const [send, end] = await KINDS[kind]()
  const round = async () => {
    for (let i = 0; i < Number(count); i++) await send()
    return held()
  }
  const rounds = []
  while (rounds.length < 4) rounds.push(await round())
  console.log(JSON.stringify(rounds))
  end()
}

run()
