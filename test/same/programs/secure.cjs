'use strict'
// What the other side of https reads once it is decrypted, and what both sides see of the handshake and its sessions.
const https = require('node:https')
const tls = require('node:tls')
const { readFileSync } = require('node:fs')
const { once, print, run, sleep, tell, watch } = require('./cases.cjs')

const secrets = { key: readFileSync(process.env.KEY), cert: readFileSync(process.env.CERT) }
const open = { host: '127.0.0.1', rejectUnauthorized: false }
const plain = text => text.replace(/^Date: .*\r\n/gm, '').replace(/(127\.0\.0\.1|localhost):\d+/g, '$1:PORT')

/** A TLS server on the level of bytes: prints what it decrypts, answers each head. */
async function rawServer(options, use) {
  const sockets = new Set()
  const server = tls.createServer({ ...secrets, ...options }, socket => {
    sockets.add(socket)
    let text = ''
    print('secured', socket.alpnProtocol, socket.servername, socket.isSessionReused(), socket.getProtocol())
    socket.on('error', error => print('server socket', tell(error)))
    socket.on('close', () => print('the server read', JSON.stringify(plain(text))))
    socket.on('data', data => {
      text += data.toString('latin1')
      const isWhole = text.endsWith('\r\n\r\n') || text.endsWith('0\r\n\r\n') || text.endsWith('body')
      if (isWhole) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  try {
    await use(server.address().port)
  } finally {
    await sleep(20)
    for (const socket of sockets) socket.destroy()
    await new Promise(done => server.close(done))
  }
}

async function ask(options, body) {
  const request = watch('request', https.request({ ...open, ...options })).on('error', () => {})
  request.on('socket', socket => {
    if (socket.encrypted) for (const event of ['secureConnect', 'session', 'keylog']) note(socket, event)
  })
  request.end(body)
  const [response] = await once(request, 'response')
  print(response.statusCode, response.rawHeaders.filter((_value, index) => index % 2 === 0).join())
  response.resume()
  await once(response, 'close')
  const { alpnProtocol, authorized, authorizationError } = request.socket
  print(alpnProtocol, authorized, authorizationError, request.reusedSocket, request.socket.isSessionReused())
}

const noted = new WeakSet()

function note(socket, event) {
  if (!noted.has(socket)) print('a socket with listeners', socket.eventNames().map(String).join())
  noted.add(socket)
  let count = 0
  socket.on(event, () => {
    if (count++ === 0) print('first', event)
  })
}

async function serve(options, use) {
  const server = https.createServer({ ...secrets, ...options }, (request, response) => {
    let text = ''
    print(
      request.method,
      request.url,
      request.socket.alpnProtocol,
      request.socket.isSessionReused(),
      request.rawHeaders,
    )
    request.on('data', data => {
      text += data
    })
    request.on('end', () => response.writeHead(201, { 'X-Body': text }).end('answer'))
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  try {
    await use(server.address().port, server)
  } finally {
    server.closeAllConnections()
    await new Promise(done => server.close(done))
  }
}

/** What a TLS client that knows no HTTP reads. */
async function talk(port, options, pieces) {
  const socket = tls.connect({ ...open, port, ...options })
  let text = ''
  let session
  socket.on('session', latest => {
    session = latest
  })
  socket.on('error', error => print('client', tell(error)))
  socket.on('data', data => {
    text += data.toString('latin1')
  })
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'error')])
  for (const piece of pieces) {
    socket.write(piece)
    await sleep(10)
  }
  await sleep(60)
  print('the client read', JSON.stringify(plain(text)), socket.alpnProtocol, socket.isSessionReused(), socket.destroyed)
  socket.destroy()
  return session
}

const GET = 'GET /a?b=1 HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n'

const cases = {}
for (const version of ['TLSv1.2', 'TLSv1.3']) {
  const only = { minVersion: version, maxVersion: version }
  Object.assign(cases, {
    [`${version}: requests as a server decrypts them`]: () =>
      rawServer({ ...only, ALPNProtocols: ['http/1.1'] }, async port => {
        const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
        await ask({ port, agent, path: '/first' })
        await ask({ port, agent, path: '/second', method: 'POST' }, 'body')
        await ask({ port, agent, path: '/raw', headers: ['X-One', '1', 'x-one', '2', 'Host', 'other'] })
        agent.destroy()
        await ask({ port, path: '/session', agent: new https.Agent({ servername: 'localhost' }) })
        await ask({ port, path: '/protocols', agent: false, ALPNProtocols: ['x', 'http/1.1'] })
        await ask(
          { port, path: '/early', agent: false, headers: { 'Transfer-Encoding': 'chunked' }, method: 'PUT' },
          'b',
        )
      }),
    [`${version}: sessions of an agent are used again`]: () =>
      rawServer(only, async port => {
        const agent = watch('agent', new https.Agent({ maxCachedSessions: 2 }))
        for (const path of ['/1', '/2', '/3']) {
          await ask({ port, agent, path, headers: { Connection: 'close' } })
          await sleep(20)
        }
        print(Object.keys(agent._sessionCache.map).length, agent._sessionCache.list.length)
        agent.destroy()
      }),
    [`${version}: answers as a client decrypts them`]: () =>
      serve(only, async (port, server) => {
        for (const event of ['secureConnection', 'tlsClientError', 'clientError', 'keylog']) {
          let count = 0
          server.on(event, value => {
            if (count++ === 0) print('server', event, value instanceof Error ? tell(value) : '')
          })
        }
        server.on('newSession', (_id, _data, done) => {
          print('newSession')
          done()
        })
        server.on('resumeSession', (_id, done) => {
          print('resumeSession')
          done(null, null)
        })
        const session = await talk(port, { ALPNProtocols: ['http/1.1'] }, [GET, POST, 'body'])
        await talk(port, { session }, [GET + GET])
        await talk(port, { ALPNProtocols: ['h2'] }, [GET])
        await talk(port, {}, ['nonsense\r\n\r\n'])
        await talk(port, { servername: 'localhost' }, [`${POST}bo`, 'dy'])
      }),
  })
}

run({
  ...cases,
  'a certificate that is refused': () =>
    rawServer({}, async port => {
      const request = watch('request', https.get({ port, host: '127.0.0.1', agent: false }))
      const [error] = await once(request, 'error')
      print(tell(error))
    }),
  'plain text for a TLS server, and the reverse': async () => {
    await serve({}, async (port, server) => {
      server.on('tlsClientError', error => print('tlsClientError', error.code))
      const request = require('node:http').get({ port, host: '127.0.0.1', agent: false })
      const [error] = await once(watch('plain', request), 'error')
      print(tell(error))
    })
  },
})
