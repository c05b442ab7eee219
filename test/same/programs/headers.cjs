'use strict'
// Headers in all their forms, and the limits of them, on both sides.
const http = require('node:http')
const { get, once, print, raw, rawServer, run, serve, tell, thrown } = require('./cases.cjs')

/** What reaches a server of bytes, the port aside. */
async function sent(options, body, change) {
  return rawServer(
    (socket, text) => {
      print(JSON.stringify(text.replace(/:\d+/, ':PORT')))
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    },
    async port => {
      const request = http.request({ port, host: '127.0.0.1', ...options }, response => response.resume())
      request.on('error', error => print('error', tell(error)))
      change?.(request)
      print(request.getHeaders(), request.getRawHeaderNames(), request.headersSent, request.hasHeader('host'))
      request.end(body)
      print(request.getHeaders(), request.getRawHeaderNames(), request.headersSent, request.outputSize)
      await once(request, 'close')
      print(request._header === null, request.getHeaders(), Object.keys(request).length)
    },
  )
}

const many = count => Array.from({ length: count }, (_value, index) => `X-${index}: ${index}\r\n`).join('')

run({
  'an object': () => sent({ headers: { 'X-One': '1', accept: ['a', 'b'], COOKIE: ['a=1', 'b=2'] } }),
  'a flat array': () => sent({ headers: ['Host', 'here', 'X-Multi', 'a', 'x-multi', 'b'] }),
  'a flat array without a host': () => sent({ headers: ['X-Multi', 'a'], setHost: false }),
  'an array with a body': () => sent({ method: 'POST', headers: ['Host', 'here', 'Content-Length', '4'] }, 'body'),
  pairs: () =>
    sent({
      headers: [
        ['Host', 'h'],
        ['Set-Cookie', 'a'],
      ],
    }),
  'no host': () => sent({ setHost: false, headers: { a: 'b' } }),
  'no default headers': () => sent({ setDefaultHeaders: false, headers: {} }),
  'an empty object': () => sent({ headers: {} }),
  'of a request that was changed': () =>
    sent({ headers: { a: '1', b: '2' } }, 'text', request => {
      request.removeHeader('a')
      request.setHeader('B', ['3', '4'])
      request.appendHeader('B', '5')
      request.setHeader('Connection', 'close')
    }),
  'flushed before anything else': () => sent({ method: 'POST' }, 'body', request => request.flushHeaders()),
  'of a body in pieces': () =>
    sent({ method: 'PUT' }, 'end', request => {
      request.write('one')
      request.cork()
      request.write('two')
      request.uncork()
    }),
  'with unique headers': () => sent({ headers: { a: ['1', '2'] }, uniqueHeaders: ['a'] }),
  'with authorization': () => sent({ auth: 'me:secret', headers: { Expect: 'nothing' } }),
  'with Expect': () => sent({ method: 'POST', headers: { Expect: '100-continue' } }, 'body'),
  'with Expect in an array': () => sent({ method: 'POST', headers: ['Host', 'h', 'expect', '100-continue'] }, 'body'),
  'with headers of a trace': () =>
    sent({
      headers: {
        TraceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'a=b',
        baggage: 'k=v',
        b3: '0',
        'X-B3-TraceId': '1',
      },
    }),
  'in latin1': () => sent({ headers: { 'x-name': 'caf\u00e9' } }),
  'with trailers': () =>
    sent({ method: 'POST', headers: { Trailer: 'X-Sum', 'Transfer-Encoding': 'chunked' } }, 'body', request =>
      request.addTrailers({ 'X-Sum': '4' }),
    ),
  'through a URL': async () => {
    await rawServer(
      (socket, text) => {
        print(JSON.stringify(text.replace(/:\d+/, ':PORT')))
        socket.end('HTTP/1.1 204 No Content\r\n\r\n')
      },
      async port => {
        const request = http.get(new URL(`http://u:p@127.0.0.1:${port}/a?b=c#d`), response => response.resume())
        await once(request, 'close')
      },
    )
  },
  'given by writeHead': () =>
    serve(
      (request, response) => {
        if (request.url === '/array') response.writeHead(200, ['X-A', '1', 'X-A', '2'])
        else if (request.url === '/both') response.setHeader('x-a', '0').writeHead(200, ['X-A', '1', 'x-b', '2'])
        else response.writeHead(200, { 'X-A': ['1', '2'] })
        print(response.getHeaders(), response._header.replace(/Date: .*/, ''))
        response.end()
      },
      async port => {
        for (const path of ['/array', '/both', '/object'])
          print(await raw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`))
      },
    ),
  'as a server sees them': () =>
    serve(
      (request, response) => {
        print(request.rawHeaders, request.headers, request.headersDistinct, request.httpVersion)
        request.resume().on('end', () => {
          print(request.trailers, request.rawTrailers, request.trailersDistinct, request.complete)
          response.end()
        })
      },
      async port => {
        print(
          await raw(
            port,
            'GET / HTTP/1.1\r\nhost: a\r\nX-A: 1\r\nx-a: 2\r\nCookie: a\r\ncookie: b\r\nSet-Cookie: 1\r\nset-cookie: 2\r\nConnection: close\r\n\r\n',
          ),
        )
        print(
          await raw(
            port,
            'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\nx: 2\r\n\r\n',
          ),
        )
        print(await raw(port, 'GET http://other/abs?q HTTP/1.0\r\ntraceparent: nonsense\r\n\r\n'))
        print(await raw(port, 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
      },
    ),
  'too many or too large for a server': () =>
    serve(
      (request, response) => response.end(String(request.rawHeaders.length)),
      async (port, server) => {
        server.on('clientError', (error, socket) => {
          print('clientError', tell(error), error.bytesParsed, error.rawPacket?.length)
          socket.end(`HTTP/1.1 ${error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400} No\r\n\r\n`)
        })
        print(await raw(port, `GET / HTTP/1.1\r\nHost: a\r\n${many(1500)}Connection: close\r\n\r\n`))
        print(await raw(port, `GET / HTTP/1.1\r\nHost: a\r\n${many(3000)}Connection: close\r\n\r\n`))
        print(await raw(port, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20000)}\r\n\r\n`))
        print(await raw(port, `GET /${'y'.repeat(20000)} HTTP/1.1\r\nHost: a\r\n\r\n`))
        print(await raw(port, 'NONSENSE\r\n\r\n'))
        print(await raw(port, 'GET / HTTP/9.9\r\n\r\n'))
        print(await raw(port, 'GET / HTTP/1.1\r\n\r\n'))
        print(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'))
        server.maxHeadersCount = 3
        print(await raw(port, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${many(10)}\r\n`))
      },
    ),
  'too large for a server that nobody listens to': () =>
    serve(
      (_request, response) => response.end(),
      async port => {
        print(await raw(port, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20000)}\r\n\r\n`))
        print(await raw(port, 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'))
        print(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nBad\x01: 1\r\n\r\n'))
      },
    ),
  'too many or too large for a client': () =>
    rawServer(
      (socket, text) => {
        const [, path] = text.split(' ')
        if (path === '/large') socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20000)}\r\n\r\n`)
        else if (path === '/many') socket.end(`HTTP/1.1 200 OK\r\n${many(1500)}\r\n`)
        else if (path === '/bad') socket.end('HTTP/1.1 200 OK\r\nX : 1\r\n\r\n')
        else if (path === '/both')
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n')
        else if (path === '/nul') socket.end('HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n')
        else socket.end('HTTP/2 what')
      },
      async port => {
        for (const options of [
          { path: '/large' },
          { path: '/large', maxHeaderSize: 40000 },
          { path: '/many' },
          { path: '/bad' },
          { path: '/bad', insecureHTTPParser: true },
          { path: '/both' },
          { path: '/both', insecureHTTPParser: true },
          { path: '/nul', insecureHTTPParser: true },
          { path: '/what' },
        ]) {
          const { error, response, status } = await get({ port, ...options, agent: false })
          print(options.path, error ? tell(error) : `${status} ${response.rawHeaders.length}`, error?.rawPacket?.length)
        }
      },
    ),
  'limits that a request sets': () =>
    rawServer(
      socket => socket.end(`HTTP/1.1 200 OK\r\n${many(50)}\r\n`),
      async port => {
        const request = http.get({ port, host: '127.0.0.1' })
        request.maxHeadersCount = 5
        const [response] = await once(request, 'response')
        print(response.rawHeaders.length, request.maxHeadersCount)
        response.resume()
      },
    ),
  'joined and unique': () =>
    serve(
      (request, response) => {
        print(request.headers)
        response.setHeader('a', ['1', '2'])
        response.end()
      },
      async port => {
        print(
          await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: 1\r\nUser-Agent: 2\r\nConnection: close\r\n\r\n'),
        )
        thrown('names', () => http.validateHeaderName('ok'))
      },
      { joinDuplicateHeaders: true, uniqueHeaders: ['a'] },
    ),
})
