import assert from 'node:assert/strict'
import { trace } from '@opentelemetry/api'
import { alwaysOff, alwaysOn } from '../../src/sampling/always'
import type { Sampler } from '../../src/sampling/contract'
import { activeContext, ROOT, SUPPRESSED, toAgentContext } from '../../src/trace/context'
import { CLIENT, type Kind, SERVER, type SpanData } from '../../src/trace/data'
import { newSpanId, newTraceId } from '../../src/trace/ids'
import { DEFAULT_LIMITS } from '../../src/trace/limits'
import { NonRecordingSpan } from '../../src/trace/nonrecording'
import type { Span } from '../../src/trace/span'
import { AgentTracerProvider, PEER_SERVICE } from '../../src/trace/tracer'

function setup(sampler: Sampler = alwaysOn) {
  const ended: SpanData[] = []
  const sink = { push: (span: SpanData) => void ended.push(span) }
  const parts = { sampler, limits: DEFAULT_LIMITS, sink, newTraceId, newSpanId, rootFlags: 2 }
  const provider = new AgentTracerProvider(parts)
  return { ended, provider, tracer: provider.getTracer('test', '1.2') }
}

const REMOTE = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, isRemote: true }
const state = { get: () => undefined, set: () => state, unset: () => state, serialize: () => 'k=v' } as any

describe('a tracer', () => {
  it('starts a root span with fresh ids, sampled and random', () => {
    const { tracer } = setup()
    const [a, b] = [tracer.startSpan('a') as Span, tracer.startSpan('b') as Span]
    assert.match(a.traceId, /^[0-9a-f]{32}$/)
    assert.match(a.spanId, /^[0-9a-f]{16}$/)
    assert.notEqual(a.traceId, b.traceId)
    assert.deepEqual([a.parentSpanId, a.parentIsRemote, a.flags, a.traceState], ['', false, 3, ''])
    assert.deepEqual(a.scope, { name: 'test', version: '1.2' })
    assert.deepEqual(a.spanContext(), { traceId: a.traceId, spanId: a.spanId, traceFlags: 3, traceState: undefined })
  })

  it('makes a child of the active span, and a sibling when that is not active', () => {
    const { tracer } = setup()
    tracer.startActiveSpan('parent', (parent: Span) => {
      const child = tracer.startSpan('child') as Span
      const root = tracer.startSpan('root', { root: true }) as Span
      assert.equal(child.traceId, parent.spanContext().traceId)
      assert.equal(child.parentSpanId, parent.spanContext().spanId)
      assert.equal(child.parentIsRemote, false)
      assert.equal(root.parentSpanId, '')
      assert.notEqual(root.traceId, child.traceId)
    })
    assert.equal(activeContext(), ROOT)
  })

  it('continues a remote trace: ids, tracestate and the random flag', () => {
    const { tracer } = setup()
    for (const [flags, expected] of [
      [1, 1],
      [3, 3],
      [255, 3],
    ] as const) {
      const span = tracer.startSpan(
        'a',
        {},
        trace.setSpanContext(ROOT, { ...REMOTE, traceFlags: flags, traceState: state }),
      ) as Span
      assert.equal(span.traceId, REMOTE.traceId)
      assert.equal(span.parentSpanId, REMOTE.spanId)
      assert.equal(span.parentIsRemote, true)
      assert.equal(span.traceState, 'k=v')
      assert.equal(span.flags, expected)
    }
  })

  it('starts a new trace where the parent names none', () => {
    const { tracer } = setup()
    for (const broken of [
      { traceId: '0'.repeat(32) },
      { spanId: '0'.repeat(16) },
      { traceId: 'a' },
      { spanId: 'b' },
      { traceId: undefined },
      { spanId: 5 },
    ]) {
      const span = tracer.startSpan('a', {}, trace.setSpanContext(ROOT, { ...REMOTE, ...broken } as any)) as Span
      assert.equal(span.parentSpanId, '', JSON.stringify(broken))
      assert.notEqual(span.traceId, REMOTE.traceId)
    }
  })

  it('links to a caller that it does not trust, and adopts a trace id that came without a span', () => {
    const { tracer } = setup()
    const linked = tracer.startSpan('a', {}, ROOT.withSpan(new NonRecordingSpan(REMOTE, 'link'))) as Span
    assert.equal(linked.parentSpanId, '')
    assert.notEqual(linked.traceId, REMOTE.traceId)
    assert.deepEqual(linked.links[0]!.context, REMOTE)
    const context = { traceId: REMOTE.traceId, spanId: '', traceFlags: 0, isRemote: true }
    const adopted = tracer.startSpan('a', {}, ROOT.withSpan(new NonRecordingSpan(context, 'trace'))) as Span
    assert.deepEqual([adopted.traceId, adopted.parentSpanId, adopted.links.length], [REMOTE.traceId, '', 0])
  })

  it('records nothing of an unsampled span, whose ids still travel on unsampled', () => {
    const { tracer, ended } = setup(alwaysOff)
    let described = 0
    const describe = () => {
      described++
      return []
    }
    const span = tracer.start(
      'a',
      CLIENT,
      ROOT.withSpan(new NonRecordingSpan({ ...REMOTE, traceState: state })),
      describe,
      0,
    )
    assert.equal(described, 0)
    assert.equal(span.isRecording(), false)
    const context = span.spanContext()
    assert.deepEqual([context.traceId, context.traceFlags, context.traceState], [REMOTE.traceId, 0, state])
    assert.match(context.spanId, /^[0-9a-f]{16}$/)
    assert.notEqual(context.spanId, REMOTE.spanId)
    assert.equal(span.spanContext(), context)
    span.setAttribute('a', 1).setAttributes({}).addEvent('e').addLink({ context }).addLinks([]).setStatus({ code: 2 })
    span.updateName('b').recordException('x')
    span.add('a', 1)
    span.fail('x')
    span.end()
    assert.deepEqual(ended, [])
    assert.equal(tracer.startSpan('root').spanContext().traceFlags, 2)
  })

  it('gives the sampler what it asks for, and adds its attributes', () => {
    const seen: unknown[] = []
    const ask = (readsAttributes: boolean): Sampler => ({
      readsAttributes,
      shouldSample: (...args) => {
        seen.push(args.map((arg, index) => (index === 1 ? typeof arg : arg)))
        return { sampled: true, attributes: ['rule', 'r', 'a', 2] }
      },
    })
    const span = setup(ask(true)).tracer.start('n', SERVER, ROOT, (a: number) => ['a', a], 1) as Span
    setup(ask(false)).tracer.start('n', SERVER, ROOT.withSpan(new NonRecordingSpan(REMOTE)), (a: number) => ['a', a], 1)
    assert.deepEqual(seen, [
      [undefined, 'string', 'n', SERVER, span.attributes],
      [REMOTE, 'string', 'n', SERVER, []],
    ])
    assert.deepEqual(span.attributes, ['a', 2, 'rule', 'r'], 'a key stands in the list once')
  })

  it('obeys sampling.priority on spans that the program starts', () => {
    const start = (sampler: Sampler, priority: any) =>
      setup(sampler)
        .tracer.startSpan('a', { attributes: { 'sampling.priority': priority } })
        .isRecording()
    assert.deepEqual(
      [start(alwaysOff, 1), start(alwaysOn, 0), start(alwaysOff, 'x'), start(alwaysOn, true)],
      [true, false, false, true],
    )
  })

  it('makes spans inside a suppressed context that do nothing', () => {
    const { tracer, ended } = setup()
    tracer.startSpan('a', {}, SUPPRESSED).end()
    tracer.start('a', CLIENT, SUPPRESSED, () => [], 0).end()
    assert.deepEqual(ended, [])
  })

  it('survives arguments that break the API', () => {
    const { tracer, provider } = setup()
    for (const args of [
      [undefined],
      ['a', null],
      ['a', { links: [null, {}], attributes: 5, kind: 77 }],
      ['a', {}, null],
    ]) {
      assert.doesNotThrow(() => (tracer.startSpan as any)(...args).end(), JSON.stringify(args))
    }
    const nameless = provider.getTracer(undefined as any).startSpan('a') as Span
    assert.deepEqual(nameless.scope, { name: '', version: '' })
    const odd = tracer.startSpan('a', { kind: 77 as Kind }) as Span
    assert.equal(odd.kind, 0)
  })

  it('runs the function of startActiveSpan in each of its three forms and returns its result', () => {
    const { tracer } = setup()
    const context = ROOT.withSpan(new NonRecordingSpan(REMOTE))
    assert.equal(
      tracer.startActiveSpan('a', () => 1),
      1,
    )
    assert.equal(
      tracer.startActiveSpan('a', { kind: SERVER }, (span: any) => span.kind),
      SERVER,
    )
    const inside = tracer.startActiveSpan('a', {}, context, (span: any) => {
      assert.equal(activeContext().span, span)
      return span.traceId
    })
    assert.equal(inside, REMOTE.traceId)
    assert.throws(
      () =>
        tracer.startActiveSpan('a', () => {
          throw new RangeError('mine')
        }),
      /mine/,
    )
    assert.equal(activeContext(), ROOT)
  })

  it('records the calling service that a propagator learned on the server span alone', () => {
    const { tracer } = setup()
    const context = toAgentContext(ROOT.setValue(PEER_SERVICE, 'shop'))
    assert.deepEqual((tracer.start('a', SERVER, context, () => [], 0) as Span).attributes, ['peer.service', 'shop'])
    assert.deepEqual((tracer.start('a', CLIENT, context, () => [], 0) as Span).attributes, [])
  })

  it('is one for each name and version', () => {
    const { provider, tracer } = setup()
    assert.equal(provider.getTracer('test', '1.2'), tracer)
    assert.notEqual(provider.getTracer('test', '1.3'), tracer)
    assert.notEqual(provider.getTracer('te', 'st@1.2'), provider.getTracer('te@st', '1.2'))
  })
})
