/** Spans for encoders: one that has everything, a trace with an error, and any that may occur. */
import type { AttributeValue } from '@opentelemetry/api'
import fc from 'fast-check'
import type { AttributeList, Kind, Resource, SpanData, SpanEvent, SpanLink, StatusCode } from '../../src/trace/data'

export const RESOURCE: Resource = {
  attributes: ['service.name', 'shop', 'service.version', '1.2.3', 'process.pid', 4711, 'tags', ['a', 'b']],
}

const START = 1_700_000_000_123_456 + 0.25

/** A plain span; `changes` win. */
export function span(changes: Partial<SpanData> = {}): SpanData {
  return {
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: 'eee19b7ec3c1b174',
    parentSpanId: '',
    parentIsRemote: false,
    flags: 1,
    traceState: '',
    name: 'work',
    kind: 0,
    startMicros: START,
    endMicros: START + 1500.5,
    attributes: [],
    events: [],
    links: [],
    status: { code: 0 },
    scope: SCOPE,
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    ...changes,
  }
}

const SCOPE = { name: 'tracing-agent/http', version: '0.1.0' }

/** Every field set, every type of value, every length of a varint. */
export const FULL = span({
  parentSpanId: 'eee19b7ec3c1b173',
  parentIsRemote: true,
  flags: 0x03,
  traceState: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7',
  name: 'GET /users/:id',
  kind: 1,
  attributes: [
    'empty',
    '',
    'umlaut',
    'Grüße, 世界 🌍',
    'long',
    'x'.repeat(300),
    'true',
    true,
    'false',
    false,
    'zero',
    0,
    'minus zero',
    -0,
    'small',
    127,
    'two bytes',
    128,
    'three bytes',
    16384,
    'five bytes',
    4294967295,
    'six bytes',
    4294967296,
    'largest safe',
    9007199254740991,
    'negative',
    -1,
    'very negative',
    -(2 ** 63),
    'beyond int64',
    2 ** 63,
    'fraction',
    0.1,
    'nan',
    NaN,
    'infinite',
    -Infinity,
    'strings',
    ['a', '', 'ß'],
    'integers',
    [1, 2, 3],
    'doubles',
    [1, 2.5],
    'booleans',
    [true, false],
    'holes',
    ['a', null, 'b'],
    'nothing',
    [],
    '__proto__',
    'a key like any other',
  ],
  events: [
    { name: 'cache miss', timeMicros: START + 10, attributes: ['key', 'user:1', 'size', 12], droppedAttributes: 2 },
    { name: 'exception', timeMicros: START + 20.75, attributes: ['exception.type', 'TypeError'], droppedAttributes: 0 },
  ],
  links: [
    {
      context: {
        traceId: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
        spanId: 'bbbbbbbbbbbbbbbb',
        traceFlags: 1,
        isRemote: true,
      },
      attributes: ['reason', 'retry'],
      droppedAttributes: 1,
    },
    {
      context: { traceId: 'cccccccccccccccccccccccccccccccc', spanId: 'dddddddddddddddd', traceFlags: 0 },
      attributes: [],
      droppedAttributes: 0,
    },
  ],
  status: { code: 2, message: 'it broke' },
  droppedAttributes: 3,
  droppedEvents: 4,
  droppedLinks: 5,
})

/** What a gateway makes of one request with a failing call. */
export const TRACE: readonly SpanData[] = [
  span({
    spanId: '0000000000000002',
    parentSpanId: '0000000000000001',
    name: 'GET',
    kind: 2,
    startMicros: START + 100,
    endMicros: START + 8100,
    attributes: [
      'http.request.method',
      'GET',
      'url.full',
      'http://localhost:3001/service',
      'http.response.status_code',
      200,
    ],
  }),
  span({
    spanId: '0000000000000004',
    parentSpanId: '0000000000000003',
    name: 'sleep',
    scope: { name: 'shop', version: '' },
    startMicros: START + 8300,
    endMicros: START + 8310,
    attributes: ['user.plan', 'gold', 'attempt', 2],
    events: [{ name: 'woke', timeMicros: START + 8305, attributes: ['reason', 'noise'], droppedAttributes: 0 }],
  }),
  span({
    spanId: '0000000000000003',
    parentSpanId: '0000000000000001',
    name: 'GET',
    kind: 2,
    startMicros: START + 8200,
    endMicros: START + 10400,
    attributes: ['http.request.method', 'GET', 'url.full', 'http://localhost:3002/async', 'error.type', 'ECONNREFUSED'],
    status: { code: 2, message: 'connect ECONNREFUSED 127.0.0.1:3002' },
  }),
  span({
    spanId: '0000000000000001',
    name: 'GET /home',
    kind: 1,
    endMicros: START + 1_250_000,
    attributes: ['http.request.method', 'GET', 'url.path', '/home', 'http.response.status_code', 502],
    status: { code: 2 },
  }),
]

const hex = (digits: number) =>
  fc.uint8Array({ minLength: digits / 2, maxLength: digits / 2 }).map(bytes => Buffer.from(bytes).toString('hex'))

/** Text as programs make it: ASCII short and long, any UTF-16 with halves of surrogate pairs. */
const anyText = fc.oneof(
  { weight: 5, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ minLength: 40, maxLength: 300 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }) },
  {
    weight: 2,
    arbitrary: fc.array(fc.nat(0xffff), { maxLength: 70 }).map(codes => String.fromCharCode(...codes)),
  },
)
const anyNumber = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
    2 ** 64,
    1e300,
    5e-324,
    2 ** 32,
    2 ** 31,
  ),
)
const anyValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  anyText,
  anyNumber,
  fc.boolean(),
  fc.array(fc.oneof(anyText, fc.constant(null)), { maxLength: 5 }),
  fc.array(fc.oneof(anyNumber, fc.constant(null)), { maxLength: 5 }),
  fc.array(fc.oneof(fc.boolean(), fc.constant(null)), { maxLength: 5 }),
)
const anyAttributes: fc.Arbitrary<AttributeList> = fc
  .uniqueArray(fc.tuple(anyText, anyValue), { maxLength: 12, selector: ([key]) => key.toWellFormed() })
  .map(pairs => pairs.flat(1) as AttributeList)
/** Also before 1970, and further than 64 bits of nanoseconds reach. */
const anyMicros = fc.oneof(
  { weight: 8, arbitrary: fc.nat(4e9).map(quarter => START + quarter / 4) },
  { weight: 1, arbitrary: fc.double({ min: 0, max: 2 ** 53, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, -1e15, 0.25, 0.9999, 1e300, 2 ** 64 / 1000, 18446744073709550) },
)
const anyCount = fc.oneof(fc.constant(0), fc.nat(0xffff_ffff))
const anyEvent: fc.Arbitrary<SpanEvent> = fc.record({
  name: anyText,
  timeMicros: anyMicros,
  attributes: anyAttributes,
  droppedAttributes: anyCount,
})
const anyLink: fc.Arbitrary<SpanLink> = fc.record({
  context: fc.record({
    traceId: fc.oneof({ weight: 4, arbitrary: hex(32) }, { weight: 1, arbitrary: anyText }),
    spanId: fc.oneof({ weight: 4, arbitrary: hex(16) }, { weight: 1, arbitrary: anyText }),
    traceFlags: fc.nat(255),
    isRemote: fc.constantFrom(undefined, true, false),
    traceState: fc.constantFrom(undefined, { serialize: () => 'a=1' } as any),
  }),
  attributes: anyAttributes,
  droppedAttributes: anyCount,
})
const anyScope = fc.record({ name: fc.constantFrom('', 'a', 'b', 'ü'), version: fc.constantFrom('', '1') })

/** Any span that the tracer, or a program with the worst intentions, can make. */
export const anySpan: fc.Arbitrary<SpanData> = fc.record({
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: fc.oneof(fc.constant(''), hex(16)),
  parentIsRemote: fc.boolean(),
  flags: fc.nat(255),
  traceState: fc.constantFrom('', 'a=1', 'b=2,c=3'),
  name: anyText,
  kind: fc.nat(4) as fc.Arbitrary<Kind>,
  startMicros: anyMicros,
  endMicros: anyMicros,
  attributes: anyAttributes,
  events: fc.array(anyEvent, { maxLength: 3 }),
  links: fc.array(anyLink, { maxLength: 3 }),
  status: fc.record({ code: fc.nat(2) as fc.Arbitrary<StatusCode>, message: anyText }, { requiredKeys: ['code'] }),
  scope: anyScope,
  droppedAttributes: anyCount,
  droppedEvents: anyCount,
  droppedLinks: anyCount,
})
export const anyResource: fc.Arbitrary<Resource> = fc.record({ attributes: anyAttributes })
