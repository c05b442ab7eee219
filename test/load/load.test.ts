import assert from 'node:assert/strict'
import net from 'node:net'
import { Backend, Server } from './traffic'

/** `npm run test:load`: a minute, a million requests, ten thousand connections. */
const isLong = process.env['TRACING_AGENT_TEST_LOAD'] === '1'
const PHASE_MS = isLong ? 60_000 : 1500
const SOAK_REQUESTS = isLong ? 1_000_000 : 6000
const ABORTED = isLong ? 10_000 : 1000
const MEGABYTE = 1024 * 1024
/** A queue of 2048 spans of less than two kilobytes each, and what the runtime keeps. */
const QUEUE_BOUND_BYTES = 8 * MEGABYTE

const say = (line: string) => isLong && console.log(`      ${line}`)

describe('a server under full load', function () {
  this.timeout(1_800_000)

  it('loses its backend and gets it back: memory within the bound, every loss counted, no slower', async () => {
    const backend = new Backend()
    await backend.open()
    const server = await Server.start(backend)
    await server.load({ ms: 1000 })
    const up = await server.load({ ms: Math.min(PHASE_MS, 15_000) })
    const heapUp = await server.heapBytes()
    await backend.close()
    const away = await server.load({ ms: PHASE_MS })
    const heapAway = await server.heapBytes()
    await backend.open()
    await server.load({ ms: Math.min(PHASE_MS, 15_000) })
    const { served, finished, sent, lost, stderr } = await server.end()
    await backend.close()
    say(`${Math.round(up)} requests/s with the backend, ${Math.round(away)} without`)
    say(
      `heap ${(heapUp / MEGABYTE).toFixed(1)} MB, then ${(heapAway / MEGABYTE).toFixed(1)} MB; ${sent} sent, ${lost} lost`,
    )
    assert.equal(finished, served, stderr)
    assert.equal(sent + lost, finished, stderr)
    assert.equal(backend.spans, sent, stderr)
    assert.ok(lost > 0, 'the queue was full')
    assert.ok(heapAway - heapUp < QUEUE_BOUND_BYTES, `${heapUp}, then ${heapAway} bytes`)
    assert.ok(away > up * 0.5, `${up} requests/s with the backend, ${away} without`)
    assert.match(stderr, /ECONNREFUSED.* wait for it/)
    assert.match(stderr, /answers again; \d+ spans lost meanwhile/)
  })

  it('keeps no memory', async () => {
    const backend = new Backend()
    await backend.open()
    const server = await Server.start(backend)
    await server.load({ requests: SOAK_REQUESTS / 3 })
    const before = await server.heapBytes()
    const rate = await server.load({ requests: (SOAK_REQUESTS * 2) / 3 })
    const after = await server.heapBytes()
    const { served, finished, sent, lost, stderr } = await server.end()
    await backend.close()
    say(`${served} requests, ${Math.round(rate)}/s; heap ${before}, then ${after} bytes; ${sent} sent, ${lost} lost`)
    assert.equal(finished, served, stderr)
    assert.equal(sent + lost, finished, stderr)
    assert.equal(backend.spans, sent, stderr)
    assert.ok(after - before < 1.5 * MEGABYTE, `${before}, then ${after} bytes`)
  })
})

describe('connections that break off', function () {
  this.timeout(600_000)

  it('before, in and after the head of a request, and within the answer, make one span for each request', async () => {
    const backend = new Backend(true)
    await backend.open()
    const server = await Server.start(backend, { OTEL_BSP_MAX_QUEUE_SIZE: '20000' })
    const ways = [
      { bytes: '', requests: 0 },
      { bytes: 'GET /slow HT', requests: 0 },
      { bytes: 'GET /slow HTTP/1.1\r\nHost: a\r\nX-', requests: 0 },
      { bytes: 'POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf', requests: 1 },
      { bytes: 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n', requests: 1 },
    ]
    let expected = 0
    let next = 0
    const client = async () => {
      while (next < ABORTED) {
        const { bytes, requests } = ways[next++ % ways.length]!
        expected += requests
        await breakOff(server.port, bytes, requests > 0)
      }
    }
    await Promise.all(Array.from({ length: 20 }, client))
    const { served, finished, sent, lost, stderr } = await server.end()
    await backend.close()
    say(`${ABORTED} connections, ${served} requests, ${sent} spans`)
    assert.equal(served, expected)
    assert.deepEqual({ finished, sent, lost }, { finished: served, sent: served, lost: 0 }, stderr)
    assert.equal(backend.spans, served)
    assert.equal(backend.ids.size, served)
  })
})

/** Sends these bytes, waits for the beginning of an answer if there will be one, and resets the connection. */
function breakOff(port: number, bytes: string, isAnswered: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    const end = () => {
      socket.resetAndDestroy()
      resolve()
    }
    socket.on('error', reject)
    if (isAnswered) socket.once('data', end)
    socket.on('connect', () => {
      if (bytes !== '') socket.write(bytes, isAnswered ? undefined : end)
      else end()
    })
  })
}
