/** Propagators as a user meets them: a program under the agent, between a caller and a service. */
import assert from 'node:assert/strict'
import { type AgentResult, type ReceivedSpan, runAgent } from '../kit/agent'

const TRACE = '5759e988bd862e3fe1be46a994272793'
const SPAN = '53995c3f42cd8ad8'
const XRAY_ROOT = '1-5759e988-bd862e3fe1be46a994272793'

interface Told {
  /** Headers that the call of the program carried. */
  below: Record<string, string>
  /** Headers of the program's answer. */
  answer: Record<string, string>
}

interface Request {
  path: string
  /** A list is sent as several headers. */
  headers?: Record<string, string | string[]>
}

interface Relayed extends AgentResult {
  told: Told[]
  /** The spans of each request: its SERVER span, and the CLIENT span of the call that it made. */
  pairs: { server: ReceivedSpan; client: ReceivedSpan }[]
}

async function relay(env: Record<string, string>, ...requests: Request[]): Promise<Relayed> {
  const args = requests.map(request => JSON.stringify(request))
  const result = await runAgent('fixtures/propagation/relay.cjs', { env, args })
  assert.equal(result.code, 0, result.stderr)
  assert.equal(result.stderr, '')
  const told = result.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Told)
  const servers = result.spans.filter(
    ({ attributes, kind }) => kind === 'SERVER' && attributes['url.path'] !== '/below',
  )
  const pairs = servers.map(server => ({
    server,
    client: result.spans.find(({ kind, parentSpanId }) => kind === 'CLIENT' && parentSpanId === server.spanId)!,
  }))
  return { ...result, told, pairs }
}

describe('a program under the agent', () => {
  it('passes a tracestate on that a caller wrote with tabs', async () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-03`, tracestate: 'foo=1 \t, \tbar=2' }
    const { told } = await relay({}, { path: '/', headers })
    assert.equal(told[0]!.below.tracestate, 'foo=1,bar=2')
  })

  it('continues W3C trace context and baggage when nothing is said', async () => {
    const { pairs, told } = await relay(
      {},
      {
        path: '/',
        headers: { traceparent: `00-${TRACE}-${SPAN}-03`, tracestate: 'foo=1 , bar=2', baggage: 'a=1;p,b=%20' },
      },
    )
    const { client, server } = pairs[0]!
    assert.deepEqual([server.traceId, server.parentSpanId, client.traceId], [TRACE, SPAN, TRACE])
    assert.equal(server.traceState, 'foo=1 , bar=2')
    const { below } = told[0]!
    assert.deepEqual([below.traceparent, below.tracestate], [`00-${TRACE}-${client.spanId}-03`, 'foo=1 , bar=2'])
    assert.equal(below.baggage, 'a=1;p,b=%20')
  })

  it('takes headers in any case, several of tracestate and baggage, and not two of traceparent', async () => {
    const { pairs, told } = await relay(
      {},
      {
        path: '/several',
        headers: {
          TraceParent: `00-${TRACE}-${SPAN}-01`,
          TRACESTATE: ['foo=1', '', 'bar=2,baz=3'],
          Baggage: ['a=1', 'b=2'],
        },
      },
      {
        path: '/two',
        headers: { traceparent: [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`], tracestate: 'foo=1' },
      },
      { path: '/no-parent', headers: { tracestate: 'foo=1', 'trace-parent': `00-${TRACE}-${SPAN}-01` } },
      { path: '/bad-state', headers: { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: ['foo=1', 'foo=2'] } },
    )
    assert.deepEqual(
      pairs.map(({ server }) => server.traceId === TRACE),
      [true, false, false, true],
    )
    assert.deepEqual(
      told[0]!.below
        .tracestate!.split(',')
        .map(member => member.trim())
        .filter(member => member !== ''),
      ['foo=1', 'bar=2', 'baz=3'],
    )
    assert.equal(told[0]!.below.baggage, 'a=1,b=2')
    for (const { below } of told.slice(1)) assert.equal(below.tracestate, undefined)
  })

  it('translates from any format to any other', async () => {
    const formats: Record<string, string>[] = [
      { traceparent: `00-${TRACE}-${SPAN}-01` },
      { b3: `${TRACE}-${SPAN}-1` },
      { 'X-B3-TraceId': TRACE, 'X-B3-SpanId': SPAN, 'X-B3-Sampled': '1' },
      { 'Uber-Trace-Id': `${TRACE}%3A${SPAN}%3A0%3A1` },
      { 'X-Amzn-Trace-Id': `Sampled=1;Self=1-0-0;Parent=${SPAN};Root=${XRAY_ROOT}` },
      { 'ot-tracer-traceid': TRACE.slice(16), 'ot-tracer-spanid': SPAN, 'ot-tracer-sampled': 'true' },
    ]
    const { pairs, told } = await relay(
      { OTEL_PROPAGATORS: 'tracecontext,baggage,b3,b3multi,jaeger,xray,ottrace,opencensus,kratos' },
      ...formats.map(headers => ({ path: '/', headers })),
    )
    assert.equal(pairs.length, formats.length)
    for (const [i, { client, server }] of pairs.entries()) {
      const traceId = i === 5 ? TRACE.slice(16).padStart(32, '0') : TRACE
      assert.deepEqual([server.traceId, server.parentSpanId], [traceId, SPAN], JSON.stringify(formats[i]))
      const { below } = told[i]!
      const root = `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`
      const id = client.spanId
      assert.equal(below.traceparent, `00-${traceId}-${id}-01`)
      assert.equal(below.b3, `${traceId}-${id}-1`)
      assert.deepEqual([below['x-b3-traceid'], below['x-b3-spanid'], below['x-b3-sampled']], [traceId, id, '1'])
      assert.equal(below['uber-trace-id'], `${traceId}:${id}:0:01`)
      assert.equal(below['x-amzn-trace-id'], `Root=${root};Parent=${id};Sampled=1`)
      assert.equal(below['ot-tracer-traceid'], traceId.slice(16))
      assert.equal(below['grpc-trace-bin'], Buffer.from(`0000${traceId}01${id}0201`, 'hex').toString('base64'))
      assert.equal(below['x-md-service-name'], 'fixture')
    }
  })

  it('sends nothing of its own when the propagator is none', async () => {
    const { pairs, told } = await relay(
      { OTEL_PROPAGATORS: 'none' },
      { path: '/', headers: { traceparent: `00-${TRACE}-${SPAN}-01`, baggage: 'a=1' } },
    )
    assert.notEqual(pairs[0]!.server.traceId, TRACE)
    assert.deepEqual(Object.keys(told[0]!.below).sort(), ['connection', 'host'])
  })

  it('answers the question of X-Ray, and begins a root in its trace', async () => {
    const { pairs, told } = await relay(
      { OTEL_PROPAGATORS: 'xray' },
      { path: '/', headers: { 'X-Amzn-Trace-Id': `Root=${XRAY_ROOT};Sampled=?;Lineage=a87bd80c:1` } },
    )
    assert.deepEqual([pairs[0]!.server.traceId, pairs[0]!.server.parentSpanId], [TRACE, ''])
    assert.equal(told[0]!.answer['x-amzn-trace-id'], `Root=${XRAY_ROOT};Sampled=1`)
    const { client } = pairs[0]!
    assert.equal(
      told[0]!.below['x-amzn-trace-id'],
      `Root=${XRAY_ROOT};Parent=${client.spanId};Sampled=1;Lineage=a87bd80c:1`,
    )
  })

  it('takes the invocation of a Lambda function for the caller', async () => {
    const { pairs } = await relay(
      { OTEL_PROPAGATORS: 'tracecontext,xray-lambda', _X_AMZN_TRACE_ID: `Root=${XRAY_ROOT};Parent=${SPAN};Sampled=1` },
      { path: '/' },
      { path: '/', headers: { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` } },
    )
    assert.deepEqual(
      pairs.map(({ server }) => [server.traceId, server.parentSpanId]),
      [
        [TRACE, SPAN],
        ['1'.repeat(32), '2'.repeat(16)],
      ],
    )
  })

  it('finds the request of a debug id, and learns the name of a Kratos caller', async () => {
    const { pairs, told } = await relay(
      { OTEL_PROPAGATORS: 'jaeger,kratos', OTEL_TRACES_SAMPLER: 'parentbased_always_off' },
      { path: '/', headers: { 'jaeger-debug-id': 'find me', 'x-md-service-name': 'cart', 'uberctx-user': 'x%20y' } },
      { path: '/not-found' },
    )
    assert.equal(pairs.length, 1)
    const { client, server } = pairs[0]!
    assert.equal(server.attributes['jaeger-debug-id'], 'find me')
    assert.equal(server.attributes['peer.service'], 'cart')
    const { below } = told[0]!
    assert.equal(below['uber-trace-id'], `${server.traceId}:${client.spanId}:0:03`)
    assert.equal(below['uberctx-user'], 'x%20y')
    assert.match(told[1]!.below['uber-trace-id']!, /:0:00$/)
  })

  it('links to callers that it does not trust, or ignores them', async () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'a=1', baggage: 'a=1' }
    const restarted = await relay({ TRACING_AGENT_TRUST_INCOMING: 'restart' }, { path: '/', headers })
    const { client, server } = restarted.pairs[0]!
    assert.notEqual(server.traceId, TRACE)
    assert.deepEqual(
      server.links.map(({ spanId, traceId }) => [traceId, spanId]),
      [[TRACE, SPAN]],
    )
    assert.deepEqual(restarted.told[0]!.below.traceparent, `00-${server.traceId}-${client.spanId}-03`)
    assert.equal(restarted.told[0]!.below.tracestate, undefined)
    assert.equal(restarted.told[0]!.below.baggage, undefined)

    const ignored = await relay({ TRACING_AGENT_TRUST_INCOMING: 'ignore' }, { path: '/', headers })
    assert.notEqual(ignored.pairs[0]!.server.traceId, TRACE)
    assert.equal(ignored.pairs[0]!.server.links.length, 0)
    assert.equal(ignored.told[0]!.below.baggage, undefined)
  })

  it('begins a new trace for headers that are noise, and answers as ever', async () => {
    const noise = ['00', '-', ';;==', '%', '%zz', ':::', '__proto__', '1'.repeat(1000), '\t', 'é', '"\\,']
    const names = [
      'traceparent',
      'tracestate',
      'baggage',
      'b3',
      'x-b3-traceid',
      'uber-trace-id',
      'x-amzn-trace-id',
      'grpc-trace-bin',
      'uberctx-__proto__',
      'ot-baggage-constructor',
      'jaeger-baggage',
      'ot-tracer-traceid',
    ]
    const { pairs, told } = await relay(
      { OTEL_PROPAGATORS: 'tracecontext,baggage,b3,jaeger,xray,ottrace,opencensus,kratos' },
      ...noise.map(text => ({ path: '/', headers: Object.fromEntries(names.map(name => [name, text])) })),
    )
    assert.equal(told.length, noise.length)
    assert.equal(pairs.length, noise.length)
    for (const { server } of pairs) assert.equal(server.parentSpanId, '')
  })

  it('passes headers on when it makes no spans itself', async () => {
    const { spans, told } = await relay(
      { OTEL_SDK_DISABLED: 'true', OTEL_PROPAGATORS: 'tracecontext,baggage,b3' },
      { path: '/', headers: { b3: `${TRACE}-${SPAN}`, baggage: 'a=1' } },
      { path: '/', headers: { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a=1' } },
    )
    assert.deepEqual(spans, [])
    assert.deepEqual([told[0]!.below.b3, told[0]!.below.baggage], [`${TRACE}-${SPAN}`, 'a=1'])
    assert.deepEqual([told[1]!.below.traceparent, told[1]!.below.tracestate], [`00-${TRACE}-${SPAN}-01`, 'a=1'])
  })
})
