/** The two encodings of OTLP, read by protobufjs with the official .proto files and by JSON.parse. */
import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import type { AttributeValue } from '@opentelemetry/api'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import type { Encoding } from '../../src/export/contract'
import { otlpJson, otlpJsonLines } from '../../src/export/encodings/otlp-json'
import { otlpProtobuf } from '../../src/export/encodings/otlp-protobuf'
import { encodeWhole } from '../../src/export/pipe'
import type { AttributeList, Kind, Resource, SpanData } from '../../src/trace/data'
import { decodeJson, decodeProtobuf, encodeErrorBody, encodeReply } from '../kit/otlp'
import { assertGolden } from './golden'
import { anyResource, anySpan, FULL, RESOURCE, span, TRACE } from './spans'

const PROTOS = dirname(require.resolve('@elastic/mockotlpserver/package.json'))
const root = new protobuf.Root()
root.resolvePath = (_origin, target) => join(PROTOS, target)
root.loadSync('opentelemetry/proto/collector/trace/v1/trace_service.proto')
const ExportRequest = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest')

const encode = (encoding: Encoding, batch: readonly SpanData[], resource: Resource = RESOURCE) =>
  encodeWhole(encoding, batch, resource)

/** The message as the proto3 JSON mapping shows it, with ids in hex: protobuf and JSON can be compared. */
function readProtobuf(bytes: Uint8Array): unknown {
  const message = ExportRequest.decode(bytes)
  assert.equal(ExportRequest.verify(message), null)
  return canonical(ExportRequest.toObject(message, { longs: String, bytes: Buffer as any }))
}

function readJson(bytes: Uint8Array): unknown {
  const utf8 = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  return canonical(JSON.parse(utf8))
}

/** Ids as hex, doubles as numbers, and nothing for what is zero or empty, except for the value of an attribute. */
function canonical(value: any, key = ''): any {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (key === 'doubleValue') return Number(value)
  if (Array.isArray(value)) return value.map(item => canonical(item))
  if (typeof value !== 'object' || value === null) return value
  const result = Object.create(null)
  for (const name of Object.keys(value)) {
    const item = value[name]
    if (!name.endsWith('Value') && (item === '' || item === 0 || item === '0' || item?.length === 0)) continue
    result[name] = canonical(item, name)
  }
  return result
}

/** What the specification says a batch is, without any regard to how it is encoded. */
function expected(batch: readonly SpanData[], resource: Resource): unknown {
  const scopes = new Map<string, any>()
  for (const item of batch) {
    const { name, version } = item.scope
    const key = JSON.stringify([name, version])
    const scope = present({ name: name || undefined, version: version || undefined })
    if (!scopes.has(key)) scopes.set(key, { scope, spans: [] })
    scopes.get(key).spans.push(spanOf(item))
  }
  return canonical({
    resourceSpans: [
      present({
        resource: present({ attributes: attributesOf(resource.attributes) }),
        scopeSpans: [...scopes.values()],
      }),
    ],
  })
}

function spanOf(item: SpanData): unknown {
  return present({
    traceId: item.traceId,
    spanId: item.spanId,
    traceState: item.traceState || undefined,
    parentSpanId: item.parentSpanId || undefined,
    flags: item.flags + 0x100 + (item.parentIsRemote ? 0x200 : 0),
    name: item.name.toWellFormed(),
    kind: item.kind + 1,
    startTimeUnixNano: nanosOf(item.startMicros),
    endTimeUnixNano: nanosOf(item.endMicros),
    attributes: attributesOf(item.attributes),
    droppedAttributesCount: item.droppedAttributes || undefined,
    events: item.events.map(event =>
      present({
        timeUnixNano: nanosOf(event.timeMicros),
        name: event.name.toWellFormed(),
        attributes: attributesOf(event.attributes),
        droppedAttributesCount: event.droppedAttributes || undefined,
      }),
    ),
    droppedEventsCount: item.droppedEvents || undefined,
    links: item.links.map(({ context, attributes, droppedAttributes }) =>
      present({
        traceId: /^[0-9a-f]{32}$/i.test(context.traceId) ? context.traceId.toLowerCase() : '',
        spanId: /^[0-9a-f]{16}$/i.test(context.spanId) ? context.spanId.toLowerCase() : '',
        traceState: context.traceState?.serialize() || undefined,
        attributes: attributesOf(attributes),
        droppedAttributesCount: droppedAttributes || undefined,
        flags: context.traceFlags + (context.isRemote === undefined ? 0 : context.isRemote ? 0x300 : 0x100),
      }),
    ),
    droppedLinksCount: item.droppedLinks || undefined,
    status:
      item.status.code === 0
        ? undefined
        : present({ message: item.status.message?.toWellFormed() || undefined, code: item.status.code }),
  })
}

function attributesOf(list: AttributeList): unknown[] {
  const result: unknown[] = []
  for (let i = 0; i < list.length; i += 2) {
    result.push({ key: (list[i] as string).toWellFormed(), value: anyValueOf(list[i + 1]) })
  }
  return result
}

function anyValueOf(value: unknown, asDouble = false): unknown {
  if (typeof value === 'string') return { stringValue: value.toWellFormed() }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number') {
    return isInteger(value) && !asDouble ? { intValue: BigInt(value).toString() } : { doubleValue: value }
  }
  if (!Array.isArray(value)) return {}
  const doubles = value.some(item => typeof item === 'number' && !isInteger(item))
  return { arrayValue: { values: value.map(item => anyValueOf(item, doubles)) } }
}

function isInteger(value: number): boolean {
  if (!Number.isInteger(value) || Object.is(value, -0)) return false
  return BigInt.asIntN(64, BigInt(value)) === BigInt(value)
}

/** Exact: a double of microseconds is a fraction of two powers of two. */
function nanosOf(micros: number): string {
  if (micros <= 0) return '0'
  const nanos = BigInt(Math.floor(micros)) * 1000n + BigInt(Math.round((micros % 1) * 1000))
  return (nanos > 2n ** 64n - 1n ? 2n ** 64n - 1n : nanos).toString()
}

function present(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}

for (const [name, encoding, read] of [
  ['protobuf', otlpProtobuf, readProtobuf],
  ['JSON', otlpJson, readJson],
] as const) {
  describe(`OTLP in ${name}`, () => {
    it('a span with every field and every type of value reads back as it was', () => {
      assert.deepEqual(read(encode(encoding, [FULL])), expected([FULL], RESOURCE))
    })

    it('spans are grouped by scope, in the order in which they ended', () => {
      const batch = [span({ name: 'a' }), ...TRACE, span({ name: 'z' })]
      assert.deepEqual(read(encode(encoding, batch)), expected(batch, RESOURCE))
    })

    it('two scopes of equal name and version are one', () => {
      const batch = [span({ scope: { name: 'x', version: '1' } }), span({ scope: { name: 'x', version: '1' } })]
      assert.equal((read(encode(encoding, batch)) as any).resourceSpans[0].scopeSpans.length, 1)
    })

    it('any span reads back as it was: text, numbers, times, holes and halves of surrogate pairs', () => {
      fc.assert(
        fc.property(fc.array(anySpan, { maxLength: 8 }), anyResource, (batch, resource) => {
          assert.deepEqual(read(encode(encoding, batch, resource)), expected(batch, resource))
        }),
        { numRuns: 400 },
      )
    })

    it('attributes that repeat from span to span, wholly or in parts, are those of each span', () => {
      const pair = fc.tuple(
        fc.constantFrom('a', 'b', 'http.request.method'),
        fc.constantFrom<AttributeValue>(
          'GET',
          'é',
          '',
          0,
          -0,
          1,
          1.5,
          Number.NaN,
          '1',
          true,
          false,
          ['x', 'y'],
          [1, 2],
        ),
      )
      const list = fc.array(pair, { maxLength: 6 }).map(pairs => pairs.flat() as AttributeList)
      const similar = fc.record({ attributes: list, kind: fc.constantFrom<Kind>(0, 1) }).map(span)
      fc.assert(
        fc.property(fc.array(similar, { maxLength: 20 }), batch => {
          assert.deepEqual(read(encode(encoding, batch)), expected(batch, RESOURCE))
        }),
      )
    })

    it('a batch far larger than first guessed is written whole', () => {
      const batch = Array.from({ length: 40 }, (_, i) => span({ attributes: ['i', i, 'text', 'ä'.repeat(i * 1000)] }))
      assert.deepEqual(read(encode(encoding, batch)), expected(batch, RESOURCE))
    })

    it('it yields after every span', () => {
      const steps = encoding.encode([FULL, ...TRACE], RESOURCE)
      let yields = 0
      while (!steps.next().done) yields++
      assert.equal(yields, 1 + TRACE.length)
    })

    it('the kit, which reads it in yet another way, sees the same spans', () => {
      const decode = encoding === otlpProtobuf ? decodeProtobuf : decodeJson
      const [first] = decode(encode(encoding, [FULL]))
      assert.equal(first?.name, FULL.name)
      assert.equal(first?.kind, 'SERVER')
      assert.equal(first?.attributes['umlaut'], 'Grüße, 世界 🌍')
      assert.deepEqual(first?.attributes['holes'], ['a', null, 'b'])
      assert.equal(first?.resource['service.name'], 'shop')
    })
  })
}

describe('a message that takes spans as they come', () => {
  const made = (batches: readonly SpanData[][]): Uint8Array => {
    const message = otlpProtobuf.open!()
    for (const batch of batches) message.add(batch)
    return message.finish(RESOURCE)
  }
  const long = span({ name: 'a'.repeat(2000) })
  const short = span({ name: 'b' })

  it('and is made in the memory of one that has arrived holds nothing of that', () => {
    const first = made([[long, long], [long]])
    const memory = first.buffer
    otlpProtobuf.reuse!(first)
    const second = made([[short]])
    assert.equal(second.buffer, memory)
    assert.deepEqual(readProtobuf(second), readProtobuf(encode(otlpProtobuf, [short])))
    // What is not given back stays as it is.
    const third = made([[long]])
    assert.notEqual(third.buffer, memory)
    assert.deepEqual(readProtobuf(second), readProtobuf(encode(otlpProtobuf, [short])))
    assert.deepEqual(readProtobuf(third), readProtobuf(encode(otlpProtobuf, [long])))
  })

  it('and outgrows that memory moves to more', () => {
    otlpProtobuf.reuse!(made([[short]]))
    const spans = Array.from({ length: 50 }, () => long)
    assert.deepEqual(readProtobuf(made([spans])), readProtobuf(encode(otlpProtobuf, spans)))
  })

  it('does not use memory that another thread has got, nor keep a very large one', () => {
    const moved = made([[short]])
    structuredClone(moved.buffer, { transfer: [moved.buffer as ArrayBuffer] })
    otlpProtobuf.reuse!(moved)
    assert.deepEqual(readProtobuf(made([[short]])), readProtobuf(encode(otlpProtobuf, [short])))
    const large = made([Array.from({ length: 600 }, () => long)])
    otlpProtobuf.reuse!(large)
    assert.notEqual(made([[short]]).buffer, large.buffer)
  })
})

describe('OTLP golden bytes', () => {
  const pretty = (value: unknown) => JSON.stringify(value, null, 1) + '\n'

  it('protobuf is what it was', () => {
    const bytes = encode(otlpProtobuf, [FULL, ...TRACE])
    assertGolden('otlp.pb', bytes)
    assertGolden('otlp.pb.txt', pretty(readProtobuf(bytes)))
  })

  it('JSON is what it was', () => {
    assertGolden('otlp.json', encode(otlpJson, [FULL, ...TRACE]))
  })
})

describe('OTLP lines', () => {
  it('a message is one line, whatever is in it', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 3 }), batch => {
        const text = Buffer.from(encode(otlpJsonLines, batch)).toString()
        assert.equal(text.split(/\r?\n/).length, 2)
        assert.deepEqual(canonical(JSON.parse(text)), expected(batch, RESOURCE))
      }),
      { numRuns: 100 },
    )
  })
})

describe('the answer of an OTLP backend', () => {
  const types = [
    ['application/x-protobuf', false],
    ['application/json', true],
  ] as const

  for (const encoding of [otlpProtobuf, otlpJson]) {
    for (const [mediaType, json] of types) {
      it(`in ${mediaType} is read by the encoding ${encoding.mediaType}`, () => {
        const partial = { rejectedSpans: 300, errorMessage: 'quota für heute' }
        assert.deepEqual(encoding.readReply!(encodeReply(partial, json), mediaType), {
          rejectedSpans: 300,
          message: 'quota für heute',
        })
        assert.deepEqual(
          encoding.readReply!(encodeReply({ rejectedSpans: 0, errorMessage: 'slow' }, json), mediaType),
          {
            rejectedSpans: 0,
            message: 'slow',
          },
        )
        assert.deepEqual(encoding.readReply!(encodeReply(undefined, json), mediaType), {
          rejectedSpans: 0,
          message: '',
        })
        assert.equal(encoding.readError!(encodeErrorBody('no such tenant', json), mediaType), 'no such tenant')
      })
    }
  }

  it('of another kind is no answer', () => {
    const page = Buffer.from('<html><body>It works!</body></html>')
    for (const mediaType of ['text/html', 'application/x-protobuf', 'application/json', '']) {
      assert.equal(otlpProtobuf.readReply!(page, mediaType), undefined, mediaType)
      assert.equal(otlpProtobuf.readError!(page, mediaType), '', mediaType)
    }
    for (const text of ['[]', '17', 'null', '"ok"']) {
      assert.equal(otlpProtobuf.readReply!(Buffer.from(text), 'application/json'), undefined, text)
    }
  })

  it('is read without an exception, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...types), (body, [mediaType]) => {
        otlpProtobuf.readReply!(body, mediaType)
        otlpProtobuf.readError!(body, mediaType)
      }),
      { numRuns: 2000 },
    )
  })

  it('that rejects a negative number of spans rejects none', () => {
    const reply = encodeReply({ rejectedSpans: -5, errorMessage: 'odd' }, false)
    assert.deepEqual(otlpProtobuf.readReply!(reply, 'application/x-protobuf'), { rejectedSpans: 0, message: 'odd' })
  })
})
