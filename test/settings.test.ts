/** Noise and secrets: what the instrumentations are told, decided once. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Config } from '../src/config/load'
import { loadConfig } from '../src/config/load'
import { compileGlobs, globMatches } from '../src/glob'
import { createRedactor, SENSITIVE_PARAMETERS } from '../src/redaction'
import { createSettings } from '../src/settings'

function settings(env: Record<string, string>, overrides: Partial<Config> = {}) {
  return createSettings(loadConfig(env, overrides, { path: '', variables: {} }).config)
}

describe('patterns', () => {
  it('match whole texts, with * for any characters and ? for one', () => {
    for (const [pattern, text, expected] of [
      ['/a', '/a', true],
      ['/a', '/ab', false],
      ['/a*', '/a', true],
      ['/a*', '/a/b/c', true],
      ['*/c', '/a/b/c', true],
      ['/a/*/c', '/a/b/x/c', true],
      ['/a/*/c', '/a/c', false],
      ['/?', '/', false],
      ['/?', '/x', true],
      ['/?', '/xy', false],
      ['*', '', true],
      ['**', 'x', true],
      ['', '', true],
      ['a.c', 'abc', false],
      ['a[b]c', 'abc', false],
    ] as const) {
      assert.equal(globMatches(pattern, text), expected, `${pattern} ${text}`)
      assert.equal(compileGlobs([pattern])!(text), expected, `${pattern} ${text}`)
    }
  })

  it('mean what the same regular expression means', () => {
    const pattern = fc.stringMatching(/^[ab*?./]{0,12}$/)
    const text = fc.stringMatching(/^[ab./]{0,20}$/)
    fc.assert(
      fc.property(pattern, text, (glob, subject) => {
        const source = glob.replaceAll('.', '\\.').replaceAll('*', '[^]*').replaceAll('?', '[^]')
        assert.equal(globMatches(glob, subject), new RegExp(`^${source}$`).test(subject))
      }),
      { numRuns: 5000 },
    )
  })

  it('never take exponential time', () => {
    const started = process.hrtime.bigint()
    assert.equal(globMatches(`${'*a'.repeat(50)}b`, 'a'.repeat(5000)), false)
    assert.ok(process.hrtime.bigint() - started < 2_000_000_000n)
  })
})

describe('ignored requests', () => {
  it('are none unless something is said, so that nothing is asked for each request', () => {
    const { ignoreIncoming, ignoreOutgoing } = settings({})
    assert.equal(ignoreIncoming, undefined)
    assert.equal(ignoreOutgoing, undefined)
  })

  it('are recognised by path, with or without a query', () => {
    const { ignoreIncoming } = settings({ TRACING_AGENT_IGNORE_INCOMING_PATHS: '/live,/static/*' })
    assert.equal(ignoreIncoming!('GET', '/live', undefined), true)
    assert.equal(ignoreIncoming!('GET', '/live?x=/static/', undefined), true)
    assert.equal(ignoreIncoming!('GET', '/static/a/b.js', undefined), true)
    assert.equal(ignoreIncoming!('GET', '/lively', undefined), false)
    assert.equal(ignoreIncoming!('GET', '/x?/live', undefined), false)
  })

  it('include the usual health checks for @health, gRPC among them', () => {
    const { ignoreIncoming } = settings({ TRACING_AGENT_IGNORE_INCOMING_PATHS: '@health' })
    for (const path of ['/healthz', '/health', '/livez?verbose', '/readyz', '/grpc.health.v1.Health/Check']) {
      assert.equal(ignoreIncoming!('GET', path, undefined), true, path)
    }
    assert.equal(ignoreIncoming!('GET', '/healthy-food', undefined), false)
  })

  it('are recognised by host in any case, with or without port', () => {
    const { ignoreOutgoing } = settings({
      TRACING_AGENT_IGNORE_OUTGOING_HOSTS: '*.Internal,localhost:9200,::1,10.0.0.?',
    })
    for (const [host, expected] of [
      ['a.internal', true],
      ['A.INTERNAL:443', true],
      ['internal', false],
      ['localhost:9200', true],
      ['localhost:9300', false],
      ['localhost', false],
      ['[::1]:80', true],
      ['::1', true],
      ['10.0.0.7:80', true],
      ['10.0.0.77', false],
    ] as const) {
      assert.equal(ignoreOutgoing!('GET', host, '/'), expected, host)
    }
  })
})

describe('injection', () => {
  it('goes everywhere by default, except into pre-signed URLs', () => {
    const { mayInject } = settings({})
    assert.equal(mayInject!('example.com', '/?a=b'), true)
    for (const query of [
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0',
      'X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature=0',
      'AWSAccessKeyId=A&Signature=B&Expires=1',
      'GoogleAccessId=a&Expires=1&Signature=b',
      'mySignature=1&X-Amz-Signature=0',
    ]) {
      assert.equal(mayInject!('bucket.s3.amazonaws.com', `/key?${query}`), false, query)
    }
    assert.equal(mayInject!('example.com', '/X-Amz-Signature=1'), true)
    assert.equal(mayInject!('example.com', '/?Signature=1'), true)
  })

  it('goes only to hosts that are named, and never to those with !', () => {
    const allow = settings({ TRACING_AGENT_PROPAGATE_TO: '*.example.com, !ads.example.com' }).mayInject!
    assert.equal(allow('api.example.com:8443', '/'), true)
    assert.equal(allow('ads.example.com', '/'), false)
    assert.equal(allow('other.test', '/'), false)
    const deny = settings({ TRACING_AGENT_PROPAGATE_TO: '!*.thirdparty.com' }).mayInject!
    assert.equal(deny('other.test', '/'), true)
    assert.equal(deny('api.thirdparty.com', '/'), false)
    const both = settings({ TRACING_AGENT_PROPAGATE_TO: '*,!api.thirdparty.com' }).mayInject!
    assert.equal(both('other.test', '/'), true)
    assert.equal(both('api.thirdparty.com', '/'), false)
  })
})

describe('captured headers', () => {
  it('have the key of the convention', () => {
    const { serverRequestHeaders, grpcClientResponseMetadata } = settings({
      OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: 'X-Id,x-id,Accept',
      OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_RESPONSE: 'X-Id',
    })
    assert.deepEqual(serverRequestHeaders, [
      { header: 'x-id', key: 'http.request.header.x-id' },
      { header: 'accept', key: 'http.request.header.accept' },
    ])
    assert.deepEqual(grpcClientResponseMetadata, [{ header: 'x-id', key: 'rpc.response.metadata.x-id' }])
  })

  it('are never credentials, whether a variable or code asks for them', () => {
    const names = [
      'Authorization',
      'proxy-authorization',
      'Cookie',
      'set-cookie',
      'x-api-key',
      'x-amz-security-token',
      'x-csrf-token',
      'x-session-id',
      'x-hub-signature',
    ]
    for (const name of names) {
      const { config, problems } = loadConfig(
        { OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS: name },
        {},
        { path: '', variables: {} },
      )
      assert.deepEqual(createSettings(config).clientRequestHeaders, [])
      assert.equal(problems.length, 1, name)
    }
    const lower = names.map(name => name.toLowerCase())
    assert.deepEqual(settings({}, { clientRequestHeaders: lower }).clientRequestHeaders, [])
  })
})

describe('redaction', () => {
  const standard = createRedactor([])

  it('replaces the values of the standard list and keeps all else byte for byte', () => {
    for (const key of SENSITIVE_PARAMETERS) {
      assert.equal(standard(`a=1&${key}=secret%20&b=`), `a=1&${key}=REDACTED&b=`)
      assert.equal(standard(`${key}=secret`), `${key}=REDACTED`)
    }
  })

  it('returns a query without sensitive keys as it is', () => {
    for (const query of ['', '&', '=', '==', 'a', 'sig', 'a=1&b=2', 'signature=x', 'SIG=x', 'xsig=1', 'a=sig=1']) {
      assert.equal(standard(query), query)
    }
  })

  it('keeps an empty value empty', () => assert.equal(standard('sig=&sig=1'), 'sig=&sig=REDACTED'))

  it('finds keys that are written with escapes', () => {
    assert.equal(standard('X%2DAmz%2dSignature=secret'), 'X%2DAmz%2dSignature=REDACTED')
    assert.equal(standard('%73ig=secret&%zz=1'), '%73ig=REDACTED&%zz=1')
  })

  it("takes the user's list beside the standard one, in any case", () => {
    const own = createRedactor(['Token', 'card number'])
    assert.equal(
      own('token=1&TOKEN=2&sig=3&card+number=4&x=5'),
      'token=REDACTED&TOKEN=REDACTED&sig=REDACTED&card+number=REDACTED&x=5',
    )
  })

  it('redacts every value for *', () => assert.equal(createRedactor(['*'])('a=1&b&c='), 'a=REDACTED&b&c='))

  it('agrees with a parser of queries, whatever the query is', () => {
    const key = fc.constantFrom('a', 'sig', 'Signature', 'token', 'X-Amz-Signature', '%73ig', 'x%')
    const part = fc.oneof(
      fc.tuple(key, fc.stringMatching(/^[^&#]{0,8}$/)).map(([name, value]) => `${name}=${value}`),
      fc.stringMatching(/^[^&#]{0,8}$/),
    )
    const redact = createRedactor(['token'])
    const sensitive = new Set(['sig', 'Signature', 'token', 'X-Amz-Signature'])
    fc.assert(
      fc.property(fc.array(part), parts => {
        const query = parts.join('&')
        const [given, redacted] = [query, redact(query)].map(text => text.split('&'))
        assert.equal(given!.length, redacted!.length)
        given!.forEach((piece, i) => {
          const at = piece.indexOf('=')
          const name = at < 0 ? '' : ([...new URLSearchParams(piece)][0]?.[0] ?? '')
          const hides = at >= 0 && at + 1 < piece.length && sensitive.has(name)
          assert.equal(redacted![i], hides ? `${piece.slice(0, at)}=REDACTED` : piece)
        })
      }),
      { numRuns: 3000 },
    )
  })
})

describe('error statuses', () => {
  it('are by default 5xx for the server and 4xx and 5xx for the client', () => {
    const { serverErrorStatus, clientErrorStatus } = settings({})
    assert.deepEqual([200, 404, 499, 500, 599].map(serverErrorStatus), [false, false, false, true, true])
    assert.deepEqual([200, 399, 400, 404, 599].map(clientErrorStatus), [false, false, true, true, true])
  })

  it('can be none, single ones and ranges', () => {
    const { serverErrorStatus, clientErrorStatus } = settings({
      TRACING_AGENT_SERVER_ERROR_STATUSES: 'None',
      TRACING_AGENT_CLIENT_ERROR_STATUSES: '429, 500 - 502',
    })
    assert.equal(serverErrorStatus(500), false)
    assert.deepEqual([428, 429, 499, 500, 502, 503, 0, 1000, Number.NaN].map(clientErrorStatus), [
      false,
      true,
      false,
      true,
      true,
      false,
      false,
      false,
      false,
    ])
  })
})
