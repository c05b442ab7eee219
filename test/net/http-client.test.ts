/** What is asked now and then, against a server that does what it should not. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'
import { HttpClient } from '../../src/net/http-client'
import { MAX_REPLY_BYTES } from '../../src/net/sizes'
import { type OnRequest, RawServer } from '../export/raw-server'
import { until } from '../export/rig'
import { TLS } from '../kit/peer'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const HEAD = 'HTTP/1.1 200 OK\r\n'

const open: { close(): unknown }[] = []

async function start(onRequest: OnRequest, timeoutMs = 5000) {
  const server = await RawServer.start(onRequest)
  const client = new HttpClient(new URL(`http://127.0.0.1:${server.port}`), timeoutMs)
  open.push(client, server)
  return { server, client }
}

async function ask(client: HttpClient): Promise<string> {
  const { answer, body } = await client.ask('GET', '/', {})
  return `${answer.code} ${answer.words}: ${body}`
}

async function listen(server: net.Server, host = '127.0.0.1'): Promise<number> {
  open.push(server)
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(0, host, resolve))
  return (server.address() as AddressInfo).port
}

afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

describe('a question over HTTP', () => {
  for (const [method, message] of [
    ['GET', ''],
    ['PUT', ''],
    ['POST', '{"a":"\u00e9"}'],
  ] as const) {
    it(`has the head that Node’s client writes: ${method}`, async () => {
      const { server } = await start(socket => socket.write(OK))
      const url = new URL(`http://us%40er:p%3Aw@localhost:${server.port}`)
      const client = new HttpClient(url, 5000)
      await client.ask(method, '/a%20b?c=d', { accept: 'a/b' }, message)
      const headers: Record<string, string | number> = { accept: 'a/b' }
      if (message !== '') headers['content-length'] = Buffer.byteLength(message)
      const agent = new http.Agent()
      const call = http.request(new URL('/a%20b?c=d', url), { method, headers, agent }).end(message)
      await once(call, 'response')
      agent.destroy()
      const [ours, nodes] = server.requests.map(({ head: [line, ...lines], body }) => [
        line,
        ...lines.map(each => each.replace(/^[^:]*/, name => name.toLowerCase())).sort(),
        String(body),
      ])
      assert.deepEqual(ours, nodes)
    })
  }

  it('goes to an address of IPv6', async function () {
    const server = http.createServer(({ headers }, response) => response.end(headers.host))
    const port = await listen(server, '::1').catch(() => this.skip())
    assert.equal(await ask(new HttpClient(new URL(`http://[::1]:${port}`), 5000)), `200 OK: [::1]:${port}`)
  })

  it('has a connection of its own, whether or not the server closes it', async () => {
    const { server, client } = await start(socket => socket.write(OK))
    for (let i = 0; i < 2; i++) assert.equal(await ask(client), '200 OK: ok')
    assert.equal(server.sockets.length, 2)
    await until('both are closed', () => server.sockets.every(({ destroyed }) => destroyed))
  })

  const answers: [title: string, onRequest: (socket: Socket) => void, expected: string][] = [
    [
      'in chunks',
      socket => socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
      '200 OK: ok',
    ],
    ['after others', socket => socket.write(`HTTP/1.1 103 Early\r\n\r\n${OK}`), '200 OK: ok'],
    ['up to the end', socket => socket.end(`${HEAD}\r\nok`), '200 OK: ok'],
    ['of HTTP/1.0', socket => socket.end('HTTP/1.0 200 OK\r\n\r\nok'), '200 OK: ok'],
    ['without a body', socket => socket.write('HTTP/1.1 204 No Content\r\n\r\n'), '204 No Content: '],
    ['with another status', socket => socket.end('HTTP/1.1 503 Busy\r\n\r\nno'), '503 Busy: no'],
    ['that leads elsewhere', socket => socket.end('HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n'), '302 Found: '],
  ]
  for (const [title, onRequest, expected] of answers) {
    it(`has an answer ${title}`, async () => {
      const { client } = await start(onRequest)
      assert.equal(await ask(client), expected)
    })
  }

  const large = Buffer.alloc(MAX_REPLY_BYTES + 1)
  const failures: [title: string, onRequest: (socket: Socket) => void, expected: RegExp][] = [
    ['closes', socket => socket.end(), /^socket hang up$/],
    ['closes in the head', socket => socket.end('HTTP/1.1 20'), /^socket hang up$/],
    ['closes in the answer', socket => socket.end(`${HEAD}Content-Length: 9\r\n\r\nok`), /^closed the connection$/],
    ['resets', socket => socket.resetAndDestroy(), /^read ECONNRESET$/],
    ['speaks another protocol', socket => socket.end('220 ESMTP\r\n'), /^Parse Error: Expected HTTP\//],
    [
      'answers without end',
      socket => socket.end(Buffer.concat([Buffer.from(`${HEAD}\r\n`), large])),
      /^answered with more than 4194304 bytes$/,
    ],
    ['is silent', () => {}, /^did not answer within 100 ms$/],
    [
      'is silent in the answer',
      socket => socket.write(`${HEAD}Content-Length: 9\r\n\r\n`),
      /^did not answer within 100 ms$/,
    ],
  ]
  for (const [title, onRequest, expected] of failures) {
    it(`to one that ${title} fails, and the connection is gone`, async () => {
      const { server, client } = await start(onRequest, 100)
      await assert.rejects(ask(client), { message: expected })
      await until('closed', () => server.sockets.every(({ destroyed }) => destroyed))
    })
  }

  it('to nobody says at which address, of several the first', async () => {
    for (const [host, address] of [
      ['127.0.0.1', /^connect ECONNREFUSED 127\.0\.0\.1:1$/],
      ['localhost', /^connect ECONNREFUSED (127\.0\.0\.1|::1):1$/],
    ] as const) {
      await assert.rejects(ask(new HttpClient(new URL(`http://${host}:1`), 5000)), { message: address })
    }
  })

  it('with TLS trusts no certificate that is not known, and says when there is no TLS', async () => {
    const secure = await listen(tls.createServer({ key: TLS.key, cert: TLS.cert }, socket => socket.destroy()))
    const plain = await listen(net.createServer(socket => socket.end()))
    const to = (port: number) => ask(new HttpClient(new URL(`https://127.0.0.1:${port}`), 5000))
    await assert.rejects(to(secure), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    await assert.rejects(to(plain), {
      message: 'Client network socket disconnected before secure TLS connection was established',
    })
  })

  it('ends when its client is closed, and so do all others', async () => {
    const { server, client } = await start(() => {})
    const failed = () => assert.rejects(ask(client), { message: 'socket hang up' })
    const asked = [failed(), failed()]
    await until('both have come', () => server.requests.length === 2)
    asked.push(failed())
    client.close()
    await Promise.all(asked)
    await until('closed', () => server.sockets.every(({ destroyed }) => destroyed))
  })
})
