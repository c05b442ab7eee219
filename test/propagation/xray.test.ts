import assert from 'node:assert/strict'
import { ROOT } from '../../src/trace/context'
import { NonRecordingSpan } from '../../src/trace/nonrecording'
import type { AgentSpan } from '../../src/trace/span'
import { describePropagator, extract, type Headers, inject, propagator, setter } from '../conformance/propagator'

const TRACE = '5759e988bd862e3fe1be46a994272793'
const ROOT_ID = '1-5759e988-bd862e3fe1be46a994272793'
const SPAN = '53995c3f42cd8ad8'
const NAME = 'x-amzn-trace-id'
const subject = propagator('xray')

describePropagator('xray', { headers: [NAME], example: { [NAME]: `Root=${ROOT_ID};Parent=${SPAN};Sampled=1` } })
describePropagator('xray-lambda', { headers: [NAME], example: { [NAME]: `Root=${ROOT_ID};Parent=${SPAN};Sampled=1` } })

function read(header: string) {
  const span = extract(subject, { [NAME]: header }).span as NonRecordingSpan | undefined
  if (span === undefined) return undefined
  const { traceId, spanId, traceFlags } = span.spanContext()
  return [span.relation, traceId, spanId, span.decided ? traceFlags : 'undecided']
}

const NO_SPAN = '0'.repeat(16)

describe('X-Amzn-Trace-Id', () => {
  it('names trace, parent and decision in any order', () => {
    const parts = [
      `Root=${ROOT_ID}`,
      `Parent=${SPAN}`,
      'Sampled=1',
      'Self=1-67891234-abcdef012345678912345678',
      'App=a=b',
    ]
    const permute = (rest: string[]): string[][] =>
      rest.length < 2 ? [rest] : rest.flatMap((part, i) => permute(rest.toSpliced(i, 1)).map(tail => [part, ...tail]))
    for (const order of permute(parts)) {
      assert.deepEqual(read(order.join(';')), ['parent', TRACE, SPAN, 1])
      assert.deepEqual(read(order.join(' ; ')), ['parent', TRACE, SPAN, 1])
    }
    assert.deepEqual(read(`Root=${ROOT_ID};Parent=${SPAN};Sampled=0`), ['parent', TRACE, SPAN, 0])
    assert.deepEqual(read(`root=${ROOT_ID.toUpperCase()};parent=${SPAN.toUpperCase()};SAMPLED=1;`), [
      'parent',
      TRACE,
      SPAN,
      1,
    ])
  })

  it('of a Root alone begins a root span with that trace id, which the sampler decides', () => {
    for (const header of [
      `Root=${ROOT_ID}`,
      ROOT_ID,
      `Self=1-67891234-12456789abcdef012345678a;Root=${ROOT_ID}`,
      `Root=${ROOT_ID};Sampled=?`,
      `Root=${ROOT_ID};Parent=;Sampled=`,
      `Root=${ROOT_ID};Parent=xyz`,
      `Root=${ROOT_ID};Parent=${SPAN}0`,
      `Root=${ROOT_ID};Parent=${NO_SPAN}`,
    ]) {
      assert.deepEqual(read(header), ['trace', TRACE, NO_SPAN, 'undecided'], header)
    }
    assert.deepEqual(read(`Root=${ROOT_ID};Sampled=1`), ['trace', TRACE, NO_SPAN, 1])
    assert.deepEqual(read(`Root=${ROOT_ID};Sampled=0`), ['trace', TRACE, NO_SPAN, 0])
  })

  it('with a parent and without a decision leaves it to us', () => {
    for (const end of ['', ';', ';Sampled=?', ';Sampled=', ';Sampled=2', ';Sampled=true']) {
      assert.deepEqual(read(`Root=${ROOT_ID};Parent=${SPAN}${end}`), ['parent', TRACE, SPAN, 'undecided'], end)
    }
  })

  for (const header of [
    '',
    ';',
    '=;=',
    `Parent=${SPAN};Sampled=1`,
    'Root=',
    `Root=${TRACE}`,
    `Root=2-${ROOT_ID.slice(2)}`,
    `Root=1-5759e98-8bd862e3fe1be46a994272793`,
    `Root=1-5759e988_bd862e3fe1be46a994272793`,
    `Root=1-5759e988-bd862e3fe1be46a99427279`,
    `Root=1-5759e988-bd862e3fe1be46a9942727930`,
    `Root=1-5759e988-bd862e3fe1be46a99427279g`,
    `Root=1-00000000-${'0'.repeat(24)}`,
    `Roots=${ROOT_ID}`,
    `Self=${ROOT_ID}`,
  ]) {
    it(`"${header}" is none`, () => assert.equal(read(header), undefined))
  }

  it('is read beyond 200 characters, and not without end', () => {
    const custom = Array.from({ length: 30 }, (_, i) => `Key${i}=value`).join(';')
    assert.equal(read(`${custom};Root=${ROOT_ID}`)?.[1], TRACE)
    assert.equal(read(`Root=${ROOT_ID};${'x'.repeat(5000)}`), undefined)
  })

  it('is written with Root, Parent and Sampled', () => {
    const write = (flags: number) =>
      inject(subject, ROOT.withSpan(new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: flags })))
    assert.deepEqual(write(1), { [NAME]: `Root=${ROOT_ID};Parent=${SPAN};Sampled=1` })
    assert.deepEqual(write(2), { [NAME]: `Root=${ROOT_ID};Parent=${SPAN};Sampled=0` })
  })

  it('passes the lineage on, and nothing else that the caller added', () => {
    const found = extract(subject, { [NAME]: `Root=${ROOT_ID};Lineage=a87bd80c:1|68fd508a:5;App=x;Self=${ROOT_ID}` })
    const below = found.withSpan(new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: 1 }))
    assert.deepEqual(inject(subject, below), {
      [NAME]: `Root=${ROOT_ID};Parent=${SPAN};Sampled=1;Lineage=a87bd80c:1|68fd508a:5`,
    })
    for (const hostile of ['a\r\nx: y', 'a,b', 'a b', 'x'.repeat(300), 'ä']) {
      const other = extract(subject, { [NAME]: `Root=${ROOT_ID};Lineage=${hostile}` })
      const header = inject(subject, other.withSpan(below.span))[NAME]
      assert.equal(header, `Root=${ROOT_ID};Parent=${SPAN};Sampled=1`)
    }
  })

  it('goes on undecided as it came', () => {
    assert.deepEqual(inject(subject, extract(subject, { [NAME]: `Root=${ROOT_ID};Parent=${SPAN}` })), {
      [NAME]: `Root=${ROOT_ID};Parent=${SPAN}`,
    })
  })

  it('answers Sampled=? with the decision, and nothing else', () => {
    const answer = (header: string, traceFlags: number) => {
      const response: Headers = {}
      const span = new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags }) as AgentSpan
      subject.answer!(extract(subject, { [NAME]: header }).withSpan(span), span, response, setter)
      return response
    }
    assert.deepEqual(answer(`Root=${ROOT_ID};Sampled=?`, 1), { [NAME]: `Root=${ROOT_ID};Sampled=1` })
    assert.deepEqual(answer(`Root=${ROOT_ID};Parent=${SPAN};Sampled=?`, 0), { [NAME]: `Root=${ROOT_ID};Sampled=0` })
    assert.deepEqual(answer(`Root=${ROOT_ID};Sampled=1`, 1), {})
    assert.deepEqual(answer(`Root=${ROOT_ID}`, 1), {})
    assert.equal(propagator(['tracecontext', 'baggage']).answer, undefined)
    assert.notEqual(propagator(['tracecontext', 'xray']).answer, undefined)
  })
})

describe('xray-lambda', () => {
  const own = `Root=1-11111111-${'2'.repeat(24)};Parent=${'3'.repeat(16)};Sampled=1`

  it('takes the span of the invocation, and the header where there is none', () => {
    let variable: string | undefined = own
    const lambda = propagator('xray-lambda', { lambdaTraceId: () => variable })
    const headers = { [NAME]: `Root=${ROOT_ID};Parent=${SPAN};Sampled=1` }
    assert.equal(extract(lambda, headers).span?.spanContext().spanId, '3'.repeat(16))
    assert.equal(extract(lambda, {}).span?.spanContext().spanId, '3'.repeat(16))
    for (const none of [undefined, '', 'Root=x']) {
      variable = none
      assert.equal(extract(lambda, headers).span?.spanContext().spanId, SPAN)
      assert.equal(extract(lambda, {}).span, undefined)
    }
    variable = own.replace('3'.repeat(16), '4'.repeat(16))
    assert.equal(extract(lambda, {}).span?.spanContext().spanId, '4'.repeat(16), 'of each invocation anew')
  })

  it('gives way to a propagator before it', () => {
    const lambda = propagator(['tracecontext', 'xray-lambda'], { lambdaTraceId: () => own })
    assert.equal(extract(lambda, { traceparent: `00-${TRACE}-${SPAN}-01` }).span?.spanContext().spanId, SPAN)
  })
})
