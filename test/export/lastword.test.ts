import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { HandedOver } from '../../src/export/contract'
import { replyIn } from '../../src/export/lastword'

const HTTP: HandedOver = { fd: 3, protocol: 'http/1.1' }
const H2: HandedOver = { fd: 3, protocol: 'h2', streamId: 3 }
const TLS: HandedOver = { fd: 3, protocol: 'tls' }

const http = (text: string) => replyIn(Buffer.from(text), HTTP)

function frame(type: number, flags: number, stream: number, body: Buffer | number): Buffer {
  const payload = typeof body === 'number' ? Buffer.alloc(body) : body
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

function words(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4)
  for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number, i * 4)
  return bytes
}

const DATA = 0
const HEADERS = 1
const RST_STREAM = 3
const SETTINGS = 4
const GOAWAY = 7
const END_STREAM = 1
const END_HEADERS = 4

const frames = (...parts: Buffer[]) => replyIn(Buffer.concat(parts), H2)

describe('an answer that is read while the thread ends', () => {
  it('over HTTP is the first final status line', () => {
    assert.deepEqual(http('HTTP/1.1 200 OK\r\n'), { ok: true })
    assert.deepEqual(http('HTTP/1.0 204 \r\n'), { ok: true })
    assert.deepEqual(http('HTTP/1.1 102 Processing\r\nx: y\r\n\r\nHTTP/1.1 202 Accepted\r\n'), { ok: true })
    assert.equal(http('HTTP/1.1 100 Continue\r\n\r\n'), undefined)
    assert.equal(http('HTTP/1.1 20'), undefined)
    assert.deepEqual(http('HTTP/1.1 503 Busy\r\n'), {
      ok: false,
      reason: 'answered 503 Service Unavailable',
      retry: false,
    })
    assert.match((http('SSH-2.0-OpenSSH_9.6\r\n') as any).reason, /not HTTP/)
  })

  it('over gRPC is the end of its stream after a message', () => {
    const other = frame(HEADERS, END_HEADERS | END_STREAM, 1, 5)
    const head = frame(HEADERS, END_HEADERS, 3, 5)
    const end = frame(HEADERS, END_HEADERS | END_STREAM, 3, 5)
    assert.equal(frames(frame(SETTINGS, 0, 0, 12), other, head, frame(DATA, 0, 3, 7)), undefined)
    assert.deepEqual(frames(other, head, frame(DATA, 0, 3, 7), end), { ok: true })
    assert.deepEqual(replyIn(end, { ...H2, begun: true }), { ok: true })
    assert.deepEqual(frames(end), { ok: false, reason: 'answered with an error', retry: false })
    assert.equal(frames(head, frame(DATA, 0, 3, 7), end.subarray(0, 12)), undefined)
  })

  it('over gRPC is to be repeated when the server says that it did nothing', () => {
    const retry = (reply: any) => reply?.retry
    assert.equal(retry(frames(frame(RST_STREAM, 0, 3, words(7)))), true)
    assert.equal(retry(frames(frame(RST_STREAM, 0, 3, words(2)))), false)
    assert.equal(retry(frames(frame(GOAWAY, 0, 0, words(1, 0)))), true)
    assert.equal(frames(frame(GOAWAY, 0, 0, words(3, 0))), undefined)
  })

  it('over TLS is the first record of the application', () => {
    assert.equal(replyIn(Buffer.from([22, 3, 3, 0, 2, 1, 1, 23, 3]), TLS), undefined)
    assert.deepEqual(replyIn(Buffer.from([22, 3, 3, 0, 2, 1, 1, 23, 3, 3, 0, 1, 0]), TLS), { ok: true })
  })

  it('may be any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom(HTTP, H2, TLS), (bytes, message) => {
        replyIn(Buffer.from(bytes), message)
      }),
    )
  })

  it('that is known stays the same when more comes', () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map(bytes => Buffer.from(bytes)),
      fc
        .tuple(fc.constantFrom(DATA, HEADERS, RST_STREAM, GOAWAY), fc.nat(5), fc.nat(3), fc.nat(12))
        .map(([type, flags, stream, length]) => frame(type, flags, stream, length)),
    )
    fc.assert(
      fc.property(fc.array(part), part, fc.constantFrom(HTTP, H2, TLS), (parts, more, message) => {
        const known = replyIn(Buffer.concat(parts), message)
        if (known !== undefined) assert.deepEqual(replyIn(Buffer.concat([...parts, more]), message), known)
      }),
    )
  })
})
