import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as conventions from '@opentelemetry/semantic-conventions'
import fc from 'fast-check'
import {
  errorClass,
  errorCode,
  failWithException,
  headerValue,
  isCancellation,
  pushMethod,
  redactUrl,
  setRoute,
  spanName,
} from '../../instrumentations/_http-semantics'
import type { AgentSpan, AttributeList, Settings } from '../../src/instrumentation'
import { createRedactor } from '../../src/redaction'
import { ROOT_FOLDER } from '../kit/agent'

const settings = {
  knownMethods: new Set(['GET', 'POST']),
  redactQuery: createRedactor([]),
} as unknown as Settings

class SpanDouble {
  attributes: Record<string, unknown> = {}
  exceptions: unknown[] = []
  failures: unknown[] = []
  constructor(
    public name: string,
    private readonly traceId = 'a',
    private readonly recording = true,
  ) {}
  isRecording = () => this.recording
  spanContext = () => ({ traceId: this.traceId, spanId: 'b', traceFlags: 1 })
  setAttribute(key: string, value: unknown) {
    this.attributes[key] = value
    return this
  }
  updateName(name: string) {
    this.name = name
    return this
  }
  recordException(error: unknown) {
    this.exceptions.push(error)
  }
  fail(...args: unknown[]) {
    this.failures.push(args)
  }
}

function spanDouble(...args: ConstructorParameters<typeof SpanDouble>) {
  const span = new SpanDouble(...args)
  return span as SpanDouble & AgentSpan
}

describe('the HTTP conventions', () => {
  it('every attribute name is one of the published conventions', () => {
    const published = new Set<unknown>(Object.values(conventions).filter(value => typeof value === 'string'))
    const files = readdirSync(join(ROOT_FOLDER, 'instrumentations')).filter(file => /^_?http/.test(file))
    for (const file of files) {
      const code = readFileSync(join(ROOT_FOLDER, 'instrumentations', file), 'utf8')
      const names = [...code.matchAll(/'((?:http|url|server|client|network|user_agent|error)\.[a-z_.]+[a-z_])'/g)]
      for (const [, name] of names)
        if (!/^http\.(server|client)\./.test(name)) assert.ok(published.has(name), `${file}: ${name}`)
    }
  })

  it('a method outside the list is _OTHER, keeps what was sent, and names the span HTTP', () => {
    const attributes: AttributeList = []
    pushMethod(attributes, settings, 'PURGE')
    assert.deepEqual(attributes, ['http.request.method', '_OTHER', 'http.request.method_original', 'PURGE'])
    assert.equal(spanName(settings, 'PURGE'), 'HTTP')
    assert.equal(spanName(settings, 'get'), 'HTTP')
    assert.equal(spanName(settings, 'GET'), 'GET')
  })

  it('a URL loses its credentials and the values of sensitive parameters, and nothing else', () => {
    const cases = [
      ['http://h/p', 'http://h/p'],
      ['http://u:p@h/p', 'http://REDACTED:REDACTED@h/p'],
      ['http://u@h:80', 'http://REDACTED:REDACTED@h:80'],
      ['http://u:a@b@h/?x@y', 'http://REDACTED:REDACTED@h/?x@y'],
      ['https://h/@me', 'https://h/@me'],
      ['https://h?mail=a@b', 'https://h?mail=a@b'],
      ['https://h/?sig=1&a=2', 'https://h/?sig=REDACTED&a=2'],
      ['https://h/?a=2&sig=1#sig=3', 'https://h/?a=2&sig=REDACTED#sig=3'],
      ['https://h/#?sig=1', 'https://h/#?sig=1'],
      ['http://u:p@[::1]:8/', 'http://REDACTED:REDACTED@[::1]:8/'],
      ['/only?sig=1', '/only?sig=REDACTED'],
    ]
    for (const [url, expected] of cases) assert.equal(redactUrl(settings, url!), expected)
  })

  it('no credentials of any URL survive', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.webPath(), (url, path) => {
        const parsed = new URL(url)
        assert.equal(redactUrl(settings, url).split('sig=')[0], url.split('sig=')[0])
        parsed.username = 'hunter1'
        parsed.password = 'hunter2'
        parsed.pathname = path
        const redacted = redactUrl(settings, parsed.href)
        assert.doesNotMatch(redacted, /hunter/)
        const back = new URL(redacted)
        assert.deepEqual([back.host, back.pathname, back.hash], [parsed.host, parsed.pathname, parsed.hash])
      }),
    )
  })

  it('error.type of a call is its code, or the class of the error', () => {
    class Late extends Error {}
    assert.equal(errorCode(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })), 'ECONNREFUSED')
    assert.equal(errorCode(Object.assign(new Error('x'), { code: 7 })), 'Error')
    assert.equal(errorCode(new Late('x')), 'Late')
    assert.equal(errorClass(new TypeError('x')), 'TypeError')
    assert.equal(errorClass(Object.assign(new Error('x'), { name: 'ValidationError', code: 'E' })), 'ValidationError')
    assert.equal(errorClass('text'), '_OTHER')
    assert.equal(errorClass(null), '_OTHER')
    assert.equal(errorClass({}), '_OTHER')
  })

  it('an error that cannot be read is an error without a name', () => {
    const hostile = new Proxy(new Error('x'), {
      get() {
        throw new Error('hands off')
      },
    })
    assert.equal(errorCode(hostile), '_OTHER')
    assert.equal(isCancellation(hostile), false)
  })

  it('giving up on purpose is no failure, running out of time is one', () => {
    const aborted = (reason?: unknown) => Object.assign(new Error('x', { cause: reason }), { name: 'AbortError' })
    assert.equal(isCancellation(undefined), true)
    assert.equal(isCancellation(aborted()), true)
    assert.equal(isCancellation(Object.assign(new Error('canceled'), { name: 'CanceledError' })), true)
    assert.equal(isCancellation(aborted(new DOMException('x', 'TimeoutError'))), false)
    assert.equal(isCancellation(new DOMException('x', 'TimeoutError')), false)
    assert.equal(isCancellation(new Error('x')), false)
  })

  it('an exception is recorded once in a trace, and again in the next', () => {
    const error = new RangeError('too far')
    const [handler, server, other] = [spanDouble('GET', '1'), spanDouble('GET', '1'), spanDouble('GET', '2')]
    for (const span of [handler, server, other]) failWithException(span, error)
    assert.deepEqual([handler.exceptions, server.exceptions, other.exceptions], [[error], [], [error]])
    for (const span of [handler, server, other]) assert.deepEqual(span.failures, [['RangeError', 'too far']])
  })

  it('the route names the span, the last one wins', () => {
    const span = spanDouble('GET')
    setRoute(span, '/users/*')
    setRoute(span, '/users/:id')
    assert.equal(span.name, 'GET /users/:id')
    assert.deepEqual(span.attributes, { 'http.route': '/users/:id' })
    setRoute(undefined, '/')
    const unsampled = spanDouble('GET', '1', false)
    setRoute(unsampled, '/')
    assert.equal(unsampled.name, 'GET')
  })

  it('a captured header is a list, whatever it was', () => {
    assert.deepEqual(headerValue('a, b'), ['a, b'])
    assert.deepEqual(headerValue(['a', 'b']), ['a', 'b'])
    assert.deepEqual(headerValue(3), ['3'])
    assert.equal(headerValue(undefined), undefined)
    assert.equal(headerValue(Object), undefined)
  })
})
