import assert from 'node:assert/strict'
import { Metadata } from '@grpc/grpc-js'
import { propagation } from '@opentelemetry/api'
import { ROOT, SUPPRESSED } from '../../src/trace/context'
import { NonRecordingSpan } from '../../src/trace/nonrecording'
import { PEER_SERVICE } from '../../src/trace/tracer'
import { describePropagator, extract, type Headers, inject, propagator } from '../conformance/propagator'

const TRACE = '80f198ee56343ba864fe8b2a57d3eff7'
const HALF = '64fe8b2a57d3eff7'
const SPAN = 'e457b5a2e4d86bd1'
const OT = { 'ot-tracer-traceid': HALF, 'ot-tracer-spanid': SPAN, 'ot-tracer-sampled': 'true' }
const BYTES = Buffer.from(`0000${TRACE}01${SPAN}0201`, 'hex')
const BIN = 'grpc-trace-bin'

const context = (traceFlags: number, traceId = TRACE) =>
  ROOT.withSpan(new NonRecordingSpan({ traceId, spanId: SPAN, traceFlags }))

function read(name: 'ottrace' | 'opencensus', headers: Headers) {
  const span = extract(propagator(name), headers).span as NonRecordingSpan | undefined
  if (span === undefined) return undefined
  const { traceId, spanId, traceFlags } = span.spanContext()
  return [span.relation, traceId, spanId, span.decided ? traceFlags : 'undecided']
}

describePropagator('ottrace', {
  headers: ['ot-tracer-traceid', 'ot-tracer-spanid', 'ot-tracer-sampled', 'ot-baggage-a'],
  example: OT,
  traceIdBits: 64,
})
describePropagator('opencensus', { headers: [BIN], example: { [BIN]: BYTES.toString('base64') } })

describe('ot-tracer-*', () => {
  const padded = HALF.padStart(32, '0')

  it('names trace, span and decision', () => {
    assert.deepEqual(read('ottrace', OT), ['parent', padded, SPAN, 1])
    assert.deepEqual(read('ottrace', { ...OT, 'ot-tracer-sampled': 'false' }), ['parent', padded, SPAN, 0])
    assert.deepEqual(read('ottrace', { ...OT, 'ot-tracer-sampled': '1' }), ['parent', padded, SPAN, 1])
    assert.deepEqual(read('ottrace', { ...OT, 'ot-tracer-sampled': 'x' }), ['parent', padded, SPAN, 0])
    assert.deepEqual(read('ottrace', { ...OT, 'ot-tracer-traceid': TRACE }), ['parent', TRACE, SPAN, 1])
  })

  it('without a decision leaves it to us', () => {
    const { 'ot-tracer-sampled': _, ...rest } = OT
    assert.deepEqual(read('ottrace', rest), ['parent', padded, SPAN, 'undecided'])
  })

  it('is written with the right half of the trace id, or not at all if that is zero', () => {
    assert.deepEqual(inject(propagator('ottrace'), context(1)), OT)
    assert.deepEqual(inject(propagator('ottrace'), context(0)), { ...OT, 'ot-tracer-sampled': 'false' })
    assert.deepEqual(inject(propagator('ottrace'), context(1, `${HALF}${'0'.repeat(16)}`)), {})
  })

  it('carries baggage as it is, and leaves out what a header cannot hold', () => {
    const bag = propagation.createBaggage({
      a: { value: '1 %41' },
      'b c': { value: '2' },
      d: { value: 'x\r\ny: z' },
      e: { value: '€' },
    })
    const headers = inject(propagator('ottrace'), ROOT.withBaggage(bag))
    assert.deepEqual(headers, { 'ot-baggage-a': '1 %41' })
    assert.equal(extract(propagator('ottrace'), headers).baggage?.getEntry('a')?.value, '1 %41')
  })

  for (const wrong of [
    { 'ot-tracer-traceid': '' },
    { 'ot-tracer-traceid': '0' },
    { 'ot-tracer-traceid': `${TRACE}0` },
    { 'ot-tracer-spanid': 'x' },
  ]) {
    it(`with ${JSON.stringify(wrong)} is none`, () => assert.equal(read('ottrace', { ...OT, ...wrong }), undefined))
  }
})

describe('grpc-trace-bin', () => {
  const bin = (bytes: Buffer | string) => ({
    [BIN]: typeof bytes === 'string' ? Buffer.from(bytes, 'hex').toString('base64') : bytes.toString('base64'),
  })

  it('is 29 bytes: version, trace id, span id, options', () => {
    assert.deepEqual(inject(propagator('opencensus'), context(1)), bin(BYTES))
    assert.deepEqual(inject(propagator('opencensus'), context(2)), bin(`0000${TRACE}01${SPAN}0200`))
    assert.deepEqual(read('opencensus', bin(BYTES)), ['parent', TRACE, SPAN, 1])
    assert.deepEqual(read('opencensus', bin(`0000${TRACE}01${SPAN}02fe`)), ['parent', TRACE, SPAN, 0])
  })

  it('may lack its padding, and may have later fields', () => {
    assert.deepEqual(read('opencensus', { [BIN]: BYTES.toString('base64').replace('=', '') }), [
      'parent',
      TRACE,
      SPAN,
      1,
    ])
    assert.deepEqual(read('opencensus', bin(`0000${TRACE}01${SPAN}020103ffff`)), ['parent', TRACE, SPAN, 1])
  })

  it('without options leaves the decision to us, without a span id begins a root', () => {
    assert.deepEqual(read('opencensus', bin(`0000${TRACE}01${SPAN}`)), ['parent', TRACE, SPAN, 'undecided'])
    assert.deepEqual(read('opencensus', bin(`0000${TRACE}01${SPAN}02`)), ['parent', TRACE, SPAN, 'undecided'])
    assert.deepEqual(read('opencensus', bin(`0000${TRACE}`)), ['trace', TRACE, '0'.repeat(16), 'undecided'])
    assert.deepEqual(read('opencensus', bin(`0000${TRACE}01${SPAN.slice(2)}`)), [
      'trace',
      TRACE,
      '0'.repeat(16),
      'undecided',
    ])
  })

  for (const hex of [
    '',
    '00',
    `0100${TRACE}01${SPAN}0201`,
    `0001${SPAN}00${TRACE}0201`,
    `0000${TRACE.slice(2)}`,
    `0000${'0'.repeat(32)}01${SPAN}0201`,
    `0000${TRACE}01${'0'.repeat(16)}0201`,
  ]) {
    it(`"${hex}" is none`, () => assert.equal(read('opencensus', bin(hex)), undefined))
  }

  it('is read from metadata of gRPC as bytes, and written to it as bytes', () => {
    const metadata = new Metadata()
    const plain = {
      keys: (carrier: Metadata) => Object.keys(carrier.getMap()),
      get: (carrier: Metadata, key: string) => carrier.get(key) as string[],
      set: (carrier: Metadata, key: string, value: string) => carrier.set(key, value),
    }
    const subject = propagator('opencensus')
    subject.inject(context(1), metadata, plain)
    assert.deepEqual(metadata.get(BIN), [BYTES])
    assert.equal(subject.extract(ROOT, metadata, plain).span?.spanContext().spanId, SPAN)
  })
})

describe('x-md-service-name', () => {
  const subject = propagator(['kratos', 'baggage', 'tracecontext'])

  it('is the name of this service, with or without a span', () => {
    assert.deepEqual(inject(propagator('kratos'), ROOT), { 'x-md-service-name': 'shop' })
    assert.deepEqual(inject(subject, context(1)), {
      'x-md-service-name': 'shop',
      traceparent: `00-${TRACE}-${SPAN}-01`,
    })
    assert.deepEqual(inject(subject, SUPPRESSED), {})
  })

  it('of the caller becomes the peer service', () => {
    const found = extract(subject, { 'x-md-service-name': ' cart ', traceparent: `00-${TRACE}-${SPAN}-01` })
    assert.equal(found.getValue(PEER_SERVICE), 'cart')
    assert.equal(found.span?.spanContext().spanId, SPAN)
    for (const none of ['', ' ', 'x'.repeat(1000), ['a', 'b']]) {
      assert.equal(extract(subject, { 'x-md-service-name': none }).getValue(PEER_SERVICE), undefined)
    }
  })

  it('is not sent when no header could hold it', () => {
    for (const serviceName of ['', 'a\r\nb', 'ü']) {
      const quiet = propagator('kratos', { serviceName })
      assert.deepEqual(inject(quiet, ROOT), {})
      assert.deepEqual(quiet.injectedHeaders, [])
    }
  })

  it('is not believed from callers that are not trusted', () => {
    for (const trust of ['restart', 'ignore'] as const) {
      const found = extract(propagator(['kratos', 'jaeger'], { trust }), { 'x-md-service-name': 'x', 'uberctx-a': '1' })
      assert.equal(found, ROOT)
    }
  })
})
