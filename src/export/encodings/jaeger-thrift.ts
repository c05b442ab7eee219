import type { AttributeValue } from '@opentelemetry/api'
import {
  type AttributeList,
  ERROR,
  type Resource,
  type SpanData,
  type SpanEvent,
  type SpanLink,
} from '../../trace/data'
import type { Encoding } from '../contract'
import { readSilentReply, serviceName, tagsBeyondAttributes } from './non-otlp'
import { BinaryWriter, BOOL, CompactWriter, DOUBLE, I32, I64, LIST, STRING, STRUCT, type ThriftWriter } from './thrift'

/** `TagType` of jaeger.thrift. */
const TAG_STRING = 0
const TAG_DOUBLE = 1
const TAG_BOOL = 2
const TAG_LONG = 3

/** `SpanRefType` of jaeger.thrift. */
const FOLLOWS_FROM = 1

const KINDS = [undefined, 'server', 'client', 'producer', 'consumer'] as const
const NO_PARENT = '0000000000000000'

/** `Batch` of jaeger.thrift in the binary protocol: `POST /api/traces?format=jaeger.thrift` of a Jaeger collector. */
export const jaegerThriftBinary: Encoding = {
  mediaType: 'application/vnd.apache.thrift.binary',
  maxSpans: Infinity,
  *encode(batch, resource) {
    const out = new BinaryWriter()
    yield* writeBatch(out, batch, resource)
    return out.bytes()
  },
  readReply: readSilentReply,
}

/** The call `Agent.emitBatch(batch)` of agent.thrift in the compact protocol: one datagram to the Jaeger agent, port 6831. */
export const jaegerThriftCompact: Encoding = {
  mediaType: 'application/vnd.apache.thrift.compact',
  maxSpans: Infinity,
  encode: (batch, resource) => emitBatch(new CompactWriter(), batch, resource),
}

/** The same call in the binary protocol: the agent's port 6832. */
export const jaegerThriftBinaryCall: Encoding = {
  mediaType: 'application/vnd.apache.thrift.binary',
  maxSpans: Infinity,
  encode: (batch, resource) => emitBatch(new BinaryWriter(), batch, resource),
}

function* emitBatch(out: ThriftWriter, batch: readonly SpanData[], resource: Resource): Generator<void, Uint8Array> {
  out.message('emitBatch')
  out.structBegin()
  out.field(1, STRUCT)
  yield* writeBatch(out, batch, resource)
  out.structEnd()
  return out.bytes()
}

/** `struct Batch { 1: Process process, 2: list<Span> spans }` */
function* writeBatch(out: ThriftWriter, batch: readonly SpanData[], resource: Resource): Generator<void, void> {
  out.structBegin()
  out.field(1, STRUCT)
  writeProcess(out, resource)
  out.field(2, LIST)
  out.list(STRUCT, batch.length)
  for (const span of batch) {
    writeSpan(out, span)
    yield
  }
  out.structEnd()
}

/** `struct Process { 1: string serviceName, 2: list<Tag> tags }` */
function writeProcess(out: ThriftWriter, resource: Resource): void {
  const tags: AttributeList = []
  const { attributes } = resource
  for (let i = 0; i < attributes.length; i += 2) {
    if (attributes[i] !== 'service.name') tags.push(attributes[i]!, attributes[i + 1]!)
  }
  out.structBegin()
  out.field(1, STRING)
  out.string(serviceName(resource))
  if (tags.length > 0) writeTags(out, 2, tags)
  out.structEnd()
}

/**
 * `struct Span { 1: i64 traceIdLow, 2: i64 traceIdHigh, 3: i64 spanId, 4: i64 parentSpanId, 5: string operationName,
 * 6: list<SpanRef> references, 7: i32 flags, 8: i64 startTime, 9: i64 duration, 10: list<Tag> tags, 11: list<Log> logs }`,
 * times in whole microseconds. Ids are their bytes read as signed big-endian integers.
 */
function writeSpan(out: ThriftWriter, span: SpanData): void {
  out.structBegin()
  out.field(1, I64)
  out.hex64(span.traceId.slice(16))
  out.field(2, I64)
  out.hex64(span.traceId.slice(0, 16))
  out.field(3, I64)
  out.hex64(span.spanId)
  out.field(4, I64)
  out.hex64(span.parentSpanId === '' ? NO_PARENT : span.parentSpanId)
  out.field(5, STRING)
  out.string(span.name)
  if (span.links.length > 0) {
    out.field(6, LIST)
    out.list(STRUCT, span.links.length)
    for (const link of span.links) writeReference(out, link)
  }
  out.field(7, I32)
  out.i32(span.flags & 1)
  out.field(8, I64)
  out.i64(Math.floor(span.startMicros))
  out.field(9, I64)
  out.i64(Math.floor(span.endMicros - span.startMicros))
  writeTags(out, 10, tagsOf(span))
  if (span.events.length > 0) {
    out.field(11, LIST)
    out.list(STRUCT, span.events.length)
    for (const event of span.events) writeLog(out, event)
  }
  out.structEnd()
}

/** `struct SpanRef { 1: SpanRefType refType, 2: i64 traceIdLow, 3: i64 traceIdHigh, 4: i64 spanId }` */
function writeReference(out: ThriftWriter, link: SpanLink): void {
  out.structBegin()
  out.field(1, I32)
  out.i32(FOLLOWS_FROM)
  out.field(2, I64)
  out.hex64(link.context.traceId.slice(16))
  out.field(3, I64)
  out.hex64(link.context.traceId.slice(0, 16))
  out.field(4, I64)
  out.hex64(link.context.spanId)
  out.structEnd()
}

/** `struct Log { 1: i64 timestamp, 2: list<Tag> fields }`; an attribute called `event` stands in for the event's name. */
function writeLog(out: ThriftWriter, event: SpanEvent): void {
  const fields: AttributeList = hasKey(event.attributes, 'event') ? [] : ['event', event.name]
  fields.push(...event.attributes)
  if (event.droppedAttributes > 0) fields.push('otel.event.dropped_attributes_count', event.droppedAttributes)
  out.structBegin()
  out.field(1, I64)
  out.i64(Math.floor(event.timeMicros))
  writeTags(out, 2, fields)
  out.structEnd()
}

/** Attributes and what Jaeger has no field for. `error` is true exactly when the status is ERROR. */
function tagsOf(span: SpanData): AttributeList {
  const tags: AttributeList = []
  const failed = span.status.code === ERROR
  const { attributes } = span
  for (let i = 0; i < attributes.length; i += 2) {
    if (failed && attributes[i] === 'error') continue
    tags.push(attributes[i]!, attributes[i + 1]!)
  }
  if (KINDS[span.kind] !== undefined) tags.push('span.kind', KINDS[span.kind]!)
  tags.push(...tagsBeyondAttributes(span))
  if (span.status.message) tags.push('otel.status_description', span.status.message)
  if (failed) tags.push('error', true)
  if (span.traceState !== '') tags.push('w3c.tracestate', span.traceState)
  return tags
}

function writeTags(out: ThriftWriter, field: number, tags: AttributeList): void {
  out.field(field, LIST)
  out.list(STRUCT, tags.length / 2)
  for (let i = 0; i < tags.length; i += 2) writeTag(out, tags[i] as string, tags[i + 1]!)
}

/** `struct Tag { 1: string key, 2: TagType vType, 3: string vStr, 4: double vDouble, 5: bool vBool, 6: i64 vLong }` */
function writeTag(out: ThriftWriter, key: string, value: AttributeValue): void {
  out.structBegin()
  out.field(1, STRING)
  out.string(key)
  out.field(2, I32)
  if (typeof value === 'boolean') {
    out.i32(TAG_BOOL)
    out.field(5, BOOL, value)
  } else if (typeof value === 'number') {
    const long = Number.isSafeInteger(value) && !Object.is(value, -0)
    out.i32(long ? TAG_LONG : TAG_DOUBLE)
    out.field(long ? 6 : 4, long ? I64 : DOUBLE)
    if (long) out.i64(value)
    else out.double(value)
  } else {
    out.i32(TAG_STRING)
    out.field(3, STRING)
    out.string(typeof value === 'string' ? value : JSON.stringify(value))
  }
  out.structEnd()
}

function hasKey(attributes: AttributeList, key: string): boolean {
  for (let i = 0; i < attributes.length; i += 2) if (attributes[i] === key) return true
  return false
}
