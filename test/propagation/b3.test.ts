import assert from 'node:assert/strict'
import { ROOT } from '../../src/trace/context'
import { NonRecordingSpan } from '../../src/trace/nonrecording'
import { describePropagator, extract, type Headers, inject, propagator, spanOf } from '../conformance/propagator'

const TRACE = '80f198ee56343ba864fe8b2a57d3eff7'
const HALF = '64fe8b2a57d3eff7'
const SPAN = 'e457b5a2e4d86bd1'
const PARENT = '05e3ac9a4f6e3b90'
const MULTIPLE = { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' }

describePropagator('b3', { headers: ['b3', 'x-b3-traceid', 'x-b3-spanid'], example: { b3: `${TRACE}-${SPAN}-1` } })
describePropagator('b3multi', {
  headers: ['b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags'],
  example: MULTIPLE,
})

/** Trace id, span id, decision and relation of what the headers name. */
function read(headers: Headers) {
  const context = extract(propagator('b3'), headers)
  assert.deepEqual(extract(propagator('b3multi'), headers).span, context.span, 'both read both forms')
  const span = context.span as NonRecordingSpan | undefined
  if (span === undefined) return undefined
  const { traceId, spanId, traceFlags } = span.spanContext()
  return [span.relation, traceId, spanId, span.decided ? traceFlags : 'undecided']
}

describe('b3 in one header', () => {
  it('names trace, span and decision', () => {
    assert.deepEqual(read({ b3: `${TRACE}-${SPAN}-1` }), ['parent', TRACE, SPAN, 1])
    assert.deepEqual(read({ b3: `${TRACE}-${SPAN}-0` }), ['parent', TRACE, SPAN, 0])
    assert.deepEqual(read({ b3: `${TRACE}-${SPAN}-d` }), ['parent', TRACE, SPAN, 1])
    assert.deepEqual(read({ b3: `${TRACE}-${SPAN}-1-${PARENT}` }), ['parent', TRACE, SPAN, 1])
    assert.deepEqual(read({ b3: ` ${TRACE}-${SPAN}-1\t` }), ['parent', TRACE, SPAN, 1])
  })

  it('takes 64-bit trace ids', () => {
    assert.deepEqual(read({ b3: `${HALF}-${SPAN}-1` }), ['parent', `0000000000000000${HALF}`, SPAN, 1])
  })

  it('without a state leaves the decision to us, and goes on as undecided', () => {
    assert.deepEqual(read({ b3: `${TRACE}-${SPAN}` }), ['parent', TRACE, SPAN, 'undecided'])
    assert.deepEqual(inject(propagator('b3'), extract(propagator('b3'), { b3: `${TRACE}-${SPAN}` })), {
      b3: `${TRACE}-${SPAN}`,
    })
  })

  it('of a state alone is a decision without a trace', () => {
    for (const [state, flags] of [
      ['0', 0],
      ['1', 1],
      ['d', 1],
    ] as const) {
      const found = read({ b3: state })
      assert.deepEqual([found?.[0], found?.[3]], ['flags', flags])
    }
  })

  for (const header of [
    '',
    '-',
    '2',
    TRACE,
    `${TRACE}-`,
    `${TRACE}-${SPAN}-`,
    `${TRACE}-${SPAN}-2`,
    `${TRACE}-${SPAN}-true`,
    `${TRACE}-${SPAN}-1-`,
    `${TRACE}-${SPAN}-1-${PARENT}-1`,
    `${TRACE}-${SPAN}-1-zzzzzzzzzzzzzzzz`,
    `${TRACE}-${SPAN.slice(1)}-1`,
    `${TRACE}0-${SPAN}-1`,
    `${TRACE.slice(1)}-${SPAN}-1`,
    `${'0'.repeat(32)}-${SPAN}-1`,
    `${TRACE}-${'0'.repeat(16)}-1`,
    `${TRACE.slice(0, 31)}g-${SPAN}-1`,
    `${TRACE}-${SPAN}-1, ${TRACE}-${SPAN}-1`,
  ]) {
    it(`"${header}" is none`, () => assert.equal(read({ b3: header }), undefined))
  }

  it('comes before the several, which count when it is invalid', () => {
    const other = TRACE.replace('8', '9')
    assert.equal(read({ ...MULTIPLE, b3: `${other}-${SPAN}-0` })?.[1], other)
    assert.equal(read({ ...MULTIPLE, b3: 'x' })?.[1], TRACE)
  })
})

describe('b3 in several headers', () => {
  it('names trace, span and decision', () => {
    assert.deepEqual(read(MULTIPLE), ['parent', TRACE, SPAN, 1])
    assert.deepEqual(read({ ...MULTIPLE, 'x-b3-parentspanid': PARENT }), ['parent', TRACE, SPAN, 1])
    for (const [state, flags] of [
      ['0', 0],
      ['1', 1],
      ['true', 1],
      ['false', 0],
      ['True', 1],
      ['False', 0],
    ] as const) {
      assert.deepEqual(read({ ...MULTIPLE, 'x-b3-sampled': state }), ['parent', TRACE, SPAN, flags])
    }
  })

  it('takes 64-bit and shortened trace ids', () => {
    assert.equal(read({ ...MULTIPLE, 'x-b3-traceid': HALF })?.[1], `0000000000000000${HALF}`)
    assert.equal(read({ ...MULTIPLE, 'x-b3-traceid': 'ABC' })?.[1], 'abc'.padStart(32, '0'))
  })

  it('without a decision leaves it to us', () => {
    assert.deepEqual(read({ 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN }), ['parent', TRACE, SPAN, 'undecided'])
  })

  it('of a decision alone have no trace', () => {
    assert.deepEqual(read({ 'x-b3-sampled': '0' })?.[0], 'flags')
    assert.deepEqual(read({ 'x-b3-sampled': '0' })?.[3], 0)
    assert.deepEqual(read({ 'x-b3-flags': '1' })?.[3], 1)
    assert.equal(read({ 'x-b3-flags': '0' }), undefined)
  })

  for (const wrong of [
    { 'x-b3-traceid': '' },
    { 'x-b3-traceid': 'xyz' },
    { 'x-b3-traceid': `${TRACE}0` },
    { 'x-b3-traceid': '0' },
    { 'x-b3-spanid': '' },
    { 'x-b3-spanid': `${SPAN}0` },
    { 'x-b3-spanid': '0' },
    { 'x-b3-sampled': 'yes' },
    { 'x-b3-sampled': '' },
    { 'x-b3-traceid': [TRACE, TRACE] },
  ] as Headers[]) {
    it(`with ${JSON.stringify(wrong)} are none`, () => assert.equal(read({ ...MULTIPLE, ...wrong }), undefined))
  }

  it('without a trace id or without a span id are none', () => {
    assert.equal(read({ 'x-b3-traceid': TRACE, 'x-b3-sampled': '1' }), undefined)
    assert.equal(read({ 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' }), undefined)
  })
})

describe('b3 that we write', () => {
  const context = (flags: number) =>
    ROOT.withSpan(new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: flags }))

  it('has one header for b3 and several for b3multi', () => {
    assert.deepEqual(inject(propagator('b3'), context(1)), { b3: `${TRACE}-${SPAN}-1` })
    assert.deepEqual(inject(propagator('b3'), context(2)), { b3: `${TRACE}-${SPAN}-0` })
    assert.deepEqual(inject(propagator('b3multi'), context(1)), MULTIPLE)
    assert.deepEqual(inject(propagator('b3multi'), context(0)), { ...MULTIPLE, 'x-b3-sampled': '0' })
    assert.deepEqual(inject(propagator(['b3', 'b3multi']), context(1)), { b3: `${TRACE}-${SPAN}-1`, ...MULTIPLE })
  })

  it('keeps the debug flag, also for spans below', () => {
    for (const headers of [{ b3: `${TRACE}-${SPAN}-d` }, { ...MULTIPLE, 'x-b3-flags': '1' }, { b3: 'd' }]) {
      const found = extract(propagator('b3'), headers as Headers)
      const below = found.withSpan(new NonRecordingSpan({ traceId: TRACE, spanId: PARENT, traceFlags: 1 }))
      assert.deepEqual(inject(propagator('b3'), below), { b3: `${TRACE}-${PARENT}-d` })
      assert.deepEqual(inject(propagator('b3multi'), below), {
        'x-b3-traceid': TRACE,
        'x-b3-spanid': PARENT,
        'x-b3-flags': '1',
      })
    }
    assert.equal(spanOf(extract(propagator('b3'), { b3: `${TRACE}-${SPAN}-d` }))?.traceFlags, 1)
  })
})
