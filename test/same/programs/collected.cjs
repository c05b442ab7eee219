'use strict'
// While a connection is kept open, what was asked and answered over it is garbage: prints what is still held.
const http = require('node:http')
const https = require('node:https')
const { readFileSync } = require('node:fs')

const sleep = ms => new Promise(done => setTimeout(done, ms))

/** In a function of its own, so that no variable of the caller holds what was made. */
async function ask(module, agent, port, path, refs) {
  await new Promise((done, fail) => {
    const request = module.request({ host: '127.0.0.1', port, agent, path, method: 'POST' }, response => {
      refs['client response'] = new WeakRef(response)
      response.resume().on('close', done)
    })
    refs['client request'] = new WeakRef(request)
    request.on('error', fail).end('body')
  })
}

async function look(name, module, server, agent) {
  const refs = {}
  server.on('request', (request, response) => {
    refs['server request'] = new WeakRef(request)
    refs['server response'] = new WeakRef(response)
    request.resume().on('end', () => response.end('ok'))
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await ask(module, agent, port, '/first?a=1', refs)
  for (let i = 0; i < 5; i++) {
    await sleep(20)
    gc()
  }
  const connections = await new Promise(done => server.getConnections((_error, count) => done(count)))
  const held = Object.entries(refs).filter(([, ref]) => ref.deref() !== undefined)
  console.log(name, connections, 'open, held:', held.map(([what]) => what).join() || 'nothing')
  agent.destroy()
  server.close()
}

async function run() {
  await look('http', http, http.createServer(), new http.Agent({ keepAlive: true }))
  const secrets = { key: readFileSync(process.env.KEY), cert: readFileSync(process.env.CERT) }
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false })
  await look('https', https, https.createServer(secrets), agent)
}

run()
