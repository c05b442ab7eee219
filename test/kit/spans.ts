/** Finished spans as data, one for each thing that an encoding can get wrong. */
import type { AttributeList, Resource, SpanData } from '../../src/trace/data'
import { CLIENT, CONSUMER, ERROR, INTERNAL, OK, PRODUCER, SERVER, UNSET } from '../../src/trace/data'

export const TRACE_ID = '6a1fb2c3d4e5f60718293a4b5c6d7e8f'
/** 2026-06-03T10:00:00.123456Z */
export const START_MICROS = 1_780_480_800_123_456

const ROOT: SpanData = {
  traceId: TRACE_ID,
  spanId: 'f000000000000001',
  parentSpanId: '',
  parentIsRemote: false,
  flags: 3,
  traceState: '',
  name: 'root',
  kind: INTERNAL,
  startMicros: START_MICROS,
  endMicros: START_MICROS + 1500,
  attributes: [],
  events: [],
  links: [],
  status: { code: UNSET },
  scope: { name: '', version: '' },
  droppedAttributes: 0,
  droppedEvents: 0,
  droppedLinks: 0,
}

/** A span with everything empty but for what is given. */
export function span(fields: Partial<SpanData> = {}): SpanData {
  return { ...ROOT, ...fields }
}

export const RESOURCE: Resource = {
  attributes: [
    'service.name',
    'shop',
    'service.version',
    '1.2.3',
    'service.namespace',
    'retail',
    'telemetry.sdk.name',
    'tracing-agent',
    'telemetry.sdk.language',
    'nodejs',
    'telemetry.sdk.version',
    '0.1.0',
    'process.pid',
    42,
  ],
}

const ALL_TYPES: AttributeList = [
  'string',
  'text',
  'empty',
  '',
  'unicode',
  'žluťoučký kůň 🐎 日本',
  'lone surrogate',
  'a\ud800b',
  'control',
  'line\nbreak\ttab\u0000nul',
  'true',
  true,
  'false',
  false,
  'int',
  42,
  'zero',
  0,
  'negative',
  -7,
  'negative zero',
  -0,
  'large',
  Number.MAX_SAFE_INTEGER,
  'beyond safe',
  2 ** 60,
  'double',
  1.5,
  'strings',
  ['a', 'b', ''],
  'numbers',
  [1, 2.5, -3],
  'booleans',
  [true, false],
  'holes',
  ['a', null, 'c'],
  'empty list',
  [],
  '__proto__',
  'a key like any other',
]

const EXCEPTION = {
  name: 'exception',
  timeMicros: START_MICROS + 900.25,
  attributes: [
    'exception.type',
    'TypeError',
    'exception.message',
    'Cannot read properties of undefined',
    'exception.stacktrace',
    [
      'TypeError: Cannot read properties of undefined',
      '    at Cart.total (/srv/shop/cart.js:10:15)',
      '    at async /srv/shop/app.js:31:7',
      '    at new Promise (<anonymous>)',
      '    at node:internal/main/run_main_module:23:47',
    ].join('\n'),
  ],
  droppedAttributes: 0,
}

/** By name, so that a failing test says which. */
export const SPANS: Readonly<Record<string, SpanData>> = {
  empty: span({ name: '' }),
  'every attribute type': span({ attributes: ALL_TYPES, name: 'žluťoučký 🐎' }),
  'http server': span({
    name: 'GET /orders/:id',
    kind: SERVER,
    parentSpanId: '00000000000000aa',
    parentIsRemote: true,
    traceState: 'vendor=value,other=1',
    scope: { name: 'tracing-agent/http', version: '0.1.0' },
    attributes: [
      'http.request.method',
      'GET',
      'url.path',
      '/orders/7',
      'url.scheme',
      'https',
      'url.query',
      'q=1',
      'server.address',
      'shop.example',
      'server.port',
      443,
      'client.address',
      '203.0.113.9',
      'network.peer.address',
      '10.0.0.1',
      'user_agent.original',
      'curl/8.0',
      'http.route',
      '/orders/:id',
      'http.response.status_code',
      200,
    ],
  }),
  'http client that failed': span({
    name: 'GET',
    kind: CLIENT,
    parentSpanId: 'f000000000000001',
    status: { code: ERROR },
    attributes: [
      'http.request.method',
      'GET',
      'url.full',
      'http://stock.example:8080/items?id=1',
      'server.address',
      'stock.example',
      'server.port',
      8080,
      'http.response.status_code',
      429,
      'error.type',
      '429',
    ],
  }),
  'grpc client': span({
    name: 'shop.Stock/Get',
    kind: CLIENT,
    parentSpanId: 'f000000000000001',
    status: { code: ERROR, message: 'no such item' },
    attributes: [
      'rpc.system.name',
      'grpc',
      'rpc.method',
      'shop.Stock/Get',
      'network.peer.address',
      '10.1.2.3',
      'network.peer.port',
      50051,
      'rpc.status_code',
      'NOT_FOUND',
      'error.type',
      'NOT_FOUND',
    ],
  }),
  exception: span({
    name: 'checkout',
    parentSpanId: 'f000000000000001',
    status: { code: ERROR, message: 'Cannot read properties of undefined' },
    events: [
      EXCEPTION,
      { name: 'retry', timeMicros: START_MICROS + 1000, attributes: ['attempt', 2], droppedAttributes: 1 },
    ],
    attributes: ['error', 'set by the program'],
  }),
  'events and links': span({
    name: 'consume',
    kind: CONSUMER,
    events: [{ name: 'bare', timeMicros: START_MICROS + 1, attributes: [], droppedAttributes: 0 }],
    links: [
      {
        context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 },
        attributes: ['why', 'batch'],
        droppedAttributes: 0,
      },
    ],
    status: { code: OK },
    attributes: ['error', false],
  }),
  producer: span({ name: 'orders publish', kind: PRODUCER, attributes: ['messaging.destination.name', 'orders'] }),
  'no duration': span({ name: 'instant', endMicros: START_MICROS }),
  'dropped counts': span({ name: 'dropped', droppedAttributes: 1, droppedEvents: 2, droppedLinks: 3 }),
  'large value': span({ name: 'large', attributes: ['blob', 'x'.repeat(64 * 1024)] }),
}

/** The whole message of an encoding. */
export function encodeAll(
  encoding: { encode(batch: readonly SpanData[], resource: Resource): Generator<void, Uint8Array> },
  batch: readonly SpanData[],
  resource: Resource = RESOURCE,
): Uint8Array {
  const steps = encoding.encode(batch, resource)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}
