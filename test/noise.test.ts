/** Noise and secrets in a real program: what variables leave out of traces, and what never gets into them. */
import assert from 'node:assert/strict'
import { type ReceivedSpan, runAgent } from './kit/agent'

const PROGRAM = 'fixtures/noise/web.cjs'
const CALLER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

interface Seen {
  servers: ReceivedSpan[]
  clients: ReceivedSpan[]
  inner: ReceivedSpan[]
  /** Path, whether a trace came along, baggage. */
  arrived: [string, boolean, string | undefined][]
  all: string
}

async function run(env: Record<string, string> = {}, args: string[] = []): Promise<Seen> {
  const { code, spans, stderr, stdout } = await runAgent(PROGRAM, { env, args })
  assert.equal(code, 0, stderr)
  assert.equal(stderr, '')
  return {
    servers: spans.filter(({ kind }) => kind === 'SERVER'),
    clients: spans.filter(({ kind }) => kind === 'CLIENT'),
    inner: spans.filter(({ kind }) => kind === 'INTERNAL'),
    arrived: JSON.parse(stdout),
    all: JSON.stringify(spans),
  }
}

const paths = (spans: ReceivedSpan[]) => spans.map(({ attributes }) => attributes['url.path'])
const urls = (spans: ReceivedSpan[]) => spans.map(({ attributes }) => attributes['url.full'].replace(/^.*?:\d+/, ''))

describe('noise', () => {
  it('is all traced by default', async () => {
    const { clients, inner, servers } = await run()
    assert.deepEqual(paths(servers), ['/items/1', '/items/2', '/healthz', '/missing'])
    assert.equal(clients.length, 4)
    assert.equal(inner.length, 4)
  })

  it('of incoming paths is left out with everything below it', async () => {
    const { clients, inner, servers } = await run({ TRACING_AGENT_IGNORE_INCOMING_PATHS: '@Health,/items/*' })
    assert.deepEqual(paths(servers), ['/missing'])
    assert.equal(inner.length, 1)
    assert.equal(clients.length, 4)
  })

  it('of incoming hosts is left out', async () => {
    const { servers } = await run({ TRACING_AGENT_IGNORE_INCOMING_HOSTS: '127.*' })
    assert.deepEqual(servers, [])
  })

  it('of outgoing paths and hosts is left out, by http and by fetch, and carries no header', async () => {
    const some = await run({ TRACING_AGENT_IGNORE_OUTGOING_PATHS: '/items/*' })
    assert.deepEqual(urls(some.clients), ['/healthz', '/missing'])
    assert.equal(some.servers.length, 4)
    const none = await run({ TRACING_AGENT_IGNORE_OUTGOING_HOSTS: '127.0.0.1' })
    assert.deepEqual(none.clients, [])
    assert.ok(none.arrived.every(([, carries]) => !carries))
  })

  it('of Express is none, the handlers, the routers or all', async () => {
    const names = async (TRACING_AGENT_EXPRESS_SPANS: string) =>
      (await run({ TRACING_AGENT_EXPRESS_SPANS })).inner.map(({ name }) => name)
    assert.deepEqual(await names('none'), [])
    assert.equal((await names('handler')).length, 4)
    const all = await names('all')
    assert.equal(all.filter(name => name.includes('note')).length, 4, String(all))
  })

  it('of an instrumentation is left out', async () => {
    const { clients, inner } = await run({ OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'undici,express' })
    assert.equal(clients.length, 3)
    assert.equal(inner.length, 0)
    const only = await run({ OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'undici' })
    assert.deepEqual([only.clients.length, only.servers.length, only.inner.length], [1, 0, 0])
  })
})

describe('secrets', () => {
  it('in signatures and headers are in no span by default', async () => {
    const { all, clients, servers } = await run()
    assert.ok(!all.includes('sig=hunter2'))
    assert.ok(!all.includes('session'))
    assert.equal(servers[0]!.attributes['url.query'], 'token=hunter2&sig=REDACTED&page=3')
    assert.deepEqual(urls(clients).slice(0, 2), [
      '/items/1?token=hunter2&sig=REDACTED&page=3',
      '/items/2?token=hunter2&page=4',
    ])
  })

  it("in one's own parameters are redacted in the same way by http and by fetch", async () => {
    const { all, clients, servers } = await run({ TRACING_AGENT_REDACT_QUERY: 'Token' })
    assert.ok(!all.includes('hunter2'))
    assert.deepEqual(urls(clients).slice(0, 2), [
      '/items/1?token=REDACTED&sig=REDACTED&page=3',
      '/items/2?token=REDACTED&page=4',
    ])
    assert.deepEqual(
      servers.slice(0, 2).map(({ attributes }) => attributes['url.query']),
      ['token=REDACTED&sig=REDACTED&page=3', 'token=REDACTED&page=4'],
    )
  })

  it('stay out of captured headers', async () => {
    const { clients, servers } = await run({
      OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: 'x-request-id',
      OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS: 'X-Answer',
      OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS: 'X-Request-Id',
      OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS: 'x-answer',
    })
    for (const spans of [clients, servers]) {
      assert.deepEqual(
        spans.map(({ attributes }) => [
          attributes['http.request.header.x-request-id'],
          attributes['http.response.header.x-answer'],
        ]),
        [
          [['abc'], ['42']],
          [['def'], ['42']],
          [undefined, undefined],
          [undefined, undefined],
        ],
      )
    }
    const { stderr, spans } = await runAgent(PROGRAM, {
      env: {
        OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: 'authorization',
        OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS: 'set-cookie',
      },
    })
    assert.equal(stderr.trim().split('\n').length, 2)
    assert.ok(!JSON.stringify(spans).includes('session=hunter2'))
    assert.ok(!spans.some(({ attributes }) => Object.keys(attributes).some(key => key.includes('authorization'))))
  })
})

describe('conventions', () => {
  it('take the methods that one knows', async () => {
    const { servers } = await run({ OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS: 'POST' })
    assert.equal(servers[0]!.attributes['http.request.method'], '_OTHER')
    assert.equal(servers[0]!.attributes['http.request.method_original'], 'GET')
    assert.match(servers[0]!.name, /^HTTP\b/)
  })

  it('take the statuses that are errors', async () => {
    const last = async (env: Record<string, string>) => {
      const { clients, servers } = await run(env)
      return [servers[3]!.status.code, clients[3]!.status.code]
    }
    assert.deepEqual(await last({}), ['UNSET', 'ERROR'])
    assert.deepEqual(
      await last({ TRACING_AGENT_SERVER_ERROR_STATUSES: '404', TRACING_AGENT_CLIENT_ERROR_STATUSES: '500-599' }),
      ['ERROR', 'UNSET'],
    )
  })

  it('cut what is longer than the limits', async () => {
    const { servers } = await run({
      OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '6',
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '4',
    })
    for (const { attributes } of servers) {
      assert.equal(Object.keys(attributes).length, 4)
      for (const value of Object.values(attributes)) if (typeof value === 'string') assert.ok(value.length <= 6, value)
    }
  })
})

describe('propagation', () => {
  it('goes to the hosts that are named', async () => {
    const carried = async (env: Record<string, string>) => (await run(env)).arrived.map(([, carries]) => carries)
    assert.deepEqual(await carried({}), [true, true, true, true])
    assert.deepEqual(await carried({ TRACING_AGENT_PROPAGATE_TO: '*.example.com' }), [false, false, false, false])
    assert.deepEqual(await carried({ TRACING_AGENT_PROPAGATE_TO: '!127.0.0.1' }), [false, false, false, false])
    assert.deepEqual(await carried({ OTEL_PROPAGATORS: 'none' }), [false, false, false, false])
    assert.deepEqual(await carried({ OTEL_PROPAGATORS: 'b3' }), [true, true, true, true])
  })

  it('continues the trace of a caller, restarts it with a link, or ignores it', async () => {
    // The client makes its own span: without one, what the program sends itself is what arrives.
    const first = async (TRACING_AGENT_TRUST_INCOMING: string) => {
      const env = { TRACING_AGENT_TRUST_INCOMING, TRACING_AGENT_IGNORE_OUTGOING_HOSTS: '*' }
      return (await run(env, [CALLER])).servers[0]!
    }
    const [, traceId, spanId] = CALLER.split('-')
    const continued = await first('continue')
    assert.deepEqual([continued.traceId, continued.parentSpanId], [traceId, spanId])
    const restarted = await first('restart')
    assert.notEqual(restarted.traceId, traceId)
    assert.equal(restarted.parentSpanId, '')
    assert.deepEqual(
      restarted.links.map(link => [link.traceId, link.spanId]),
      [[traceId, spanId]],
    )
    const ignored = await first('ignore')
    assert.notEqual(ignored.traceId, traceId)
    assert.deepEqual(ignored.links, [])
  })
})
