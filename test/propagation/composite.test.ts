import assert from 'node:assert/strict'
import { propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { PROPAGATOR_NAMES, PROPAGATORS, type PropagatorRow } from '../../src/propagation/index'
import { ROOT } from '../../src/trace/context'
import { NonRecordingSpan } from '../../src/trace/nonrecording'
import { extract, getter, type Headers, inject, propagator, setter, spanOf } from '../conformance/propagator'

const TRACE = '12345678901234567890123456789012'
const SPAN = '1234567890123456'
const CALLER: Headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'foo=1', baggage: 'a=1' }

describe('a list of propagators', () => {
  it('takes over span and baggage, and passes them on', () => {
    const subject = propagator(['tracecontext', 'baggage'])
    const context = extract(subject, CALLER)
    assert.equal(spanOf(context)?.traceId, TRACE)
    assert.deepEqual(inject(subject, context), CALLER)
  })

  it('reads baggage when there is no valid span, and a span when there is no baggage', () => {
    const subject = propagator(['tracecontext', 'baggage'])
    const context = extract(subject, { traceparent: 'x', baggage: 'a=1' })
    assert.equal(context.span, undefined)
    assert.equal(context.baggage?.getEntry('a')?.value, '1')
    assert.equal(spanOf(extract(subject, { traceparent: CALLER.traceparent! }))?.spanId, SPAN)
  })

  it('gives back the very context when the headers say nothing', () => {
    const context = ROOT.setValue(Symbol.for('x'), 1)
    assert.equal(propagator(['tracecontext', 'baggage']).extract(context, {}, getter), context)
  })

  it('declares each header name once', () => {
    assert.deepEqual(propagator(['tracecontext', 'baggage', 'tracecontext']).injectedHeaders, [
      'traceparent',
      'tracestate',
      'baggage',
    ])
  })

  it('of none reads and writes nothing', () => {
    const subject = propagator('none')
    assert.equal(extract(subject, CALLER), ROOT)
    assert.deepEqual(inject(subject, extract(propagator('tracecontext'), CALLER)), {})
    assert.deepEqual(subject.fields(), [])
    assert.equal(subject.answer, undefined)
  })

  it('works on contexts and spans of the API', () => {
    const subject = propagator(['tracecontext', 'baggage'])
    const span = trace.wrapSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags: 1 })
    const bag = propagation.createBaggage({ a: { value: '1' } })
    const headers: Headers = {}
    subject.inject(propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, span), bag), headers, setter)
    assert.deepEqual(headers, { traceparent: CALLER.traceparent, baggage: 'a=1' })
    const context = subject.extract(ROOT_CONTEXT, CALLER, getter)
    assert.equal(trace.getSpanContext(context)?.traceId, TRACE)
    assert.equal(propagation.getBaggage(context)?.getEntry('a')?.value, '1')
  })

  it('that trusts nobody but links leaves a link to the caller, and nothing else', () => {
    const subject = propagator(['tracecontext', 'baggage'], { trust: 'restart' })
    const context = extract(subject, CALLER)
    const caller = context.span as NonRecordingSpan
    assert.equal(caller.relation, 'link')
    assert.equal(caller.decided, false)
    assert.equal(caller.spanContext().traceId, TRACE)
    assert.equal(context.baggage, undefined)
    assert.deepEqual(inject(subject, context), {}, 'the trace that was left behind must not go on')
    assert.equal(extract(subject, { baggage: 'a=1' }), ROOT)
  })

  it('that ignores callers does not look at the carrier', () => {
    const subject = propagator(['tracecontext', 'baggage'], { trust: 'ignore' })
    const found = subject.extract(ROOT, CALLER, {
      keys: () => assert.fail('keys'),
      get: () => assert.fail('get'),
    })
    assert.equal(found, ROOT)
    assert.deepEqual(inject(subject, extract(propagator('tracecontext'), CALLER)).traceparent, CALLER.traceparent)
  })

  it('does not pass on a span of which only the trace or the flags are known', () => {
    for (const relation of ['trace', 'flags', 'link'] as const) {
      const span = new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: 1 }, relation)
      assert.deepEqual(inject(propagator('tracecontext'), ROOT.withSpan(span)), {})
    }
  })
})

describe('the table of propagators', () => {
  for (const name of PROPAGATOR_NAMES) {
    it(`has a sentence for ${name}`, () => assert.match((PROPAGATORS[name] as PropagatorRow).doc, /^[A-Z].*\.$/))
  }
})
