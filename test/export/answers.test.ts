/** Every answer that a backend over HTTP may give, and the one line that the user gets for it. */
import assert from 'node:assert/strict'
import http from 'node:http'
import type { Socket } from 'node:net'
import { type Answer, type Collector, startCollector } from '../kit/collector'
import { lostOf, pushAll, rig, spans } from './rig'
import { bare, listen, send } from './wires'

describe('an answer over HTTP', () => {
  let collector: Collector
  beforeEach(async () => {
    collector = await startCollector()
  })
  afterEach(async () => {
    await collector.takeAll()
    await collector.close()
  })

  const line = (title: string, answer: Answer, expected: RegExp, { env = {}, requests = 1, lost = 4 } = {}) =>
    it(title, async () => {
      collector.answerAlways(answer)
      const { exporter, said } = await send({ ...collector.env(), ...env })
      assert.equal(said.length, 1, said.join('\n'))
      assert.match(said[0]!, expected)
      assert.equal(lostOf(exporter), lost)
      assert.equal(collector.requests.length, requests)
      collector.answerAlways({})
      await exporter.stop(1000)
    })

  line(
    '400 is told with the words of the backend',
    { status: 400, message: 'span id is zero' },
    /^otlp: http:\/\/127\.0\.0\.1:\d+\/v1\/traces answered 400 Bad Request: span id is zero; 4 spans lost; OTEL_EXPORTER_OTLP_ENDPOINT selects the address/,
  )
  line(
    '401 points at the headers',
    { status: 401 },
    /answered 401 Unauthorized; 4 spans lost; OTEL_EXPORTER_OTLP_HEADERS holds the credentials$/,
  )
  line(
    '403 points at the headers that were set, and does not print them',
    { status: 403, message: 'tenant is closed' },
    /^((?!s3cret).)*answered 403 Forbidden: tenant is closed; 4 spans lost; OTEL_EXPORTER_OTLP_TRACES_HEADERS holds the credentials$/,
    { env: { OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=Bearer%20s3cret' } },
  )
  line(
    '404 points at the endpoint that was used as it is',
    { status: 404 },
    /answered 404 Not Found; 4 spans lost; OTEL_EXPORTER_OTLP_ENDPOINT/,
  )
  line(
    '500 is not repeated',
    { status: 500, message: 'boom' },
    /answered 500 Internal Server Error: boom; 4 spans lost/,
  )
  line(
    'a redirect is not followed, and its target is told without secrets',
    { status: 308, headers: { location: 'https://user:pw@other.example/v1/traces?key=1' } },
    /answered 308 Permanent Redirect to https:\/\/other\.example\/v1\/traces, which is not followed; 4 spans lost/,
  )
  line('a redirect to nowhere is told, too', { status: 302 }, /answered 302 Found; 4 spans lost/)
  line(
    'a page of HTML is no success',
    { body: '<html>Welcome</html>', headers: { 'content-type': 'text/html' } },
    /took it, but answered with text\/html, which is not this protocol; 4 spans lost/,
  )
  line(
    'an answer that is neither a page nor the protocol counts, with a warning',
    { body: 'welcome' },
    /took all spans and warns: answered with application\/x-protobuf, which is not this protocol$/,
    { lost: 0 },
  )
  line(
    'more than 4 MiB are not read',
    { body: Buffer.alloc(5 << 20, 'x') },
    /answered 200 OK with more than 4194304 bytes; 4 spans lost/,
  )
  line(
    'a success that breaks off is none',
    { reset: 'mid-body' },
    /answered 200 OK and broke off in the middle; 4 spans lost/,
  )
  line(
    'no answer at all is told with the variable of the time',
    { hang: true },
    /did not answer in time; 4 spans lost; OTEL_BSP_EXPORT_TIMEOUT is 1500 ms$/,
  )
  line(
    'a partial success is told with its reason',
    { partialSuccess: { rejectedSpans: 3, errorMessage: 'too old' } },
    /rejected by the backend: too old; 3 spans lost/,
    { lost: 3 },
  )
  line(
    'a warning that comes with success is told',
    { partialSuccess: { rejectedSpans: 0, errorMessage: 'version 1 ends soon' } },
    /took all spans and warns: version 1 ends soon$/,
    { lost: 0 },
  )
  for (const status of [429, 502, 503, 504]) {
    line(`${status} keeps the spans`, { status, retryAfter: '60' }, /answered \d+ .*; up to 2048 spans wait for it/, {
      lost: 0,
    })
  }
  line(
    'a wait until a date is a wait',
    { status: 503, retryAfter: new Date(Date.now() + 3_600_000).toUTCString() },
    /answered 503/,
    { lost: 0 },
  )
  line(
    'a page that explains an error stays out of the line',
    { status: 500, body: '<html>'.repeat(999), headers: { 'content-type': 'text/html' } },
    /^.{0,250}$/,
  )
  line(
    'control characters of a stranger do not reach the terminal',
    { status: 400, body: 'a\u001b[2Jb\r\nforged: line', headers: { 'content-type': 'text/plain' } },
    /a\\x1b\[2Jb\\x0d\\x0aforged/,
  )

  it('Retry-After of a second is kept', async () => {
    collector.answer({ status: 503, retryAfter: '1' })
    const { exporter } = await send({ ...collector.env(), OTEL_BSP_EXPORT_TIMEOUT: '5000' })
    assert.equal(exporter.counts.sent, 4)
    const [first, second] = collector.requests
    assert.ok(second!.atMs - first!.atMs >= 999, `${second!.atMs - first!.atMs}`)
  })

  it('413 splits the batch until it fits', async () => {
    const server = http.createServer((request, response) => {
      let size = 0
      request.on('data', chunk => {
        size += chunk.length
      })
      request.on('end', () => {
        if (size <= 100_000) accepted++
        response.writeHead(size > 100_000 ? 413 : 200).end()
      })
    })
    let accepted = 0
    const port = await listen(server)
    const { exporter, said } = rig({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
    pushAll(exporter, spans(400, { attributes: ['text', 'x'.repeat(1000)] }))
    await exporter.flush()
    server.close()
    assert.equal(exporter.counts.sent, 400)
    assert.ok(accepted >= 4)
    assert.deepEqual(said, [])
  })
})

describe('a connection over HTTP', () => {
  const toBare = async (onData: (socket: Socket, call: number) => void, expected: RegExp, env = {}) => {
    const server = await bare(onData)
    const { exporter, said } = await send({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.port}`, ...env })
    await exporter.stop(100)
    server.close()
    assert.match(said[0]!, expected)
    assert.equal(lostOf(exporter), 4)
    return server.calls()
  }

  it('with a body that never ends is left when the time is over', async () => {
    await toBare(
      socket => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'),
      /answered 200 OK but did not finish in time; 4 spans lost; OTEL_BSP_EXPORT_TIMEOUT/,
    )
  })

  it('that is reset before an answer is tried again within the time, and no longer', async () => {
    const calls = await toBare(socket => socket.resetAndDestroy(), /ECONNRESET; 4 spans lost/, {
      OTEL_BSP_EXPORT_TIMEOUT: '2000',
    })
    assert.ok(calls >= 2, `${calls} tries`)
  })

  it('that is closed in the middle of an error keeps the status', async () => {
    await toBare(
      socket => socket.end('HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nhalf'),
      /answered 500 Oops and broke off in the middle; 4 spans lost/,
    )
  })

  it('that speaks another protocol is told', async () => {
    await toBare(
      socket => socket.write('220 mail.example ESMTP\r\n'),
      /answered with something that is not HTTP\/1\.1 .*; 4 spans lost/,
    )
  })

  it('that wants to be upgraded ends', async () => {
    await toBare(
      socket => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'),
      /; 4 spans lost/,
      { OTEL_BSP_EXPORT_TIMEOUT: '300' },
    )
  })

  it('that was kept and is closed by the other side costs nothing, not even time', async () => {
    const server = http.createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(200).end())
    })
    const sockets: Socket[] = []
    server.on('connection', socket => sockets.push(socket))
    server.keepAliveTimeout = 0
    const port = await listen(server)
    const { exporter, said } = await send({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
    // The next request is written to a socket whose other end has just gone.
    sockets[0]!.resetAndDestroy()
    pushAll(exporter, spans(4))
    const started = performance.now()
    await exporter.flush()
    assert.equal(exporter.counts.sent, 8)
    assert.ok(performance.now() - started < 400, 'no pause as before a retry')
    assert.deepEqual(said, [])
    server.closeAllConnections()
    server.close()
  })

  it('is kept from batch to batch', async () => {
    const collector = await startCollector()
    let connections = 0
    ;(collector as any).server.on('connection', () => connections++)
    const { exporter } = rig(collector.env())
    for (let i = 0; i < 5; i++) {
      pushAll(exporter, spans(3))
      await exporter.flush()
    }
    await exporter.stop()
    await collector.takeAll()
    await collector.close()
    assert.equal(connections, 1)
  })

  it('to a name that does not exist waits, and says the name', async () => {
    const { exporter, said } = await send({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://no-such-host.invalid:4318' })
    assert.match(
      said[0]!,
      /(ENOTFOUND|EAI_AGAIN) no-such-host\.invalid; up to 2048 spans wait for it; OTEL_EXPORTER_OTLP_ENDPOINT/,
    )
    assert.equal(exporter.pending, 4)
  })
})
