/** What becomes of a caller: the spans that start below what propagators found. */
import assert from 'node:assert/strict'
import type { Sampler } from '../../src/sampling/contract'
import { createSampler } from '../../src/sampling/index'
import { ROOT } from '../../src/trace/context'
import { CLIENT, FLAG_RANDOM, getAttribute, SERVER, type SpanData } from '../../src/trace/data'
import { newSpanId, newTraceId } from '../../src/trace/ids'
import { DEFAULT_LIMITS } from '../../src/trace/limits'
import { AgentTracer } from '../../src/trace/tracer'
import { extract, type Headers, inject, propagator } from '../conformance/propagator'
import { listeningLog } from '../conformance/sampler'

const TRACE = '80f198ee56343ba864fe8b2a57d3eff7'
const SPAN = 'e457b5a2e4d86bd1'
const ALL = propagator(['tracecontext', 'baggage', 'b3', 'jaeger', 'xray', 'kratos'])

function tracerWith(sampler: Sampler, exported: SpanData[]): AgentTracer {
  const sink = { push: (span: SpanData) => void exported.push(span) }
  const parts = { sampler, limits: DEFAULT_LIMITS, sink, newTraceId, newSpanId, rootFlags: FLAG_RANDOM }
  return new AgentTracer(parts, { name: 'test', version: '' })
}

/** The span that a server starts for a request with these headers: as it is exported, and as it is told to the next server. */
function serve(headers: Headers, sampler: 'parentbased_always_on' | 'parentbased_always_off', subject = ALL) {
  const exported: SpanData[] = []
  const tracer = tracerWith(createSampler(sampler, undefined, { log: listeningLog(), serviceName: 'shop' }), exported)
  const parent = extract(subject, headers)
  const span = tracer.start('GET', SERVER, parent, () => [], undefined)
  const next = inject(propagator(['tracecontext', 'baggage']), parent.withEntry(span))
  span.end()
  return { span: exported[0], context: span.spanContext(), next }
}

describe('a caller', () => {
  it('that sampled is the parent, and its trace and state go on', () => {
    const { span, next } = serve(
      { traceparent: `00-${TRACE}-${SPAN}-03`, tracestate: 'a=1', baggage: 'b=2' },
      'parentbased_always_off',
    )
    assert.deepEqual([span?.traceId, span?.parentSpanId, span?.parentIsRemote, span?.flags], [TRACE, SPAN, true, 3])
    assert.equal(span?.traceState, 'a=1')
    assert.deepEqual(next, { traceparent: `00-${TRACE}-${span?.spanId}-03`, tracestate: 'a=1', baggage: 'b=2' })
  })

  it('that did not sample is told on as such', () => {
    const { span, context, next } = serve(
      { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'a=1' },
      'parentbased_always_on',
    )
    assert.equal(span, undefined)
    assert.notEqual(context.spanId, SPAN)
    assert.deepEqual(next, { traceparent: `00-${TRACE}-${context.spanId}-00`, tracestate: 'a=1' })
  })

  it('that leaves the decision to us is the parent, and the sampler decides as for a root', () => {
    for (const headers of [
      { b3: `${TRACE}-${SPAN}` },
      { 'x-amzn-trace-id': `Root=1-${TRACE.slice(0, 8)}-${TRACE.slice(8)};Parent=${SPAN};Sampled=?` },
    ] as Headers[]) {
      const on = serve(headers, 'parentbased_always_on')
      assert.deepEqual([on.span?.traceId, on.span?.parentSpanId, on.span?.parentIsRemote], [TRACE, SPAN, true])
      const off = serve(headers, 'parentbased_always_off')
      assert.equal(off.span, undefined)
      assert.equal(off.context.traceId, TRACE)
    }
  })

  it('that names only a trace gets a root span in it', () => {
    const header = `Root=1-${TRACE.slice(0, 8)}-${TRACE.slice(8)}`
    const { span } = serve({ 'x-amzn-trace-id': header }, 'parentbased_always_on')
    assert.deepEqual([span?.traceId, span?.parentSpanId, span?.parentIsRemote], [TRACE, '', false])
    assert.equal(span?.flags, 1, 'whether the id is random nobody knows')
    assert.equal(serve({ 'x-amzn-trace-id': header }, 'parentbased_always_off').span, undefined)
    assert.notEqual(serve({ 'x-amzn-trace-id': `${header};Sampled=1` }, 'parentbased_always_off').span, undefined)
    assert.equal(serve({ 'x-amzn-trace-id': `${header};Sampled=0` }, 'parentbased_always_on').span, undefined)
  })

  it('in this process is followed without a look at the attributes', () => {
    for (const argument of ['*=off', '*=on']) {
      const exported: SpanData[] = []
      const tracer = tracerWith(
        createSampler('rules', argument, { log: listeningLog(), serviceName: 'shop' }),
        exported,
      )
      const entry = tracer.start('GET', SERVER, ROOT, () => [], undefined)
      let described = 0
      const describe = () => {
        described++
        return []
      }
      tracer.start('GET', CLIENT, ROOT.withEntry(entry), describe, undefined).end()
      assert.equal(described, exported.length)
      assert.equal(exported.length, argument === '*=on' ? 1 : 0)
    }
  })

  it('that only decides gets a new trace, sampled or not as it said', () => {
    const on = serve({ b3: '1' }, 'parentbased_always_off')
    assert.deepEqual([on.span?.parentSpanId, on.span?.parentIsRemote, on.span?.flags], ['', false, 3])
    const off = serve({ b3: '0' }, 'parentbased_always_on')
    assert.equal(off.span, undefined)
    assert.match(off.next.traceparent as string, /^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/)
    assert.doesNotMatch(off.next.traceparent as string, /^00-0{32}/)
  })

  it('that gives a debug id finds the trace by it', () => {
    const { span } = serve({ 'jaeger-debug-id': 'find me' }, 'parentbased_always_off')
    assert.equal(getAttribute(span!.attributes, 'jaeger-debug-id'), 'find me')
  })

  it('that gives its name is the peer service', () => {
    const { span } = serve({ 'x-md-service-name': 'cart' }, 'parentbased_always_on')
    assert.equal(getAttribute(span!.attributes, 'peer.service'), 'cart')
  })

  it('that is not trusted is linked to from a new trace', () => {
    const { span, next } = serve(
      { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'a=1', baggage: 'b=2' },
      'parentbased_always_on',
      propagator(['tracecontext', 'baggage'], { trust: 'restart' }),
    )
    assert.notEqual(span?.traceId, TRACE)
    assert.deepEqual([span?.parentSpanId, span?.traceState], ['', ''])
    assert.deepEqual(
      span?.links.map(link => [link.context.traceId, link.context.spanId]),
      [[TRACE, SPAN]],
    )
    assert.deepEqual(next, { traceparent: `00-${span?.traceId}-${span?.spanId}-03` })
  })

  it('that is ignored leaves no trace', () => {
    const { span } = serve(
      { traceparent: `00-${TRACE}-${SPAN}-00` },
      'parentbased_always_on',
      propagator(['tracecontext', 'baggage'], { trust: 'ignore' }),
    )
    assert.notEqual(span?.traceId, TRACE)
    assert.equal(span?.links.length, 0)
  })
})
