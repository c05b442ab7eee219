import assert from 'node:assert/strict'
import {
  jaegerThriftBinary,
  jaegerThriftBinaryCall,
  jaegerThriftCompact,
} from '../../src/export/encodings/jaeger-thrift'
import { encodeAll, SPANS, START_MICROS, TRACE_ID } from '../kit/spans'
import { readBatch, readCall, type Struct } from './thrift-reader'

const number = (hex: string) => Number(BigInt.asIntN(64, BigInt(`0x${hex}`)))

/** `list<Tag>` as name -> value. */
function tags(list: Struct[]): Record<string, unknown> {
  const values: Record<string, unknown> = Object.create(null)
  for (const tag of list) {
    values[tag[1]] = [tag[3], tag[4], tag[5], tag[6] === undefined ? undefined : number(tag[6])][tag[2]]
  }
  return values
}

const ALL = Object.values(SPANS)
const NAMES = Object.keys(SPANS)
const READERS: [string, () => Struct][] = [
  ['binary', () => readBatch(encodeAll(jaegerThriftBinary, ALL))],
  ['binary call', () => readCall(encodeAll(jaegerThriftBinaryCall, ALL), 'binary')],
  ['compact call', () => readCall(encodeAll(jaegerThriftCompact, ALL), 'compact')],
]

for (const [form, read] of READERS) {
  describe(`the encoding Jaeger Thrift, ${form}, read by the library of Apache Thrift`, () => {
    let batch: Struct
    const spanOf = (name: string): Struct => batch[2][NAMES.indexOf(name)]

    before(() => {
      batch = read()
    })

    it('has the process with the service name, and the resource as its tags', () => {
      assert.equal(batch[1][1], 'shop')
      assert.deepEqual(
        { ...tags(batch[1][2]) },
        {
          'service.version': '1.2.3',
          'service.namespace': 'retail',
          'telemetry.sdk.name': 'tracing-agent',
          'telemetry.sdk.language': 'nodejs',
          'telemetry.sdk.version': '0.1.0',
          'process.pid': 42,
        },
      )
    })

    it('has every span with its ids, name, flags and times', () => {
      assert.equal(batch[2].length, ALL.length)
      const server = spanOf('http server')
      assert.equal(server[2] + server[1], TRACE_ID)
      assert.equal(server[3], 'f000000000000001', 'an id above 2^63 is read as negative and keeps its bits')
      assert.equal(server[4], '00000000000000aa')
      assert.equal(server[5], 'GET /orders/:id')
      assert.equal(server[7], 1)
      assert.equal(number(server[8]), START_MICROS)
      assert.equal(number(server[9]), 1500)
    })

    it('types the tags: text, double, bool and long', () => {
      const span = spanOf('every attribute type')
      const values = tags(span[10])
      assert.equal(span[5], 'žluťoučký 🐎')
      assert.equal(values['unicode'], 'žluťoučký kůň 🐎 日本')
      assert.equal(values['lone surrogate'], 'a\ufffdb')
      assert.equal(values['control'], 'line\nbreak\ttab\u0000nul')
      assert.equal(values['true'], true)
      assert.equal(values['false'], false)
      assert.equal(values['negative'], -7)
      assert.equal(values['large'], Number.MAX_SAFE_INTEGER)
      assert.equal(values['beyond safe'], 2 ** 60)
      assert.equal(values['double'], 1.5)
      assert.equal(values['holes'], '["a",null,"c"]')
    })

    it('says kind, status and error as Jaeger expects them', () => {
      const client = tags(spanOf('http client that failed')[10])
      assert.equal(client['span.kind'], 'client')
      assert.equal(client['error'], true)
      assert.equal(client['otel.status_code'], 'ERROR')
      const exception = spanOf('exception')
      assert.equal(tags(exception[10])['error'], true, 'it replaces what the program called error')
      assert.equal(exception[10].filter((tag: Struct) => tag[1] === 'error').length, 1)
      assert.equal(tags(exception[10])['otel.status_description'], 'Cannot read properties of undefined')
      assert.equal('span.kind' in tags(exception[10]), false)
      assert.equal(tags(spanOf('events and links')[10])['otel.status_code'], 'OK')
    })

    it('turns events into logs and links into references', () => {
      const [thrown, retry] = spanOf('exception')[11]
      assert.equal(number(thrown[1]), START_MICROS + 900)
      assert.equal(tags(thrown[2])['event'], 'exception')
      assert.equal(tags(thrown[2])['exception.type'], 'TypeError')
      assert.equal(tags(retry[2])['otel.event.dropped_attributes_count'], 1)
      const [reference] = spanOf('events and links')[6]
      assert.deepEqual(reference, { 1: 1, 2: 'a'.repeat(16), 3: 'a'.repeat(16), 4: 'b'.repeat(16) })
    })

    it('keeps scope, trace state and dropped counts as tags', () => {
      const server = tags(spanOf('http server')[10])
      assert.equal(server['otel.scope.name'], 'tracing-agent/http')
      assert.equal(server['w3c.tracestate'], 'vendor=value,other=1')
      assert.equal(tags(spanOf('dropped counts')[10])['otel.dropped_links_count'], 3)
    })

    it('has a value of 64 kB whole', () => {
      assert.equal((tags(spanOf('large value')[10])['blob'] as string).length, 64 * 1024)
    })
  })
}
