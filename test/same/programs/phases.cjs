'use strict'
// Abort and destroy in each phase, upgrade, CONNECT, informational answers: which events come, in which order.
const http = require('node:http')
const net = require('node:net')
const { closed, get, once, print, raw, rawServer, run, serve, sleep, tell, thrown, watch } = require('./cases.cjs')

const state = ({ aborted, destroyed, closed, errored, writableEnded, writableFinished, readableEnded, complete }) =>
  [aborted, destroyed, closed, errored?.message, writableEnded, writableFinished, readableEnded, complete].join()

const functionsOfSockets = { ...net.Socket.prototype }

/** Every phase of a request, with the way in which it ends. */
async function endIn(phase, end, port) {
  const path = { body: '/drip', answered: '/drip', waiting: '/never' }[phase] ?? '/ok'
  const controller = new AbortController()
  const request = http.request({ port, host: '127.0.0.1', path, method: 'POST', signal: controller.signal })
  watch(`${phase} ${end}`, request)
  request.on('response', response => {
    watch('response', response)
    response.on('error', () => {}).resume()
    if (phase === 'answered') act()
    if (phase === 'body') response.once('data', act)
    if (phase === 'complete') response.once('end', act)
    if (phase === 'after') response.once('close', () => setTimeout(act, 5))
  })
  request.on('error', () => {})
  const act = () => {
    if (end === 'destroy') request.destroy()
    else if (end === 'error') request.destroy(new Error('enough'))
    else if (end === 'abort') request.abort()
    else if (end === 'signal') controller.abort()
    else if (end === 'socket') request.socket?.destroy()
    else request.res ? request.res.destroy(new Error('response')) : request.destroy()
    print('acted', state(request))
  }
  if (phase === 'made') act()
  if (phase === 'socket') request.on('socket', act)
  if (phase === 'connect') request.on('socket', socket => socket.once('connect', act))
  if (phase === 'sent') request.on('finish', act)
  if (phase === 'tick') process.nextTick(act)
  if (phase === 'waiting') setTimeout(act, 30)
  if (phase === 'writing') request.write('a', act)
  else if (phase !== 'made') request.end('body')
  await Promise.race([closed(request), sleep(300)])
  await sleep(10)
  print('at last', state(request), request.res ? state(request.res) : '')
}

function answer(request, response) {
  request.on('error', () => {}).resume()
  if (request.url === '/ok') response.end('ok')
  if (request.url !== '/drip') return
  let left = 10
  const timer = setInterval(() => {
    response.write('x'.repeat(10))
    if (--left === 0) {
      clearInterval(timer)
      response.end()
    }
  }, 5)
  response.on('close', () => clearInterval(timer))
}

const cases = {}
for (const phase of [
  'made',
  'tick',
  'socket',
  'connect',
  'writing',
  'sent',
  'waiting',
  'answered',
  'body',
  'complete',
  'after',
]) {
  cases[`a request that ends while it is ${phase}`] = () =>
    serve(answer, async port => {
      for (const end of ['destroy', 'error', 'abort', 'signal', 'socket', 'response']) await endIn(phase, end, port)
    })
}

run({
  ...cases,
  'a signal that was aborted before': async () => {
    const request = thrown('request', () => http.get({ port: 1, signal: AbortSignal.abort(new Error('why')) }))
    watch('request', request).on('error', error => print(tell(error), tell(error.cause)))
    await closed(request)
  },
  'a signal that times out': () =>
    serve(
      () => {},
      async port => {
        const request = watch('request', http.get({ port, host: '127.0.0.1', signal: AbortSignal.timeout(20) }))
        const [error] = await once(request, 'error')
        print(tell(error), tell(error.cause))
      },
    ),
  'a client that goes in each phase, as the server sees it': async () => {
    for (const [phase, text] of [
      ['head', 'POST / HTTP/1.1\r\nHost'],
      ['body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc'],
      ['answer', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'],
    ]) {
      await serve(
        (request, response) => {
          watch(`${phase} request`, request)
            .on('error', () => {})
            .resume()
          watch(`${phase} response`, response)
          response.write('begun')
        },
        async (port, server) => {
          server.on('clientError', (error, socket) => {
            print(phase, 'clientError', tell(error))
            socket.destroy()
          })
          for (const way of ['destroy', 'resetAndDestroy', 'end']) {
            const socket = net.connect(port, '127.0.0.1')
            socket.on('error', () => {})
            socket.write(text)
            await sleep(20)
            socket[way]()
            await sleep(30)
          }
        },
      )
    }
  },
  'a server that ends in each way': () =>
    serve(
      (request, response) => {
        watch(`response ${request.url}`, response).on('error', () => {})
        watch(`request ${request.url}`, request).on('error', () => {})
        if (request.url === '/destroy') response.destroy()
        else if (request.url === '/error') response.destroy(new Error('no'))
        else if (request.url === '/request') request.destroy(new Error('no'))
        else if (request.url === '/socket') response.socket.destroy()
        else if (request.url === '/half') response.write('half', () => response.destroy())
        else if (request.url === '/short') response.writeHead(200, { 'content-length': 10 }).end('short')
        else if (request.url === '/long')
          thrown('long', () => response.writeHead(200, { 'content-length': 1 }).end('long'))
        else if (request.url === '/strict') {
          response.strictContentLength = true
          thrown('strict', () => response.writeHead(200, { 'content-length': 1 }).end('long'))
          response.destroy()
        } else if (request.url === '/detach') {
          const { socket } = response
          response.detachSocket(socket)
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
        } else response.end('ok', () => print('finished', state(response)))
      },
      async port => {
        for (const path of [
          '/',
          '/destroy',
          '/error',
          '/request',
          '/socket',
          '/half',
          '/short',
          '/long',
          '/strict',
          '/detach',
        ]) {
          const { error, status, text } = await Promise.race([
            get({ port, path, agent: false }),
            sleep(200).then(() => ({})),
          ])
          print(path, error ? tell(error) : `${status} ${text}`)
          await sleep(10)
        }
      },
    ),
  'answers that break': () =>
    rawServer(
      (socket, text) => {
        const [, path] = text.split(' ')
        const head = 'HTTP/1.1 200 OK\r\n'
        if (path === '/nothing') socket.destroy()
        else if (path === '/reset') socket.resetAndDestroy()
        else if (path === '/end') socket.end()
        else if (path === '/head') socket.end(head)
        else if (path === '/short') socket.end(`${head}Content-Length: 9\r\n\r\nshort`)
        else if (path === '/chunk') socket.end(`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nab`)
        else if (path === '/size') socket.end(`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\nab`)
        else if (path === '/more') socket.end(`${head}Content-Length: 1\r\n\r\nabcdef`)
        else if (path === '/two') socket.end(`${head}Content-Length: 1\r\n\r\na${head}Content-Length: 1\r\n\r\nb`)
        else if (path === '/trailers')
          socket.end(`${head}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: 1\r\n\r\n`)
        else socket.end(`${head}\r\nuntil the end`)
      },
      async port => {
        for (const path of [
          '/nothing',
          '/reset',
          '/end',
          '/head',
          '/short',
          '/chunk',
          '/size',
          '/more',
          '/two',
          '/trailers',
          '/else',
        ]) {
          const request = watch(path, http.request({ port, host: '127.0.0.1', path, agent: false, method: 'POST' }))
          request
            .on('error', () => {})
            .on('response', response => {
              watch(`${path} response`, response)
                .on('error', () => {})
                .resume()
              response.on('end', () => print(response.trailers, response.complete))
            })
          request.end('body')
          await closed(request)
        }
      },
    ),
  'informational answers': () =>
    serve(
      (_request, response) => {
        response.writeProcessing()
        response.writeEarlyHints({ link: ['</a>; rel=preload', '</b>; rel=preload'], 'x-more': '1' })
        setTimeout(() => response.end('done'), 10)
      },
      async port => {
        const request = watch('request', http.get({ port, host: '127.0.0.1', agent: false }))
        request.on('information', ({ rawHeaders, statusCode }) => print(statusCode, rawHeaders))
        const [response] = await once(request, 'response')
        response.resume()
        await closed(request)
        print(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
      },
    ),
  'expect 100-continue': () =>
    serve(
      (request, response) => request.on('data', data => print('data', data.length)).on('end', () => response.end('ok')),
      async (port, server) => {
        const head = expect =>
          `POST / HTTP/1.1\r\nHost: a\r\nExpect: ${expect}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n`
        print(await raw(port, [head('100-continue'), 'ab']))
        print(await raw(port, [head('nonsense'), 'ab']))
        server.on('checkContinue', (request, response) => {
          print('checkContinue', request.headers.expect)
          response.writeContinue(() => print('written'))
          server.emit('request', request, response)
        })
        server.on('checkExpectation', (_request, response) => response.writeHead(417).end('no'))
        print(await raw(port, [head('100-continue'), 'ab']))
        print(await raw(port, [head('nonsense'), 'ab']))
        const request = watch(
          'request',
          http.request({ port, method: 'PUT', headers: { Expect: '100-continue' }, agent: false }),
        )
        request.flushHeaders()
        await once(request, 'continue')
        request.end('body')
        const [response] = await once(request, 'response')
        response.resume()
        await closed(request)
      },
    ),
  upgrades: () =>
    serve(
      (_request, response) => response.end('plain'),
      async (port, server) => {
        const ask = 'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly'
        print(await raw(port, ask))
        const names = stream => `${Object.keys(stream).sort().join()} ${stream.eventNames().map(String)}`
        server.on('upgrade', function (_request, socket, head) {
          print('upgrade', this === server, head.toString(), names(socket), Object.keys(server).join())
          print(Object.hasOwn(server, 'emit'), Reflect.ownKeys(socket).map(String).sort().join())
          const { _destroy, _write, _writev } = socket
          print([_destroy, _write, _writev].map(({ length, name }) => `${name}(${length})`).join())
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
          print(['_write', '_writev', '_destroy'].map(key => socket[key] === functionsOfSockets[key]).join())
          socket.pipe(socket)
        })
        print(await raw(port, [ask, 'more']))
        const request = watch(
          'request',
          http.get({ port, path: '/up', headers: { Connection: 'Upgrade', Upgrade: 'echo' } }),
        )
        const [response, socket, head] = await once(request, 'upgrade')
        print(response.statusCode, response.rawHeaders, head.length, names(socket))
        socket.end('bye')
        await closed(socket.resume())
        const refused = watch(
          'refused',
          http.get({ port, path: '/', headers: { Connection: 'Upgrade', Upgrade: 'x' } }),
        )
        const [, tunnel] = await once(refused, 'upgrade')
        tunnel.destroy()
        await closed(refused)
      },
    ),
  CONNECT: () =>
    serve(
      (_request, response) => response.end(),
      async (port, server) => {
        print(await raw(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'))
        server.on('connect', (request, socket, head) => {
          print(request.url, request.method, head.length)
          if (request.url === 'no:1') socket.end('HTTP/1.1 403 No\r\n\r\n')
          else {
            socket.write('HTTP/1.1 200 Connected\r\n\r\n')
            socket.pipe(socket)
          }
        })
        print(await raw(port, ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 'hello']))
        for (const path of ['a:1', 'no:1']) {
          const request = watch(path, http.request({ port, method: 'CONNECT', path, agent: false })).end()
          const [response, socket] = await once(request, 'connect')
          print(response.statusCode, request.destroyed)
          socket.end('x')
          await closed(socket.resume())
        }
        const request = watch('nobody', http.request({ port, method: 'CONNECT', path: 'a:1', agent: false })).end()
        await closed(request)
      },
    ),
})
