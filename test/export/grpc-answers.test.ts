/** Every answer that a backend over gRPC may give, and the one line that the user gets for it. */
import assert from 'node:assert/strict'
import http from 'node:http'
import http2 from 'node:http2'
import { lostOf, pushAll, spans } from './rig'
import { bare, listen, send } from './wires'

describe('an answer over gRPC', () => {
  const grpc = (port: number) => ({
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  })

  /** An HTTP/2 server that does with each call what the test says. */
  const toHttp2 = async (onStream: (stream: http2.ServerHttp2Stream, call: number) => void, env = {}) => {
    const server = http2.createServer()
    const sessions = new Set<http2.ServerHttp2Session>()
    let calls = 0
    server.on('session', session => void sessions.add(session))
    server.on('stream', stream => {
      stream.on('error', () => {})
      stream.resume().on('end', () => onStream(stream, ++calls))
    })
    const port = await listen(server)
    const result = await send({ ...grpc(port), ...env })
    const { exporter } = result
    await exporter.stop(100)
    for (const session of sessions) session.destroy()
    server.close()
    return { ...result, calls, sessions: sessions.size, lost: lostOf(exporter) }
  }
  const trailersOnly =
    (status: number, more = {}) =>
    (stream: http2.ServerHttp2Stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(status), ...more },
        { endStream: true },
      )

  it('a status is told by its name, with its decoded words', async () => {
    const { said, lost } = await toHttp2(trailersOnly(3, { 'grpc-message': 'no%20%C3%A4hm%2C%20id' }))
    assert.match(said[0]!, /answered INVALID_ARGUMENT: no ähm, id; 4 spans lost/)
    assert.equal(lost, 4)
  })

  it('UNAUTHENTICATED points at the headers', async () => {
    const { said } = await toHttp2(trailersOnly(16))
    assert.match(said[0]!, /answered UNAUTHENTICATED; 4 spans lost; OTEL_EXPORTER_OTLP_HEADERS holds the credentials/)
  })

  for (const [code, name] of [
    [1, 'CANCELLED'],
    [4, 'DEADLINE_EXCEEDED'],
    [10, 'ABORTED'],
    [11, 'OUT_OF_RANGE'],
    [14, 'UNAVAILABLE'],
    [15, 'DATA_LOSS'],
  ] as const) {
    it(`${name} is tried again`, async () => {
      const { said, calls } = await toHttp2((stream, call) => trailersOnly(call === 1 ? code : 0)(stream), {
        OTEL_BSP_EXPORT_TIMEOUT: '3000',
      })
      assert.equal(calls, 2)
      assert.deepEqual(said, [])
    })
  }

  for (const code of [2, 5, 6, 7, 8, 9, 12, 13, 99]) {
    it(`status ${code} is not`, async () => {
      const { calls, lost } = await toHttp2(trailersOnly(code), { OTEL_BSP_EXPORT_TIMEOUT: '2000' })
      assert.equal(calls, 1)
      assert.equal(lost, 4)
    })
  }

  it('RESOURCE_EXHAUSTED of a message that is too large splits it', async () => {
    const { exporter, calls, said } = await toHttp2((stream, call) =>
      trailersOnly(call === 1 ? 8 : 0, { 'grpc-message': 'grpc: received message larger than max (9 vs. 4)' })(stream),
    )
    assert.equal(calls, 3)
    assert.equal(exporter.counts.sent, 4)
    assert.deepEqual(said, [])
  })

  it('OK with a message that is cut is no success', async () => {
    const { said, lost } = await toHttp2(stream => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.from([0, 0, 0, 0, 9, 1]))
    })
    assert.match(said[0]!, /answered OK with something that is not one gRPC message; 4 spans lost/)
    assert.equal(lost, 4)
  })

  it('more than 4 MiB are not read', async () => {
    const { said, lost } = await toHttp2(
      stream => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
        stream.end(Buffer.alloc(5 << 20))
      },
      { OTEL_BSP_EXPORT_TIMEOUT: '5000' },
    )
    assert.match(said[0]!, /answered with more than 4194304 bytes; 4 spans lost/)
    assert.equal(lost, 4)
  })

  it('headers without a status are told', async () => {
    const { said } = await toHttp2(stream =>
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { endStream: true }),
    )
    assert.match(said[0]!, /answered and broke off before the status; 4 spans lost/)
  })

  it('a web server is told by its status', async () => {
    const { said, calls } = await toHttp2(stream => {
      stream.respond({ ':status': 404, 'content-type': 'text/html' })
      stream.end('<html>')
    })
    assert.match(said[0]!, /answered HTTP 404 and not gRPC; 4 spans lost/)
    assert.equal(calls, 1)
  })

  it('a proxy that says 503 is waited for', async () => {
    const { said, calls } = await toHttp2(
      (stream, call) => {
        if (call > 1) trailersOnly(0)(stream)
        else stream.respond({ ':status': 503 }, { endStream: true })
      },
      { OTEL_BSP_EXPORT_TIMEOUT: '3000' },
    )
    assert.equal(calls, 2)
    assert.deepEqual(said, [])
  })

  it('a stream that is reset is tried again', async () => {
    const { calls, said } = await toHttp2(
      (stream, call) => {
        if (call === 1) stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)
        else trailersOnly(0)(stream)
      },
      { OTEL_BSP_EXPORT_TIMEOUT: '3000' },
    )
    assert.equal(calls, 2)
    assert.deepEqual(said, [])
  })

  it('a connection that breaks is opened anew', async () => {
    const { calls, sessions, said } = await toHttp2(
      (stream, call) => {
        if (call === 1) stream.session?.destroy()
        else trailersOnly(0)(stream)
      },
      { OTEL_BSP_EXPORT_TIMEOUT: '3000' },
    )
    assert.equal(calls, 2)
    assert.equal(sessions, 2)
    assert.deepEqual(said, [])
  })

  it('a connection that the other side is about to leave is not used for the next call', async () => {
    const server = http2.createServer()
    const sessions: http2.ServerHttp2Session[] = []
    server.on('session', session => void sessions.push(session))
    server.on('stream', stream => {
      stream.on('error', () => {})
      stream.resume().on('end', () => {
        trailersOnly(0)(stream)
        if (sessions.length === 1) stream.session?.goaway(0)
      })
    })
    const port = await listen(server)
    const { exporter, said } = await send(grpc(port))
    await new Promise(resolve => setTimeout(resolve, 50))
    pushAll(exporter, spans(2))
    await exporter.stop(2000)
    for (const session of sessions) session.destroy()
    server.close()
    assert.equal(exporter.counts.sent, 6)
    assert.equal(sessions.length, 2)
    assert.deepEqual(said, [])
  })

  it('a connection without an answer is not used again: it may be dead', async () => {
    const server = http2.createServer()
    let sessions = 0
    server.on('session', () => sessions++)
    server.on('stream', stream => {
      stream.on('error', () => {})
      if (sessions > 1) trailersOnly(0)(stream)
    })
    const port = await listen(server)
    const { exporter, said } = await send(grpc(port))
    assert.match(said[0]!, /did not answer in time; 4 spans lost/)
    pushAll(exporter, spans(2))
    await exporter.flush()
    assert.equal(exporter.counts.sent, 2)
    assert.equal(sessions, 2)
    await exporter.stop(100)
    server.close()
  })

  it('a server of HTTP/1 is told apart', async () => {
    const server = http.createServer((_request, response) => response.end('hello'))
    const { said } = await send(grpc(await listen(server)))
    server.closeAllConnections()
    server.close()
    assert.match(said[0]!, /does not speak HTTP\/2, which gRPC needs .*; 4 spans lost; .*OTEL_EXPORTER_OTLP_PROTOCOL/)
  })

  it('random bytes hurt nobody', async () => {
    const server = await bare(socket => socket.write(Buffer.alloc(5000, 0xa7)))
    const { exporter } = await send(grpc(server.port))
    await exporter.stop(100)
    server.close()
    assert.equal(lostOf(exporter), 4)
  })
})
