/** fetch and undici as programs use them: the builtin copy, and every major of the package that runs on this Node. */
import assert from 'node:assert/strict'
import { type ReceivedSpan, runAgent, runBare } from '../kit/agent'

const CALLS = 'fixtures/undici/calls.cjs'
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
const SUBJECTS = [
  'builtin',
  'undici5',
  'undici6',
  'undici',
  ...(major > 22 || (major === 22 && minor >= 19) ? ['undici8'] : []),
]

const SCENARIOS = [
  'get',
  'missing',
  'request',
  'redirect',
  'manual',
  'own',
  'slow',
  'cancel',
  'abort',
  'abortBody',
  'timeout',
  'refused',
  'close',
  'cut',
  'secrets',
  'invalid',
  'streamed',
]
const OF_THE_PACKAGE = ['functions', 'again', 'proxy']

/** What happened in one scenario. */
interface Seen {
  stdout: string
  spans: ReceivedSpan[]
}

/** Scenarios of one subject in one process under the agent, with the output and the exit that they have without. */
async function run(subject: string, scenarios: string[]): Promise<Map<string, Seen>> {
  const args = [subject, ...scenarios]
  const [traced, bare] = await Promise.all([runAgent(CALLS, { args }), runBare(CALLS, { args })])
  assert.equal(withoutNumbers(traced.stdout), withoutNumbers(bare.stdout))
  assert.equal(withoutNumbers(traced.stderr), withoutNumbers(bare.stderr))
  assert.equal(traced.code, bare.code)
  assert.equal(traced.code, 0)
  const seen = new Map<string, Seen>()
  for (const section of traced.stdout.split('== ').slice(1)) {
    seen.set(section.slice(0, section.indexOf('\n')), { stdout: section, spans: [] })
  }
  for (const span of traced.spans) {
    const url = String(span.attributes['url.full'] ?? span.attributes['url.path'])
    seen.get(url.replace(/^http:\/\/[^/]*/, '').split(/[/?]/)[1] ?? 'proxy')?.spans.push(span)
  }
  return seen
}

/** Ports and process ids are others each time. */
const withoutNumbers = (text: string) => text.replace(/(localhost:|\(node:)\d+/g, '$1')
const ofKind = (spans: ReceivedSpan[], kind: string) => spans.filter(span => span.kind === kind)
const clients = ({ spans }: Pick<Seen, 'spans'>) => ofKind(spans, 'CLIENT')
const servers = ({ spans }: Pick<Seen, 'spans'>) => ofKind(spans, 'SERVER')
const durationMs = (span: ReceivedSpan) => (span.endMicros - span.startMicros) / 1000

function only<T>(items: T[]): T {
  assert.equal(items.length, 1)
  return items[0]!
}

/** Each CLIENT span is the parent of the SERVER span that it caused. */
function assertLinked(result: Pick<Seen, 'spans'>): void {
  const served = servers(result)
  assert.deepEqual(
    served.map(({ parentSpanId, traceId }) => `${traceId} ${parentSpanId}`).sort(),
    clients(result)
      .map(({ spanId, traceId }) => `${traceId} ${spanId}`)
      .sort(),
  )
}

for (const subject of SUBJECTS) {
  const isPackage = subject !== 'builtin'

  describe(`${isPackage ? `the package ${subject}` : 'the builtin fetch'}`, () => {
    let seen = new Map<string, Seen>()
    const of = (scenario: string) => seen.get(scenario)!

    before(async function () {
      this.timeout(60_000)
      const together = [...SCENARIOS, ...(isPackage ? OF_THE_PACKAGE : [])]
      if (isPackage || 'WebSocket' in globalThis) together.push('websocket')
      // These end the process.
      const alone = isPackage ? ['unread', 'unreadRequest'] : ['unread']
      for (const scenarios of [together, ...alone.map(name => [name])]) {
        seen = new Map([...seen, ...(await run(subject, scenarios))])
      }
    })

    it('a call is one CLIENT span that says where it went, and the server continues its trace', () => {
      const result = of('get')
      const span = only(clients(result))
      const { 'server.port': port, 'network.peer.address': address, ...rest } = span.attributes
      assert.deepEqual(rest, {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'network.peer.port': port,
        'network.protocol.version': '1.1',
        'server.address': 'localhost',
        'url.full': `http://localhost:${port}/get/a?b=1`,
      })
      assert.match(String(address), /^(127\.0\.0\.1|::1)$/)
      assert.equal(span.name, 'GET')
      assert.equal(span.parentSpanId, '')
      assert.equal(span.status.code, 'UNSET')
      assertLinked(result)
    })

    it('a 404 is an error of the call, without a description', () => {
      const { status, attributes } = only(clients(of('missing')))
      assert.deepEqual(status, { code: 'ERROR', message: '' })
      assert.equal(attributes['error.type'], '404')
    })

    it('a Request object keeps its method, its body and its headers, and gets none', () => {
      const result = of('request')
      assert.match(result.stdout, /x-own=mine\n200 body:hello\nfalse/)
      assert.equal(only(clients(result)).name, 'POST')
      assertLinked(result)
    })

    it('each hop of a redirect is a span with headers of its own', () => {
      const result = of('redirect')
      assert.deepEqual(
        clients(result).map(({ attributes }) => [
          attributes['http.response.status_code'],
          attributes['http.request.resend_count'],
        ]),
        [
          [302, undefined],
          [307, 1],
          [200, 2],
        ],
      )
      assert.doesNotMatch(result.stdout, /DOUBLED/)
      assertLinked(result)
    })

    it('a redirect that is not followed is one span, and no error', () => {
      const { attributes, status } = only(clients(of('manual')))
      assert.equal(attributes['http.response.status_code'], 302)
      assert.equal(status.code, 'UNSET')
    })

    it('a traceparent of the program is replaced, not doubled', () => {
      const result = of('own')
      assert.doesNotMatch(result.stdout, /DOUBLED/)
      assert.match(result.stdout, /x-own=mine/)
      assert.equal(clients(result).length, isPackage ? 3 : 2)
      assertLinked(result)
    })

    it('a span lasts until the last byte of the body', () => {
      const result = of('slow')
      assert.match(result.stdout, /200 first last/)
      assert.ok(durationMs(only(clients(result))) >= 75)
    })

    it('a body that nobody reads does not keep its span: it ends with the head of the response', () => {
      const result = of('unread')
      const span = only(clients(result))
      assert.equal(span.attributes['http.response.status_code'], 200)
      assert.equal(span.status.code, 'UNSET')
      assert.ok(durationMs(span) < 250, `${durationMs(span)} ms`)
    })

    it('a body that is cancelled is no error', () => {
      const { attributes, status } = only(clients(of('cancel')))
      assert.equal(status.code, 'UNSET')
      assert.equal(attributes['error.type'], undefined)
      assert.equal(attributes['http.response.status_code'], 200)
    })

    it('a call that the program aborts is no error, whatever the reason', () => {
      const aborted = clients(of('abort'))
      assert.equal(aborted.length, 2)
      for (const { attributes, status } of aborted) {
        assert.equal(status.code, 'UNSET')
        assert.equal(attributes['error.type'], undefined)
        assert.equal(attributes['http.response.status_code'], undefined)
      }
    })

    it('an abort in the middle of the body is no error', () => {
      const { attributes, status } = only(clients(of('abortBody')))
      assert.equal(status.code, 'UNSET')
      assert.equal(attributes['http.response.status_code'], 200)
    })

    it('a timeout is an error', () => {
      const { attributes, status } = only(clients(of('timeout')))
      assert.equal(status.code, 'ERROR')
      assert.equal(attributes['error.type'], 'TimeoutError')
    })

    it('a refused connection is an error whose type is the code', () => {
      const { attributes, status } = only(clients(of('refused')))
      assert.equal(status.code, 'ERROR')
      assert.match(status.message, /ECONNREFUSED/)
      assert.equal(attributes['error.type'], 'ECONNREFUSED')
    })

    it('a connection that closes before the response, or in its body, is an error', () => {
      for (const [scenario, code] of [
        ['close', undefined],
        ['cut', 200],
      ] as const) {
        const { attributes, status } = only(clients(of(scenario)))
        assert.equal(status.code, 'ERROR')
        assert.equal(attributes['error.type'], 'UND_ERR_SOCKET')
        assert.equal(attributes['http.response.status_code'], code)
      }
    })

    it('secrets in a URL are redacted', () => {
      const { attributes } = only(clients(of('secrets')))
      assert.match(String(attributes['url.full']), /\/s\?sig=REDACTED&X-Goog-Credential=c&plain=kept$/)
    })

    it('a call that throws before anything is sent makes no span, and throws the same', () => {
      assert.deepEqual(of('invalid').spans, [])
    })

    it('a streamed upload arrives whole, within the span', () => {
      const result = of('streamed')
      assert.match(result.stdout, /200 body:one two/)
      assert.ok(durationMs(only(clients(result))) >= 25)
    })

    if (isPackage || 'WebSocket' in globalThis) {
      it('the handshake of a WebSocket is a span that ends with it', async () => {
        const result = of('websocket')
        const { attributes, status } = only(clients(result))
        assert.equal(attributes['http.response.status_code'], 101)
        assert.equal(status.code, 'UNSET')
      })
    }

    if (!isPackage) return

    it('request, stream, pipeline, dispatch and a Client with a whole URL are traced alike', () => {
      const result = of('functions')
      assert.deepEqual(
        clients(result).map(({ attributes }) => String(attributes['url.full']).replace(/^http:\/\/localhost:\d+/, '')),
        ['/request?sig=REDACTED', '/stream', '/pipeline', '/whole?sig=REDACTED', '/dispatch'].map(
          path => `/functions${path}`,
        ),
      )
      assert.match(result.stdout, /x-own=mine/)
      assertLinked(result)
    })

    it('the body of `request` that nobody reads does not keep its span', () => {
      const span = only(clients(of('unreadRequest')))
      assert.equal(span.attributes['http.response.status_code'], 200)
      assert.ok(durationMs(span) < 250, `${durationMs(span)} ms`)
    })

    it('a redirect and a retry on a shared connection belong to the caller of the request', () => {
      const result = of('again')
      const byId = new Map(result.spans.map(span => [span.spanId, span]))
      const sent = clients(result).filter(({ attributes }) => !/\/(first|second)$/.test(String(attributes['url.full'])))
      const retries = subject === 'undici5' ? 0 : 2
      assert.equal(sent.length, 2 * (3 + retries))
      for (const span of sent) {
        const parent = byId.get(span.parentSpanId)
        assert.equal(parent?.kind, 'SERVER')
        const asked = String(span.attributes['url.full']).split('?')[1]
        if (asked !== undefined) assert.equal(parent.attributes['url.path'], `/again/${asked}`)
      }
      for (const path of ['/again/first', '/again/second']) {
        const relay = servers(result).find(({ attributes }) => attributes['url.path'] === path)!
        assert.deepEqual(
          sent
            .filter(({ parentSpanId }) => parentSpanId === relay.spanId)
            .map(({ attributes }) => attributes['http.request.resend_count'] ?? 0),
          retries === 0 ? [0, 1, 2] : [0, 1, 2, 0, 1],
        )
      }
    })

    it('a tunnel through a proxy is a CONNECT span to the destination, without credentials', () => {
      const result = of('proxy')
      const tunnel = only(clients(result).filter(({ name }) => name === 'CONNECT'))
      const call = only(clients(result).filter(({ name }) => name === 'GET'))
      assert.equal(tunnel.attributes['http.response.status_code'], 200)
      assert.equal(tunnel.attributes['server.address'], 'localhost')
      assert.equal(tunnel.attributes['server.port'], call.attributes['server.port'])
      assert.doesNotMatch(JSON.stringify(result.spans), /c2VjcmV0/)
    })
  })
}

describe('fetch', () => {
  for (const how of ['require', 'import'] as const) {
    it(`an ES module that awaits at its top level is traced with --${how}`, async () => {
      const [traced, bare] = await Promise.all([
        runAgent('fixtures/undici/top-level.mjs', { how }),
        runBare('fixtures/undici/top-level.mjs'),
      ])
      assert.equal(traced.stdout, bare.stdout)
      only(clients(traced))
      assertLinked(traced)
    })
  }

  it('calls of concurrent requests belong to their own request', async () => {
    const result = await runAgent('fixtures/undici/crossing.cjs')
    assert.equal(result.stdout, 'a,a,a b,b,b c,c,c d,d,d\n')
    const byId = new Map(result.spans.map(span => [span.spanId, span]))
    const inner = clients(result).filter(({ attributes }) => String(attributes['url.full']).includes('/inner/'))
    assert.equal(inner.length, 12)
    for (const span of inner) {
      const parent = byId.get(span.parentSpanId)!
      assert.equal(parent.kind, 'SERVER')
      assert.equal(String(span.attributes['url.full']).at(-1), String(parent.attributes['url.path']).at(-1))
    }
  })

  it('headers are recorded when the user asks for them', async () => {
    const { spans } = await runAgent(CALLS, {
      args: ['builtin', 'request'],
      env: {
        OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS: 'X-Own,content-type,absent',
        OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS: 'x-answer',
      },
    })
    const { attributes } = only(ofKind(spans, 'CLIENT'))
    assert.deepEqual(attributes['http.request.header.x-own'], ['mine'])
    assert.deepEqual(attributes['http.request.header.content-type'], ['text/plain;charset=UTF-8'])
    assert.deepEqual(attributes['http.response.header.x-answer'], ['yes'])
    assert.equal('http.request.header.absent' in attributes, false)
  })

  it('a host that is not to be traced makes no span, and gets no headers', async () => {
    const result = await runAgent(CALLS, {
      args: ['builtin', 'get'],
      env: { TRACING_AGENT_IGNORE_OUTGOING_HOSTS: 'localhost' },
    })
    assert.deepEqual(clients(result), [])
    assert.equal(only(servers(result)).parentSpanId, '')
  })

  it('a host that gets no headers is traced all the same', async () => {
    const result = await runAgent(CALLS, {
      args: ['builtin', 'get'],
      env: { TRACING_AGENT_PROPAGATE_TO: '!localhost' },
    })
    only(clients(result))
    assert.equal(only(servers(result)).parentSpanId, '')
  })

  it('with the instrumentation off nothing is traced', async () => {
    const result = await runAgent(CALLS, {
      args: ['builtin', 'get'],
      env: { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'undici' },
    })
    assert.deepEqual(clients(result), [])
  })

  it('listening for calls loads no undici and keeps nothing running', async () => {
    const program = 'fixtures/undici/modules.cjs'
    const [traced, bare] = await Promise.all([
      runAgent(program, { coverage: false }),
      runBare(program, { coverage: false }),
    ])
    assert.equal(bare.stdout.split('\n')[2], 'nobody listens')
    assert.equal(traced.stdout, bare.stdout.replace('nobody listens', 'true'))
  })
})
