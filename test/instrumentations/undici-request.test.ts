import assert from 'node:assert/strict'
import fc from 'fast-check'
import { UndiciClient } from '../../instrumentations/undici'
import {
  destinationOf,
  HEADER_SETTER,
  headerInLines,
  headerOfResponse,
  hostOf,
  type UndiciRequest,
} from '../../instrumentations/undici-request'
import type { Settings, Tools } from '../../src/instrumentation'
import { createRedactor } from '../../src/redaction'

const settings = {
  knownMethods: new Set(['GET', 'CONNECT']),
  redactQuery: createRedactor([]),
  clientErrorStatus: (status: number) => status >= 400,
  clientRequestHeaders: [],
  clientResponseHeaders: [],
} as unknown as Settings

/** A request with the `addHeader` of its version. */
function request(fields: Partial<UndiciRequest>): UndiciRequest {
  return {
    method: 'GET',
    origin: 'http://localhost',
    path: '/',
    headers: [],
    addHeader(name: string, value: string) {
      if (typeof this.headers === 'string') this.headers += `${name}: ${value}\r\n`
      else this.headers.push(name, value)
    },
    ...fields,
  } as UndiciRequest
}

describe('the destination of a request of undici', () => {
  const cases: [fields: Partial<UndiciRequest>, url: string, host: string][] = [
    [{ origin: 'http://a.example', path: '/x?sig=1' }, 'http://a.example/x?sig=REDACTED', 'a.example:80'],
    [{ origin: 'https://a.example', path: '/' }, 'https://a.example/', 'a.example:443'],
    [{ origin: 'http://[::1]:8080', path: '/x' }, 'http://[::1]:8080/x', '[::1]:8080'],
    [{ origin: new URL('http://a.example:81/ignored'), path: '/x' }, 'http://a.example:81/x', 'a.example:81'],
    [
      { origin: 'http://proxy:3128', path: 'http://u:p@a.example/x?sig=1' },
      'http://REDACTED:REDACTED@a.example/x?sig=REDACTED',
      'a.example:80',
    ],
    [
      { method: 'CONNECT', origin: 'http://proxy:3128', path: 'a.example:443' },
      'http://a.example:443',
      'a.example:443',
    ],
    [{ method: 'CONNECT', origin: 'http://proxy:3128', path: '[::1]:443' }, 'http://[::1]:443', '[::1]:443'],
    [{ origin: 'http://user:secret@a.example', path: '/x' }, 'http://a.example/x', 'a.example:80'],
  ]
  for (const [fields, url, host] of cases) {
    it(`${fields.method ?? 'GET'} ${fields.path} at ${fields.origin} is ${url}`, () => {
      const destination = destinationOf(settings, request(fields))
      assert.equal(destination.url, url)
      assert.equal(hostOf(destination), host)
    })
  }

  it('is something for every origin and path', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom('GET', 'CONNECT'), (origin, path, method) => {
        const { address, url } = destinationOf(settings, request({ origin, path, method }))
        assert.equal(typeof address + typeof url, 'stringstring')
      }),
    )
  })
})

describe('a header that is added to a request of undici', () => {
  it('takes the place of one with that name in any case, in both forms', () => {
    const list = request({ headers: ['A', '1', 'TraceParent', 'theirs', 'b', ['2', '3'], 'traceparent', 'again'] })
    HEADER_SETTER.set(list, 'traceparent', 'ours')
    assert.deepEqual(list.headers, ['A', '1', 'b', ['2', '3'], 'traceparent', 'ours'])
    const lines = request({ headers: 'A: 1\r\nTraceParent: theirs\r\nb: traceparent: 2\r\ntraceparent: again\r\n' })
    HEADER_SETTER.set(lines, 'traceparent', 'ours')
    assert.equal(lines.headers, 'A: 1\r\nb: traceparent: 2\r\ntraceparent: ours\r\n')
  })

  it('leaves all others as they are', () => {
    const name = fc.stringMatching(/^[a-z-]{1,14}$/).filter(text => text !== 'traceparent')
    const value = fc.stringMatching(/^[!-~]{0,9}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), pairs => {
        const list = request({ headers: pairs.flat() })
        HEADER_SETTER.set(list, 'traceparent', 'ours')
        assert.deepEqual(list.headers, [...pairs.flat(), 'traceparent', 'ours'])
        const text = pairs.map(([key, item]) => `${key}: ${item}\r\n`).join('')
        const lines = request({ headers: text })
        HEADER_SETTER.set(lines, 'traceparent', 'ours')
        assert.equal(lines.headers, `${text}traceparent: ours\r\n`)
      }),
    )
  })
})

describe('a header of undici', () => {
  it('is found in the lines of a request, each time it is there', () => {
    const lines = 'GET / HTTP/1.1\r\nhost: a\r\nX-Id: 1\r\nx-id:2\r\nx-id-2: 3\r\n'
    assert.deepEqual(headerInLines(lines, 'x-id'), ['1', '2'])
    assert.equal(headerInLines(lines, 'x'), undefined)
  })

  it('is found in a response as bytes, as text, and in an object', () => {
    const bytes = ['X-Id', '1', 'other', '2', 'x-id', 'caf\xe9'].map(text => Buffer.from(text, 'latin1'))
    assert.deepEqual(headerOfResponse(bytes, 'x-id'), ['1', 'caf\xe9'])
    assert.deepEqual(headerOfResponse(['x-id', ['1', '2']], 'x-id'), ['1', '2'])
    assert.deepEqual(headerOfResponse({ 'x-id': '1', list: ['2'] }, 'x-id'), ['1'])
    assert.deepEqual(headerOfResponse({ 'x-id': '1', list: ['2'] }, 'list'), ['2'])
    assert.equal(headerOfResponse(bytes, 'absent'), undefined)
  })

  it('is searched in anything without a throw', () => {
    fc.assert(
      fc.property(fc.array(fc.anything()), headers => {
        headerOfResponse(headers, 'x-id')
      }),
    )
  })
})

describe('a response whose body nobody reads', () => {
  /** Publishes to a client as undici does; the clock is the caller's. */
  function rig() {
    const listeners = new Map<string, (message: any) => void>()
    const ended: { endMs: number | undefined }[] = []
    const span = {
      add() {},
      fail() {},
      isRecording: () => ended.length === 0,
      end: (endMs?: number) => ended.push({ endMs }),
    }
    const tools = {
      settings,
      tracer: { start: () => span },
      inject() {},
      atExit() {},
      fault: (_place: string, error: unknown) => assert.fail(String(error)),
      subscribe: (channel: string, listener: (message: any) => void) => listeners.set(channel, listener),
    }
    const client = new UndiciClient(tools as unknown as Tools)
    client.subscribe()
    const socket = { bytesRead: 100, alpnProtocol: undefined as string | undefined }
    const call = request({})
    client.onCreate(call)
    listeners.get('undici:client:sendHeaders')!({ request: call, headers: '', socket })
    listeners.get('undici:request:headers')!({ request: call, response: { statusCode: 200, headers: [] } })
    const headMs = performance.now()
    const lookAt = (seconds: number) => client.endAbandoned(headMs + seconds * 1000)
    after(() => listeners.get('undici:request:trailers')!({ request: call }))
    return { ended, headMs, lookAt, socket }
  }

  it('ends its span after half a minute, with the head of the response', () => {
    const { ended, headMs, lookAt, socket } = rig()
    socket.bytesRead = 65_000
    for (const seconds of [1, 2, 29]) lookAt(seconds)
    assert.equal(ended.length, 0)
    lookAt(31)
    assert.equal(ended.length, 1)
    assert.ok(Math.abs(ended[0]!.endMs! - headMs) < 100)
    lookAt(100)
    assert.equal(ended.length, 1)
  })

  it('was read for a while: the span ends with the last bytes', () => {
    const { ended, headMs, lookAt, socket } = rig()
    for (const seconds of [1, 20, 40, 60]) {
      socket.bytesRead += 1000
      lookAt(seconds)
    }
    lookAt(89)
    assert.equal(ended.length, 0)
    lookAt(91)
    assert.equal(ended.length, 1)
    assert.ok(Math.abs(ended[0]!.endMs! - (headMs + 60_000)) < 100)
  })

  it('has five minutes on HTTP/2, where the bytes of the connection tell nothing', () => {
    const { ended, lookAt, socket } = rig()
    socket.alpnProtocol = 'h2'
    lookAt(299)
    assert.equal(ended.length, 0)
    lookAt(301)
    assert.equal(ended.length, 1)
  })
})
