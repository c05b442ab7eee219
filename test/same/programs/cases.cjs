'use strict'
// Runs the cases of a program one after the other, each with its own server where it wants one, and prints what they see.
const http = require('node:http')
const net = require('node:net')

// An agent of whatever kind adds frames, which would push those of the program over the edge.
Error.stackTraceLimit = 50

/** Not a word may depend on the time or the port. */
function print(...words) {
  console.log(...words)
}

/** Class, code, message, and where the stack begins: all that a program can tell an error by. */
function tell(error) {
  if (!(error instanceof Error)) return `not an error: ${String(error)}`
  const frames = String(error.stack)
    .split('\n')
    .filter(line => /^\s+at /.test(line))
  const own = frames.find(line => line.includes(__dirname))
  const keys = Reflect.ownKeys(error).map(String).join()
  return [error.constructor.name, error.name, error.code, error.message, keys, frames[0], own].join(' | ')
}

/** Prints what a call throws. */
function thrown(name, call) {
  try {
    const result = call()
    print(name, 'returned', typeof result)
    return result
  } catch (error) {
    print(name, 'threw', tell(error))
  }
}

/**
 * Says all events of an emitter in their order, but for those to skip. `emit` itself is watched: no listener is added.
 */
function watch(name, emitter, skip = [], say = print) {
  const { emit } = emitter
  emitter.emit = function (event, ...args) {
    if (skip.includes(event)) return Reflect.apply(emit, this, [event, ...args])
    if (event === 'error') say(name, 'error', tell(args[0]))
    else say(name, String(event), args.map(kind).join())
    return Reflect.apply(emit, this, [event, ...args])
  }
  return emitter
}

function kind(value) {
  if (value instanceof Error) return tell(value)
  if (Buffer.isBuffer(value)) return `${value.length} bytes`
  return typeof value === 'object' ? value?.constructor?.name : String(value)
}

function sleep(ms) {
  return new Promise(done => setTimeout(done, ms))
}

function once(emitter, event) {
  return new Promise(done => emitter.once(event, (...args) => done(args)))
}

/** Resolves when it is closed, or was; some never say so. */
async function closed(emitter) {
  for (let i = 0; i < 60 && !emitter.closed; i++) await sleep(5)
  await sleep(5)
}

/** Starts a server, gives its port to `use`, and closes everything. */
async function serve(listener, use, options = {}) {
  const server = http.createServer(options, listener)
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  try {
    return await use(server.address().port, server)
  } finally {
    server.closeAllConnections()
    await new Promise(done => server.close(done))
  }
}

/** Sends bytes and gives back what came until the connection ended or `ms` are over, without the date. */
async function raw(port, pieces, ms = 150) {
  const socket = net.connect(port, '127.0.0.1')
  let reply = ''
  socket.on('data', data => {
    reply += data.toString('latin1')
  })
  const closed = new Promise(done => socket.on('close', done))
  socket.on('error', () => {})
  for (const piece of [pieces].flat()) {
    socket.write(piece, 'latin1')
    await sleep(5)
  }
  await Promise.race([closed, sleep(ms)])
  socket.destroy()
  return reply.replace(/^Date: .*\r\n/gm, '')
}

/** A server on the level of bytes: for each connection `answer(socket, text)` with what came first. */
async function rawServer(answer, use) {
  const sockets = new Set()
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', data => answer(socket, data.toString('latin1')))
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  try {
    return await use(server.address().port)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise(done => server.close(done))
  }
}

/** The reply to a request, with its body. */
function get(options, body) {
  return new Promise(done => {
    const request = http.request({ host: '127.0.0.1', ...options }, response => {
      let text = ''
      response.setEncoding('latin1').on('data', chunk => {
        text += chunk
      })
      response.on('end', () => done({ status: response.statusCode, response, text }))
      response.on('error', error => done({ error }))
    })
    request.on('error', error => done({ error }))
    request.end(body)
  })
}

async function run(cases) {
  for (const [name, body] of Object.entries(cases)) {
    print(`== ${name}`)
    let timer
    const late = new Promise(done => {
      timer = setTimeout(() => done('LATE'), 4000)
    })
    const result = await Promise.race([body(), late])
    clearTimeout(timer)
    if (result === 'LATE') print(`${name} did not end`)
  }
}

module.exports = { closed, get, kind, once, print, raw, rawServer, run, serve, sleep, tell, thrown, watch }
