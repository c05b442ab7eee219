'use strict'
// HTTP/2, which is not traced, and gRPC, which is: the frames that pass, and the headers as the other side decodes them.
const http2 = require('node:http2')
const net = require('node:net')
const { readFileSync } = require('node:fs')
const { once, print, run, sleep, tell, watch } = require('./cases.cjs')

const secrets = { key: readFileSync(process.env.KEY), cert: readFileSync(process.env.CERT) }
const NAMES = ['DATA', 'HEADERS', 'PRIORITY', 'RST', 'SETTINGS', 'PUSH', 'PING', 'GOAWAY', 'WINDOW', 'CONTINUATION']
const MAGIC = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** Names and values in their order; a date differs from run to run. */
const told = headers => JSON.stringify(headers).replace(/(date"[:,]")[^"]*|(127\.0\.0\.1:)\d+/g, '$1$2…')

/** Reads frames from bytes as they pass; those that answer no request come when they like. */
class Frames {
  bytes = Buffer.alloc(0)
  seen = []

  add(chunk) {
    this.bytes = Buffer.concat([this.bytes, chunk])
    if (this.bytes.subarray(0, 3).toString() === 'PRI') {
      if (this.bytes.length < MAGIC.length) return
      this.bytes = this.bytes.subarray(MAGIC.length)
    }
    while (this.bytes.length >= 9) {
      const length = this.bytes.readUIntBE(0, 3)
      if (this.bytes.length < 9 + length) return
      const name = NAMES[this.bytes[3]] ?? this.bytes[3]
      const size = name === 'HEADERS' || name === 'CONTINUATION' ? '' : length
      if (!/WINDOW|PING/.test(name)) this.seen.push(`${name} ${this.bytes[4]} ${this.bytes.readUInt32BE(5)} ${size}`)
      this.bytes = this.bytes.subarray(9 + length)
    }
  }
}

async function between(port, use) {
  const [sent, received] = [new Frames(), new Frames()]
  const sockets = new Set()
  const proxy = net.createServer(near => {
    const far = net.connect(port, '127.0.0.1')
    near.on('data', chunk => sent.add(chunk)).pipe(far)
    far.on('data', chunk => received.add(chunk)).pipe(near)
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
  })
  await new Promise(done => proxy.listen(0, '127.0.0.1', done))
  await use(proxy.address().port)
  await sleep(30)
  print('sent', sent.seen.join(', '))
  print('received', received.seen.join(', '))
  for (const socket of sockets) socket.destroy()
  await new Promise(done => proxy.close(done))
}

async function exchange(session, headers, body) {
  const stream = watch(headers[':path'], session.request(headers, { endStream: body === undefined }))
  stream.on('error', () => {})
  let text = ''
  stream.on('response', (...args) => print('response', told(args[0]), args[1], told(args[2])))
  stream.on('headers', (...args) => print('headers', told(args[0])))
  stream.on('trailers', (...args) => print('trailers', told(args[0])))
  stream.setEncoding('latin1').on('data', chunk => {
    text += chunk
  })
  if (body !== undefined) stream.end(body)
  await Promise.race([once(stream, 'close'), sleep(1000)])
  print(text, stream.rstCode, stream.destroyed, Object.keys(stream).join())
}

function answer(stream, headers, flags, raw) {
  print('stream', told(headers), flags, told(raw))
  stream.on('error', error => print('server stream', tell(error)))
  const path = headers[':path']
  if (path === '/reset') stream.close(http2.constants.NGHTTP2_CANCEL)
  else if (path === '/destroy') stream.destroy(new Error('no'))
  else if (path === '/trailers') {
    stream.respond({ ':status': 200, 'x-a': ['1', '2'] }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': 'word' }))
    stream.end('with trailers')
  } else if (path === '/informed') {
    stream.additionalHeaders({ ':status': 103, link: '</a>' })
    stream.respond({ ':status': 204 }, { endStream: true })
  } else if (path === '/push' && stream.pushAllowed) {
    stream.pushStream({ ':path': '/pushed' }, (_error, push) => {
      push.respond({ ':status': 200 })
      push.end('pushed')
    })
    stream.respond({ ':status': 200 })
    stream.end('pushes')
  } else {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.pipe(stream)
  }
}

const PATHS = [['/plain'], ['/echo', 'body'], ['/trailers'], ['/informed'], ['/reset'], ['/destroy'], ['/push']]

async function converse(server, authority, options) {
  const session = watch('session', http2.connect(authority, { rejectUnauthorized: false, ...options }))
  session.on('stream', (stream, headers) => {
    print('pushed', told(headers))
    stream.resume()
  })
  for (const [path, body] of PATHS) {
    const method = body === undefined ? 'GET' : 'POST'
    await exchange(session, { ':path': path, ':method': method, 'x-q': 'q' }, body)
  }
  await new Promise(done => session.ping(Buffer.alloc(8), error => done(print('ping', error))))
  print(session.alpnProtocol, session.encrypted, session.type, session.eventNames().map(String).join())
  session.close()
  await once(session, 'close')
  await new Promise(done => server.close(done))
}

const grpc = () => require('@grpc/grpc-js')

function tester() {
  const loader = require('@grpc/proto-loader')
  return grpc().loadPackageDefinition(loader.loadSync(process.env.PROTO)).pkg_test.GrpcTester
}

/** One message: not compressed, four bytes of length. */
function message(bytes) {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

run({
  'node:http2 without TLS': async () => {
    const server = watch('server', http2.createServer())
    server.on('stream', answer)
    await new Promise(done => server.listen(0, '127.0.0.1', done))
    await between(server.address().port, port => converse(server, `http://127.0.0.1:${port}`))
  },
  'node:http2 with TLS': async () => {
    const server = http2.createSecureServer({ ...secrets, allowHTTP1: true })
    server.on('stream', answer)
    await new Promise(done => server.listen(0, '127.0.0.1', done))
    await converse(server, `https://127.0.0.1:${server.address().port}`)
  },
  'requests and responses on HTTP/2': async () => {
    const server = http2.createServer((request, response) => {
      print(request.httpVersion, request.method, told(request.rawHeaders), Object.keys(request).join())
      response.setHeader('X-Compat', '1')
      response.writeHead(201, { 'x-more': '2' })
      request.on('data', data => response.write(data))
      request.on('end', () => response.end('!', () => print('ended', Object.keys(response).join())))
    })
    await new Promise(done => server.listen(0, '127.0.0.1', done))
    await between(server.address().port, port => converse(server, `http://127.0.0.1:${port}`))
  },
  'a gRPC client, as a server of node:http2 sees it': async () => {
    const server = http2.createServer()
    server.on('stream', (stream, headers, _flags, raw) => {
      print('call', told(headers), told(raw.filter((_value, index) => index % 2 === 0)))
      const bytes = []
      stream.on('data', data => bytes.push(data))
      stream.on('end', () => print('message', Buffer.concat(bytes).toString('hex')))
      stream.on('error', error => print('stream', tell(error)))
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': headers['x-fail'] ?? '0' }))
      stream.end(message(Buffer.from([8, 4])))
    })
    await new Promise(done => server.listen(0, '127.0.0.1', done))
    await between(server.address().port, async port => {
      const { credentials, Metadata } = grpc()
      const client = new (tester())(`127.0.0.1:${port}`, credentials.createInsecure())
      for (const fail of [undefined, '5']) {
        const metadata = new Metadata()
        metadata.set('x-one', '1')
        if (fail !== undefined) metadata.set('x-fail', fail)
        await new Promise(done => {
          const call = client.unaryMethod({ num: 2 }, metadata, (error, reply) => {
            print('reply', error === null ? '' : tell(error), reply)
            done()
          })
          watch('call', call)
        })
        print(told(metadata.getMap()))
        await sleep(20)
      }
      client.close()
    })
    await new Promise(done => server.close(done))
  },
  'a gRPC server, as a client of node:http2 sees it': async () => {
    const server = new (grpc().Server)()
    server.addService(tester().service, {
      UnaryMethod: (call, callback) => {
        print('handler', told(call.metadata.getMap()), call.request)
        if (call.request.num === 9) callback({ code: 5, details: 'not found' })
        else callback(null, { num: call.request.num })
      },
    })
    const insecure = grpc().ServerCredentials.createInsecure()
    const own = await new Promise(done => server.bindAsync('127.0.0.1:0', insecure, (_error, port) => done(port)))
    await between(own, async port => {
      const session = http2.connect(`http://127.0.0.1:${port}`)
      const head = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', 'x-meta': 'data' }
      for (const [method, bytes] of [
        ['UnaryMethod', message(Buffer.from([8, 3]))],
        ['UnaryMethod', message(Buffer.from([8, 9]))],
        ['UnaryMethod', Buffer.from('broken')],
        ['Nothing', message(Buffer.alloc(0))],
      ]) {
        await exchange(session, { ...head, ':path': `/pkg_test.GrpcTester/${method}` }, bytes)
      }
      session.close()
      await once(session, 'close')
    })
    await new Promise(done => server.tryShutdown(done))
  },
})
