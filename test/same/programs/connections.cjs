'use strict'
// Agents and their sockets, keep-alive, timeouts, pipelining, and the end of connections.
const http = require('node:http')
const net = require('node:net')
const { get, once, print, raw, rawServer, run, serve, sleep, tell, watch } = require('./cases.cjs')

/** Keys and counts of what an agent holds, without ports. */
function holds(agent) {
  const counts = map =>
    JSON.stringify(Object.entries(map).map(([key, { length }]) => [key.replace(/\d{4,}/, 'N'), length]))
  return `${counts(agent.sockets)} ${counts(agent.freeSockets)} ${counts(agent.requests)} ${agent.totalSocketCount}`
}

function listeners(emitter) {
  return emitter
    .eventNames()
    .map(event => `${String(event)} ${emitter.listenerCount(event)}`)
    .join()
}

run({
  'an agent keeps a socket and gives it away again': () =>
    serve(
      (request, response) => response.end(request.url),
      async port => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 })
        watch('agent', agent)
        const requests = ['/a', '/b', '/c'].map(path => {
          const request = http.get({ port, host: '127.0.0.1', agent, path })
          return once(request, 'response').then(async ([response]) => {
            print(path, request.reusedSocket, listeners(request.socket), Object.keys(request.socket).length)
            response.resume()
            await once(response, 'close')
          })
        })
        print(holds(agent), agent.getName({ port: 1, host: 'a' }))
        await Promise.all(requests)
        await sleep(20)
        print(holds(agent))
        const [socket] = Object.values(agent.freeSockets)[0]
        print(listeners(socket), Object.keys(socket).join(), Reflect.ownKeys(socket.parser ?? {}).length)
        agent.destroy()
        await sleep(20)
        print(holds(agent), Object.keys(agent).join())
      },
    ),
  'agents of many kinds': () =>
    serve(
      (_request, response) => response.end('ok'),
      async port => {
        for (const options of [
          { agent: false },
          { agent: undefined },
          { agent: new http.Agent({ scheduling: 'fifo', keepAlive: true }) },
          { agent: new http.Agent({ maxTotalSockets: 1, keepAlive: true, timeout: 1000 }) },
          { createConnection: () => net.connect(port, '127.0.0.1') },
          { createConnection: (_options, done) => void done(null, net.connect(port, '127.0.0.1')) },
          { createConnection: (_options, done) => void setTimeout(done, 5, new Error('no connection')) },
          { agent: { addRequest: request => request.onSocket(net.connect(port, '127.0.0.1')), defaultPort: port } },
        ]) {
          const results = await Promise.all([get({ port, ...options }), get({ port, ...options })])
          print(results.map(({ error, status, text }) => (error ? tell(error) : `${status} ${text}`)))
          options.agent?.destroy?.()
        }
      },
    ),
  'a subclass of the agent': () =>
    serve(
      (_request, response) => response.end('ok'),
      async port => {
        class Own extends http.Agent {
          addRequest(request, options) {
            print('addRequest', request.path, Object.keys(options).join(), arguments.length)
            return super.addRequest(request, options)
          }
          createConnection(options, done) {
            print('createConnection', Object.keys(options).join())
            return super.createConnection(options, done)
          }
          keepSocketAlive(socket) {
            print('keepSocketAlive', listeners(socket))
            return super.keepSocketAlive(socket)
          }
          reuseSocket(socket, request) {
            print('reuseSocket', request.path)
            return super.reuseSocket(socket, request)
          }
        }
        const agent = new Own({ keepAlive: true })
        print((await get({ port, agent, path: '/1' })).text, (await get({ port, agent, path: '/2' })).text)
        agent.destroy()
      },
    ),
  'a kept socket that the other side closes': () =>
    rawServer(
      socket => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=1\r\n\r\nok')
        socket.once('data', () => socket.destroy())
      },
      async port => {
        const agent = new http.Agent({ keepAlive: true })
        print((await get({ port, agent })).text)
        await sleep(10)
        const { error } = await get({ port, agent })
        print(tell(error), holds(agent))
        agent.destroy()
      },
    ),
  'a flood of pipelined requests': () =>
    serve(
      (request, response) => {
        if (Number(request.url.slice(1)) % 7 === 0) setTimeout(() => response.end(request.url), 5)
        else response.end(request.url)
      },
      async (port, server) => {
        const flood = Array.from({ length: 300 }, (_value, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`).join(
          '',
        )
        const reply = await raw(port, flood, 600)
        print(reply.length, reply.match(/HTTP\/1\.1 200/g)?.length, reply.match(/\r\n\/\d+/g)?.join('').length)
        server.maxRequestsPerSocket = 3
        print(await raw(port, 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5), 200))
      },
    ),
  'a server that drops': () =>
    serve(
      (_request, response) => response.end('ok'),
      async (port, server) => {
        watch('server', server)
        server.maxRequestsPerSocket = 1
        print(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2), 200))
      },
    ),
  'closing idle and all connections': () =>
    serve(
      (request, response) => {
        if (request.url === '/slow') response.write('begun')
        else response.end('ok')
      },
      async (port, server) => {
        const agent = new http.Agent({ keepAlive: true })
        print((await get({ port, agent })).text)
        const slow = http.get({ port, host: '127.0.0.1', path: '/slow', agent })
        const [response] = await once(slow, 'response')
        response.on('error', error => print('response', tell(error))).resume()
        const idle = net.connect(port, '127.0.0.1')
        await once(idle, 'connect')
        print((await get({ port, agent })).text)
        await sleep(20)
        const count = () => new Promise(done => server.getConnections((_error, number) => done(number)))
        print(await count(), holds(agent))
        server.closeIdleConnections()
        await sleep(30)
        print(await count(), holds(agent), response.complete)
        server.closeAllConnections()
        await sleep(30)
        print(await count(), holds(agent), response.complete, response.aborted)
        idle.destroy()
        agent.destroy()
      },
    ),
  'time limits of a server': () =>
    serve(
      (request, response) =>
        request
          .resume()
          .on('end', () => response.end('ok'))
          .on('error', error => print('request', tell(error))),
      async (port, server) => {
        server.on('clientError', (error, socket) => {
          print('clientError', tell(error))
          socket.end('HTTP/1.1 408 Late\r\n\r\n')
        })
        server.on('timeout', () => print('timeout'))
        print(await raw(port, 'GET / HTTP/1.1\r\nHo', 600))
        print(await raw(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab', 600))
        print(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 300))
      },
      { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20, keepAliveTimeout: 50 },
    ),
  'the timeout of a socket': () =>
    serve(
      () => {},
      async (port, server) => {
        server.setTimeout(60, socket => {
          print('server timeout', listeners(socket))
          socket.destroy()
        })
        const request = watch('request', http.get({ port, host: '127.0.0.1', timeout: 30 }))
        request.on('timeout', () => print('timeout', listeners(request.socket)))
        request.on('error', () => {})
        await once(request, 'close')
        const other = watch('other', http.request({ port, host: '127.0.0.1' }))
        other.setTimeout(20, () => other.destroy(new Error('too slow')))
        other.on('error', () => {}).end()
        await once(other, 'close')
      },
    ),
  'a server that is closed while it answers': () =>
    serve(
      (_request, response) => {
        response.write('a')
        setTimeout(() => response.end('b'), 30)
      },
      async (port, server) => {
        const reply = get({ port })
        await sleep(15)
        server.close(error => print('closed', error === undefined))
        print((await reply).text)
        server.close(error => print(tell(error)))
        await sleep(10)
        server.listen(0)
        await once(server, 'listening')
      },
    ),
  'the connection of a server by hand': async () => {
    const { Duplex } = require('node:stream')
    const server = http.createServer((request, response) => {
      print(request.url, request.socket === stream, Object.keys(stream).join())
      response.end('by hand')
    })
    watch('server', server)
    let text = ''
    const stream = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        text += chunk.toString('latin1')
        done()
      },
    })
    server.emit('connection', stream)
    stream.push('GET /hand HTTP/1.1\r\nHost: a\r\n\r\n')
    await sleep(30)
    print(text.replace(/Date: .*\r\n/, ''), listeners(stream))
    stream.destroy()
    await sleep(10)
    print(Object.keys(stream).join(), listeners(stream))
  },
})
