'use strict'
// Connections that are destroyed at each moment of a request, by either side: http and https, first requests, later ones on
// a kept connection, and those that a client sends ahead of their answers. All events of servers, requests and responses are printed.
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const tls = require('node:tls')
const { readFileSync } = require('node:fs')
const { closed, once, print, run, sleep, watch } = require('./cases.cjs')

const [, , side, transport] = process.argv
const secrets = { key: readFileSync(process.env.KEY), cert: readFileSync(process.env.CERT) }
const isSecure = transport === 'https'
const STEP_MS = 20

// Node cannot reset below TLS.
const WAYS = isSecure ? ['destroy', 'error', 'end'] : ['destroy', 'error', 'end', 'reset']

function end(socket, way) {
  if (socket === null || socket === undefined) print('no socket')
  else if (way === 'destroy') socket.destroy()
  else if (way === 'error') socket.destroy(new Error('enough'))
  else if (way === 'end') socket.end()
  else socket.resetAndDestroy()
}

const state = ({ aborted, destroyed, closed, errored, writableEnded, writableFinished, readableEnded, complete }) =>
  [aborted, destroyed, closed, errored?.message, writableEnded, writableFinished, readableEnded, complete].join()

const HEAD = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n'
const WHOLE = `${HEAD}abcdef`
const FIRST = 'GET /first HTTP/1.1\r\nHost: a\r\n\r\n'

/** What has been sent when a client goes. The answers: of /x the head, a part of the body, all. */
const CLIENT_MOMENTS = {
  'before the head': [''],
  'within the head': ['POST /x HTTP/1.1\r\nHo'],
  'after the head': [HEAD],
  'within the body': [HEAD, 'abc'],
  'between head and answer': [WHOLE.replace('/x', '/silent')],
  'after the head of the answer': [WHOLE.replace('/x', '/head')],
  'within the answer': [WHOLE.replace('/x', '/part')],
  'after the answer': [WHOLE],
}

async function listen(server) {
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  return server.address().port
}

function connect(port) {
  const options = { host: '127.0.0.1', port, rejectUnauthorized: false }
  return isSecure ? tls.connect(options) : net.connect(options)
}

function makeServer(options, listener) {
  return isSecure ? https.createServer({ ...secrets, ...options }, listener) : http.createServer(options, listener)
}

async function clientGoes(moment, way, before) {
  const seen = []
  const server = makeServer({}, (request, response) => {
    watch(`request ${request.url}`, request).on('error', () => {})
    watch(`response ${request.url}`, response).on('error', () => {})
    seen.push(request, response)
    request.resume()
    request.on('end', () => {
      if (request.url === '/silent') return
      response.writeHead(200, { 'Content-Length': 4 }).flushHeaders()
      if (request.url === '/head') return
      response.write('an')
      if (request.url !== '/part') response.end('sw')
    })
  })
  server.on('clientError', (error, socket) => {
    // Over TLS it is chance whether the end or the error is noticed first, and whether there is one.
    if (!isSecure) print('clientError', error.code, socket.writable, socket.destroyed)
    socket.destroy()
  })
  const socket = connect(await listen(server))
  socket.on('error', () => {})
  socket.resume()
  await once(socket, isSecure ? 'secureConnect' : 'connect')
  const pieces = CLIENT_MOMENTS[moment]
  if (before === 'kept') {
    socket.write(FIRST)
    await sleep(STEP_MS)
  }
  let ahead = before === 'pipelined' ? FIRST : ''
  for (const piece of pieces) {
    if (ahead + piece !== '') socket.write(ahead + piece)
    ahead = ''
    await sleep(STEP_MS)
  }
  end(socket, way)
  await sleep(STEP_MS * 2)
  print('at last', ...seen.map(state))
  server.closeAllConnections()
  await new Promise(done => server.close(done))
}

/** When the handler of a server destroys the connection. */
const SERVER_MOMENTS = [
  'at the request',
  'within the body',
  'before the answer',
  'after the head of the answer',
  'within the answer',
  'at the end of the answer',
  'when it is finished',
  'after the answer',
]

async function serverGoes(moment, way, before) {
  const act = response => {
    print('acts', state(response))
    end(response.socket ?? response.req.socket, way)
  }
  const server = makeServer({}, async (request, response) => {
    if (request.url === '/first') {
      request.resume()
      return void response.end('first')
    }
    watch('request', request).on('error', () => {})
    watch('response', response).on('error', () => {})
    const { socket } = request
    if (moment === 'at the request') return act(response)
    if (moment === 'within the body') return void request.once('data', () => act(response))
    await once(request.resume(), 'end')
    if (moment === 'before the answer') return act(response)
    response.writeHead(200, { 'Content-Length': 6 }).flushHeaders()
    if (moment === 'after the head of the answer') return setTimeout(act, STEP_MS, response)
    response.write('ans')
    if (moment === 'within the answer') return setTimeout(act, STEP_MS, response)
    if (moment === 'when it is finished') response.on('finish', () => end(socket, way))
    response.end('wer')
    if (moment === 'at the end of the answer') end(socket, way)
    if (moment === 'after the answer') setTimeout(end, STEP_MS, socket, way)
  })
  const port = await listen(server)
  const module = isSecure ? https : http
  const agent = before === 'alone' ? false : new module.Agent({ keepAlive: true, maxSockets: 1 })
  const options = { host: '127.0.0.1', port, agent, method: 'POST', rejectUnauthorized: false }
  if (before === 'kept') {
    const first = module.request({ ...options, path: '/first' }).end()
    const [response] = await once(first, 'response')
    await once(response.resume(), 'close')
    await sleep(STEP_MS)
  }
  const asked = module.request({ ...options, path: '/x', headers: { 'Content-Length': 6 } })
  // Whether the last bytes are written before the connection is gone is chance.
  watch('client request', asked, ['prefinish', 'finish']).on('error', () => {})
  asked.on('response', response => {
    watch('client response', response).on('error', () => {})
    response.resume()
  })
  asked.write('abc')
  await sleep(STEP_MS)
  asked.end('def')
  await Promise.race([closed(asked), sleep(120)])
  await sleep(STEP_MS)
  print(
    'at last',
    asked.destroyed,
    asked.closed,
    asked.errored?.message,
    asked.res ? state(asked.res) : '',
    asked.reusedSocket,
  )
  agent && agent.destroy()
  asked.destroy()
  server.closeAllConnections()
  await new Promise(done => server.close(done))
}

const cases = {}
for (const before of side === 'client' ? ['alone', 'kept', 'pipelined'] : ['alone', 'kept']) {
  for (const moment of side === 'client' ? Object.keys(CLIENT_MOMENTS) : SERVER_MOMENTS) {
    cases[`${side} goes ${moment}, ${before}`] = async () => {
      for (const way of WAYS) {
        print(`-- ${way}`)
        if (side === 'client') await clientGoes(moment, way, before)
        else await serverGoes(moment, way, before)
      }
    }
  }
}
// Whoever started it may be gone.
setTimeout(process.exit, 75_000, 1).unref()
// A socket that one side has only half closed would keep the process.
run(cases).then(() => process.exit())
