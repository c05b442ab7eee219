'use strict'
// Connections that are destroyed at each moment of a request, by either side: http and https, first requests, later ones on
// a kept connection, and those that a client sends ahead of their answers. All events of servers, requests and responses are
// printed, those of each side in their order: which side hears first of what happened is chance. And each step waits until
// the one before has had all of its consequences: two that a busy machine joins into one read have others.
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const tls = require('node:tls')
const { readFileSync } = require('node:fs')
const { once, print, run, watch } = require('./cases.cjs')

const [, , side, transport] = process.argv
const secrets = { key: readFileSync(process.env.KEY), cert: readFileSync(process.env.CERT) }
const isSecure = transport === 'https'

/** Events so far: while there are more, it is not quiet. */
let happened = 0
/**
 * Turns of the event loop in which nothing happens. Both sides are in this process: a few are enough, however long they take.
 * Without a word to anybody, an end over TLS takes five of them, and a kernel that is busy some more.
 */
const QUIET_TURNS = 25

async function quiet() {
  let before = happened
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    // The kernel may need the processor to pass on what was sent. And late timers run one after the other, though each was
    // set by the one before, without a look at the sockets between them: an immediate comes after that look.
    await new Promise(done => setTimeout(done, 1))
    await new Promise(done => setImmediate(done))
    if (happened !== before) turns = 0
    before = happened
  }
}

/** What one side sees. */
class Side {
  lines = []

  say = (...words) => {
    happened++
    this.lines.push(words)
  }

  tell() {
    for (const words of this.lines) print(...words)
  }
}

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
  const side = new Side()
  const server = makeServer({}, (request, response) => {
    watch(`request ${request.url}`, request, [], side.say).on('error', () => {})
    watch(`response ${request.url}`, response, [], side.say).on('error', () => {})
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
    if (!isSecure) side.say('clientError', error.code, socket.writable, socket.destroyed)
    socket.destroy()
  })
  const socket = connect(await listen(server))
  socket.on('error', () => {})
  socket.resume()
  await once(socket, isSecure ? 'secureConnect' : 'connect')
  const pieces = CLIENT_MOMENTS[moment]
  if (before === 'kept') {
    socket.write(FIRST)
    await quiet()
  }
  let ahead = before === 'pipelined' ? FIRST : ''
  for (const piece of pieces) {
    if (ahead + piece !== '') socket.write(ahead + piece)
    ahead = ''
    await quiet()
  }
  end(socket, way)
  await quiet()
  side.tell()
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
  const serving = new Side()
  const asking = new Side()
  let gone
  const goes = new Promise(done => {
    gone = done
  })
  const act = response => {
    serving.say('acts', state(response))
    end(response.socket ?? response.req.socket, way)
    gone()
  }
  const server = makeServer({}, async (request, response) => {
    if (request.url === '/first') {
      request.resume()
      return void response.end('first')
    }
    watch('request', request, [], serving.say).on('error', () => {})
    watch('response', response, [], serving.say).on('error', () => {})
    if (moment === 'at the request') return act(response)
    if (moment === 'within the body') return void request.once('data', () => act(response))
    await once(request.resume(), 'end')
    if (moment === 'before the answer') return act(response)
    response.writeHead(200, { 'Content-Length': 6 }).flushHeaders()
    if (moment === 'after the head of the answer') return quiet().then(() => act(response))
    response.write('ans')
    if (moment === 'within the answer') return quiet().then(() => act(response))
    if (moment === 'when it is finished') response.on('finish', () => act(response))
    response.end('wer')
    if (moment === 'at the end of the answer') act(response)
    if (moment === 'after the answer') quiet().then(() => act(response))
  })
  const port = await listen(server)
  const module = isSecure ? https : http
  const agent = before === 'alone' ? false : new module.Agent({ keepAlive: true, maxSockets: 1 })
  const options = { host: '127.0.0.1', port, agent, method: 'POST', rejectUnauthorized: false }
  if (before === 'kept') {
    const first = module.request({ ...options, path: '/first' }).end()
    const [response] = await once(first, 'response')
    await once(response.resume(), 'close')
    await quiet()
  }
  const asked = module.request({ ...options, path: '/x', headers: { 'Content-Length': 6 } })
  // Whether the last bytes are written before the connection is gone is chance.
  watch('client request', asked, ['prefinish', 'finish'], asking.say).on('error', () => {})
  asked.on('response', response => {
    watch('client response', response, [], asking.say).on('error', () => {})
    response.resume()
  })
  asked.flushHeaders()
  await once(asked, 'socket')
  await quiet()
  asked.write('abc')
  await quiet()
  asked.end('def')
  await goes
  await quiet()
  serving.tell()
  asking.tell()
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
