/** The client for HTTP/1.1, against a server that does what it should not. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import type { Reply, Transport } from '../../src/export/contract'
import { create, type HttpOptions } from '../../src/export/transports/http'
import { Connection } from '../../src/net/http-connection'
import { runAgent } from '../kit/agent'
import { TLS } from '../kit/peer'
import { type OnRequest, type RawRequest, RawServer } from './raw-server'
import { until } from './rig'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const SENT = { ok: true, body: Buffer.from('ok'), mediaType: undefined, isRead: true }

const open: { close(): unknown }[] = []

async function start(onRequest: OnRequest, options: Partial<HttpOptions> = {}) {
  const server = await RawServer.start(onRequest)
  const transport = create({
    url: `http://127.0.0.1:${server.port}/v1/traces`,
    headers: {},
    compression: 'none',
    ...options,
  })
  open.push(transport, server)
  return { server, transport }
}

const post = (transport: Transport, body: string | Buffer = 'spans', timeoutMs = 5000): Promise<Reply> =>
  transport.send(Buffer.from(body), 'application/x-protobuf', timeoutMs)

afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

describe('a message over HTTP', () => {
  it('leaves in one piece, head and body', async () => {
    const { server, transport } = await start(socket => socket.write(OK))
    for (let i = 0; i < 3; i++) assert.deepEqual(await post(transport), SENT)
    assert.deepEqual(
      server.requests.map(({ pieces, connection, body }) => [pieces, connection, String(body)]),
      [1, 2, 3].map(() => [1, 1, 'spans']),
    )
  })

  const settings: [string, string, Record<string, string>][] = [
    ['plain', '', {}],
    ['with headers of the user', '', { 'X-Key': 'a b=\u00e9', Host: 'other.example:99', Authorization: 'Bearer x' }],
    ['with a type of the user, which is not sent', '', { 'Content-TYPE': 'a/b', 'content-length': '1' }],
    ['with user and password', 'us%40er:p%3Aw@', {}],
    ['with user and a header that authorizes', 'user:pw@', { authorization: 'mine' }],
    ['on a connection that shall not be kept', '', { Connection: 'close' }],
  ]
  for (const [title, credentials, headers] of settings) {
    it(`has the head that Node’s client writes: ${title}`, async () => {
      const { server, transport } = await start(socket => socket.write(OK))
      const url = new URL(`http://${credentials}127.0.0.1:${server.port}/a b/\u00e9?q=1#x`)
      const own = create({ url: url.href, headers, compression: 'none' })
      open.push(own, transport)
      assert.equal((await post(own)).ok, true)
      const agent = new http.Agent({ keepAlive: true })
      const all = { ...headers, 'content-type': 'application/x-protobuf', 'content-length': 5 }
      const call = http.request(url, { method: 'POST', headers: all, agent }).end(Buffer.from('spans'))
      await once(call, 'response')
      agent.destroy()
      const [ours, nodes] = server.requests.map(({ head: [line, ...lines] }) => [
        line,
        ...lines.map(each => each.replace(/^[^:]*/, name => name.toLowerCase())).sort(),
      ])
      assert.deepEqual(ours, nodes)
    })
  }

  for (const [name, value] of [
    ['a b', 'c'],
    ['', 'c'],
    ['x\r\ny', 'c'],
    ['x:', 'c'],
    ['x', 'a\r\nContent-Length: 0\r\n\r\nPOST / HTTP/1.1'],
    ['x', 'a\nb'],
    ['x', 'a\u0000'],
    ['x', '\u0100'],
  ] as const) {
    it(`with a header that Node refuses is refused in the same words: ${JSON.stringify([name, value])}`, async () => {
      const { server, transport } = await start(socket => socket.write(OK), { headers: { [name]: value } })
      let expected = ''
      try {
        http.validateHeaderName(name)
        http.validateHeaderValue(name, value)
      } catch (error) {
        expected = (error as Error).message
      }
      assert.deepEqual(await post(transport), { ok: false, reason: expected, retry: false })
      assert.equal(server.sockets.length, 0)
    })
  }

  it('has the length that it says, whatever form the user asks for', async () => {
    const { server, transport } = await start(socket => socket.write(OK), {
      headers: { 'Transfer-Encoding': 'chunked' },
    })
    assert.equal((await post(transport)).ok, true)
    assert.doesNotMatch(server.requests[0]!.head.join('\n'), /transfer-encoding/i)
    assert.equal(String(server.requests[0]!.body), 'spans')
  })

  it('that is refused before all of it was read has its answer, and the connection is not used again', async () => {
    const server = await RawServer.start(() => {})
    const transport = create({ url: `http://127.0.0.1:${server.port}/`, headers: {}, compression: 'none' })
    open.push(transport, server)
    const reply = post(transport, Buffer.alloc(40 << 20))
    await until('connected', () => server.sockets.length === 1)
    const [socket] = server.sockets as [Socket]
    await once(socket, 'data')
    socket.pause()
    socket.write('HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno')
    const { ok, about, retry, isRead, body } = (await reply) as any
    assert.deepEqual({ ok, about, retry, isRead }, { ok: false, about: 'size', retry: false, isRead: undefined })
    assert.equal(String(body), 'no')
    socket.resume()
    await once(socket, 'close')
    void post(transport)
    await until('a second connection', () => server.sockets.length === 2)
  })
})

describe('a kept connection', () => {
  const answering = (...answers: string[]) =>
    start((socket, { serial }) => void socket.write(answers[serial - 1] ?? OK))

  it('carries the next message after an answer of any form that has an end', async () => {
    const { server, transport } = await answering(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\na: b\r\n\r\n',
      'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 204 No Content\r\n\r\n',
    )
    const replies = []
    for (let i = 0; i < 5; i++) replies.push(await post(transport))
    assert.deepEqual(
      replies.map(({ ok }) => ok),
      [true, true, false, true, true],
    )
    assert.equal(server.sockets.length, 1)
  })

  it('is one for each message on its way', async () => {
    const waiting: Socket[] = []
    const { server, transport } = await start(socket => void waiting.push(socket))
    for (let round = 0; round < 3; round++) {
      const replies = [1, 2, 3, 4].map(() => post(transport))
      await until('all have come', () => waiting.length === 4)
      for (const socket of waiting.splice(0)) socket.write(OK)
      for (const reply of await Promise.all(replies)) assert.equal(reply.ok, true)
    }
    assert.equal(server.sockets.length, 4)
  })

  it('is closed a second before the server does so', async () => {
    const { server, transport } = await answering(
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2, max=9\r\nContent-Length: 0\r\n\r\n',
    )
    await post(transport)
    const started = performance.now()
    await once(server.sockets[0]!, 'close')
    const took = performance.now() - started
    assert.ok(took > 900, `${took} ms`)
    assert.equal((await post(transport)).ok, true)
    assert.equal(server.sockets.length, 2)
  })

  it('is not kept for a server that closes within a second', async () => {
    const { server, transport } = await answering(
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n',
    )
    await post(transport)
    await post(transport)
    assert.equal(server.sockets.length, 2)
  })

  it('rests as long as a server may say, and Node does not warn', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    const { server, transport } = await answering(
      `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=${'9'.repeat(400)}\r\nContent-Length: 0\r\n\r\n`,
      'HTTP/1.1 200 OK\r\nKeep-Alive: soon\r\nContent-Length: 0\r\n\r\n',
    )
    for (let i = 0; i < 3; i++) await post(transport)
    await sleep(10)
    process.off('warning', onWarning)
    assert.equal(server.sockets.length, 1)
    assert.deepEqual(warnings, [])
  })

  it('on which something comes that nobody asked for is closed, and that is no answer', async () => {
    const { server, transport } = await answering()
    await post(transport)
    const [socket] = server.sockets as [Socket]
    socket.write('HTTP/1.1 500 Forged\r\nContent-Length: 0\r\n\r\n')
    await once(socket, 'close')
    assert.deepEqual(await post(transport), SENT)
    assert.equal(server.sockets.length, 2)
  })

  const breaks: [string, (socket: Socket) => void][] = [
    ['is reset', socket => socket.resetAndDestroy()],
    ['ends', socket => socket.end()],
  ]
  for (const [how, stop] of breaks) {
    it(`that ${how} instead of an answer costs a second connection, and no time`, async () => {
      const onRequest = (socket: Socket, { serial, connection }: RawRequest) => {
        if (serial > 1 && connection === 1) stop(socket)
        else socket.write(OK)
      }
      const { server, transport } = await start(onRequest)
      assert.deepEqual(await post(transport), SENT)
      assert.deepEqual(await post(transport), SENT)
      assert.equal(server.sockets.length, 2)
      assert.equal(server.requests.length, 3)
    })

    it(`that ${how} twice instead of an answer is an error`, async () => {
      const { server, transport } = await start((socket, { serial }) => (serial > 1 ? stop(socket) : socket.write(OK)))
      assert.deepEqual(await post(transport), SENT)
      const { ok, retry, mayHaveArrived } = (await post(transport)) as any
      assert.deepEqual({ ok, retry, mayHaveArrived }, { ok: false, retry: true, mayHaveArrived: true })
      assert.equal(server.requests.length, 3)
    })
  }

  it('that ends in the middle of a head has carried the message: it is not sent again at once', async () => {
    const { server, transport } = await start((socket, { serial }) =>
      serial === 1 ? socket.write(OK) : socket.end('HTTP/1.1 20'),
    )
    await post(transport)
    const reply = await post(transport)
    assert.match((reply as any).reason, /socket hang up/)
    assert.equal(server.requests.length, 2)
  })

  it('with TLS begins faster after the first one, and asks for the name', async () => {
    const names: unknown[] = []
    const reused: boolean[] = []
    let gone = 0
    const server = tls.createServer({ key: TLS.key, cert: TLS.cert }, socket => {
      socket.on('error', () => {})
      socket.on('close', () => gone++)
      names.push(socket.servername)
      reused.push(socket.isSessionReused())
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok`))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const transport = create({ url: `https://localhost:${port}/`, headers: {}, compression: 'none', ca: TLS.cert })
    open.push(transport, server)
    for (let i = 0; i < 2; i++) assert.equal((await post(transport)).ok, true)
    assert.deepEqual(names, ['localhost', 'localhost'])
    assert.deepEqual(reused, [false, true])
    await until('both connections are gone', () => gone === 2)
    await sleep(20)
    assert.equal((await post(transport)).ok, true)
    assert.deepEqual(reused, [false, true, true])
  })
})

describe('the client for HTTP', () => {
  it('gives up at its end what is on its way, and closes what rests', async () => {
    const { server, transport } = await start((socket, { serial }) => (serial === 1 ? socket.write(OK) : undefined))
    await post(transport)
    const replies = [post(transport), post(transport)]
    await until('both have come', () => server.requests.length === 3)
    await transport.close()
    const gone = { ok: false, reason: 'was not answered before the end', retry: false }
    assert.deepEqual(await Promise.all(replies), [gone, gone])
    await until('all closed', () => server.sockets.every(({ destroyed }) => destroyed))
    assert.deepEqual(await post(transport), { ok: false, reason: 'was not asked, as it is closed', retry: false })
  })

  it('turns what its listeners throw into a loss', async () => {
    const server = await RawServer.start(socket => socket.write(OK))
    open.push(server)
    const pool = { session: undefined, onRest() {}, onGone() {} }
    const sender = { onExcess() {}, onBroken() {} }
    const connection = new Connection({ host: '127.0.0.1', port: server.port }, pool)
    const fault = await new Promise(fail => {
      const onAnswer = () => {
        throw new Error('of ours')
      }
      connection.send('POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n', Buffer.alloc(0), { ...sender, onAnswer, fail })
    })
    assert.equal(String(fault), 'Error: was not understood (of ours)')
    assert.equal(connection.socket.destroyed, true)
  })

  it('has nothing of HTTP loaded into a program that has none', async () => {
    const { stdout, spans, stderr } = await runAgent('fixtures/export/no-http.cjs', {
      env: { OTEL_BSP_SCHEDULE_DELAY: '50' },
      coverage: false,
    })
    assert.equal(stderr, '')
    assert.equal(spans.length, 1)
    assert.equal(stdout, '\n')
  })
})
