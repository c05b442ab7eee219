import assert from 'node:assert/strict'
import { propagation } from '@opentelemetry/api'
import fc from 'fast-check'
import { AgentBaggage } from '../../src/propagation/entries'
import { ROOT } from '../../src/trace/context'
import { NonRecordingSpan } from '../../src/trace/nonrecording'
import { DEBUG_ID } from '../../src/trace/tracer'
import { describePropagator, extract, type Headers, inject, propagator } from '../conformance/propagator'

const TRACE = '80f198ee56343ba864fe8b2a57d3eff7'
const SPAN = 'e457b5a2e4d86bd1'
const subject = propagator('jaeger')

describePropagator('jaeger', {
  headers: ['uber-trace-id', 'uberctx-a', 'jaeger-debug-id', 'jaeger-baggage'],
  example: { 'uber-trace-id': `${TRACE}:${SPAN}:0:1` },
})

function read(header: string) {
  const span = extract(subject, { 'uber-trace-id': header }).span as NonRecordingSpan | undefined
  if (span === undefined) return undefined
  const { traceId, spanId, traceFlags } = span.spanContext()
  assert.ok(span.decided && span.relation === 'parent')
  return [traceId, spanId, traceFlags]
}

const baggageOf = (headers: Headers) =>
  Object.fromEntries((extract(subject, headers).baggage?.getAllEntries() ?? []).map(([key, { value }]) => [key, value]))

describe('uber-trace-id', () => {
  it('names trace, span and flags', () => {
    assert.deepEqual(read(`${TRACE}:${SPAN}:0:1`), [TRACE, SPAN, 1])
    assert.deepEqual(read(`${TRACE}:${SPAN}:${SPAN}:0`), [TRACE, SPAN, 0])
    assert.deepEqual(read(` ${TRACE}:${SPAN}::01 `), [TRACE, SPAN, 1])
  })

  it('may be URL-encoded', () => {
    assert.deepEqual(read(`${TRACE}%3A${SPAN}%3A0%3A1`), [TRACE, SPAN, 1])
    assert.deepEqual(read(`${TRACE}%3a${SPAN}%3a0%3a0`), [TRACE, SPAN, 0])
  })

  it('may lack leading zeros, and may be in upper case', () => {
    assert.deepEqual(read('abc:d:0:1'), ['abc'.padStart(32, '0'), 'd'.padStart(16, '0'), 1])
    assert.deepEqual(read(`${TRACE.slice(16)}:${SPAN}:0:1`), [TRACE.slice(16).padStart(32, '0'), SPAN, 1])
    assert.deepEqual(read('ABC:D:0:1'), ['abc'.padStart(32, '0'), 'd'.padStart(16, '0'), 1])
  })

  it('is sampled by the flags sampled and debug, and not by others', () => {
    for (const [flags, sampled] of [
      ['0', 0],
      ['1', 1],
      ['2', 1],
      ['3', 1],
      ['8', 0],
      ['9', 1],
      ['ff', 1],
      ['F0', 0],
    ] as const) {
      assert.equal(read(`${TRACE}:${SPAN}:0:${flags}`)?.[2], sampled, flags)
    }
  })

  it('passes the debug flag on', () => {
    const found = extract(subject, { 'uber-trace-id': `${TRACE}:${SPAN}:0:2` })
    assert.deepEqual(inject(subject, found), { 'uber-trace-id': `${TRACE}:${SPAN}:0:03` })
    assert.equal(inject(propagator('b3'), found).b3, `${TRACE}-${SPAN}-d`)
  })

  for (const header of [
    '',
    ':::',
    `${TRACE}:${SPAN}:0`,
    `${TRACE}:${SPAN}:0:1:2`,
    `${TRACE}:${SPAN}:0:`,
    `${TRACE}:${SPAN}:0:x`,
    `${TRACE}:${SPAN}:0:001`,
    `${TRACE}:${SPAN}:x:1`,
    `${TRACE}:${SPAN}:${SPAN}0:1`,
    `${TRACE}0:${SPAN}:0:1`,
    `${TRACE}:${SPAN}0:0:1`,
    `0:${SPAN}:0:1`,
    `${TRACE}:0:0:1`,
    `:${SPAN}:0:1`,
    `${TRACE}::0:1`,
    `${TRACE.slice(1)}g:${SPAN}:0:1`,
    `${TRACE}%3A${SPAN}%3A0%3`,
  ]) {
    it(`"${header}" is none`, () => assert.equal(read(header), undefined))
  }
})

describe('jaeger-debug-id', () => {
  it('begins a sampled trace and becomes an attribute', () => {
    const found = extract(subject, { 'jaeger-debug-id': 'find%20me' })
    const span = found.span as NonRecordingSpan
    assert.deepEqual([span.relation, span.decided, span.spanContext().traceFlags], ['flags', true, 1])
    assert.equal(found.getValue(DEBUG_ID), 'find me')
    const below = found.withSpan(new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: 1 }))
    assert.deepEqual(inject(subject, below), { 'uber-trace-id': `${TRACE}:${SPAN}:0:03` })
  })

  it('does nothing beside a trace', () => {
    const found = extract(subject, { 'jaeger-debug-id': 'x', 'uber-trace-id': `${TRACE}:${SPAN}:0:0` })
    assert.equal(found.getValue(DEBUG_ID), undefined)
    assert.equal((found.span as NonRecordingSpan).relation, 'parent')
  })

  it('gives way to a span of a later propagator', () => {
    const found = extract(propagator(['jaeger', 'tracecontext']), {
      'jaeger-debug-id': 'x',
      traceparent: `00-${TRACE}-${SPAN}-00`,
    })
    assert.equal((found.span as NonRecordingSpan).relation, 'parent')
    assert.equal(found.getValue(DEBUG_ID), undefined)
  })
})

describe('baggage of Jaeger', () => {
  it('is read from uberctx-* headers, URL-decoded, with or without a trace', () => {
    assert.deepEqual(baggageOf({ 'uberctx-a': 'x%20y', 'UberCtx-B': '%E2%82%AC', 'uberctx-': 'z', uberctx: 'z' }), {
      a: 'x y',
      B: '€',
    })
    assert.deepEqual(baggageOf({ 'uberctx-a': '100%', 'uber-trace-id': `${TRACE}:${SPAN}:0:1` }), { a: '100%' })
  })

  it('is read from jaeger-baggage, and uberctx-* wins', () => {
    assert.deepEqual(baggageOf({ 'jaeger-baggage': 'k1=v1, k2 = v%202 ,bad,=x,k3=a=b' }), {
      k1: 'v1',
      k2: 'v 2',
      k3: 'a=b',
    })
    assert.deepEqual(baggageOf({ 'jaeger-baggage': 'a=1,b=2', 'uberctx-a': '3' }), { a: '3', b: '2' })
  })

  it('goes on to other formats, and theirs to it', () => {
    const both = propagator(['jaeger', 'baggage'])
    const found = extract(both, { 'uberctx-a': '1', baggage: 'b=2' })
    assert.deepEqual(inject(both, found), { 'uberctx-a': '1', 'uberctx-b': '2', baggage: 'a=1,b=2' })
  })

  it('is written URL-encoded, so that any key and value read back', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
          fc.string({ unit: 'binary', maxLength: 20 }),
          { maxKeys: 5 },
        ),
        entries => {
          const bag = new AgentBaggage(new Map(Object.entries(entries).map(([key, value]) => [key, { value }])))
          const headers = inject(subject, ROOT.withBaggage(bag))
          for (const [key, value] of Object.entries(headers)) {
            assert.match(key, /^uberctx-[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/)
            assert.match(value as string, /^[\x21-\x7e]*$/)
          }
          assert.deepEqual(baggageOf(headers), { ...entries })
        },
      ),
    )
  })

  it('has limits', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`uberctx-k${i}`, 'v']))
    assert.equal(Object.keys(baggageOf(many)).length, 180)
    assert.deepEqual(baggageOf({ 'uberctx-a': '1', 'uberctx-b': 'x'.repeat(9000) }), { a: '1' })
    const bag = propagation.createBaggage(
      Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, { value: 'v' }])),
    )
    assert.equal(Object.keys(inject(subject, ROOT.withBaggage(bag))).length, 180)
  })

  it('is not read by propagators that have none', () => {
    assert.equal(extract(propagator(['tracecontext', 'baggage']), { 'uberctx-a': '1' }), ROOT)
  })
})
