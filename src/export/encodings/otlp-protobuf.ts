/**
 * OTLP in binary protobuf: `ExportTraceServiceRequest` of opentelemetry/proto/collector/trace/v1/trace_service.proto.
 *
 *     ExportTraceServiceRequest { 1 repeated ResourceSpans }
 *     ResourceSpans             { 1 Resource, 2 repeated ScopeSpans }
 *     Resource                  { 1 repeated KeyValue attributes }
 *     ScopeSpans                { 1 InstrumentationScope, 2 repeated Span }
 *     InstrumentationScope      { 1 string name, 2 string version }
 *
 * Everything is written last first: see ReverseWriter.
 */
import type { AttributeValue } from '@opentelemetry/api'
import type { AttributeList, Resource, SpanData, SpanEvent, SpanLink } from '../../trace/data'
import type { Encoding, OpenMessage } from '../contract'
import { ReverseWriter, readFields } from '../protobuf'
import { groupByScope, hasDouble, isInt64, linkFlags, readError, readReply, spanFlags } from './otlp'

/** A span of an HTTP server takes about 550 bytes. The buffer doubles where that is too little. */
const BYTES_PER_SPAN = 640
/** Room for the resource, and for spans that take more than those before them. */
const SPARE_BYTES = 4096

export const otlpProtobuf: Encoding = {
  mediaType: 'application/x-protobuf',
  maxSpans: Infinity,
  encode,
  open: () => new Growing(),
  reuse,
  split,
  readReply,
  readError,
}

function* encode(batch: readonly SpanData[], resource: Resource): Generator<void, Uint8Array> {
  const writer = new ReverseWriter((batch.length + 1) * BYTES_PER_SPAN)
  yield* writeScopes(writer, batch, newWritten())
  return finish(writer, resource)
}

/** Size of the last message: the next one will be about as large. */
let lastBytes = 0
/** Memory of a message that has arrived. To ask for new one each time costs page faults, and collections of the whole heap. */
let spare: ArrayBuffer | undefined
/** Larger ones are rare, and not worth keeping. */
const MAX_SPARE_BYTES = 1024 * 1024

function reuse({ buffer }: Uint8Array): void {
  // Another thread may have got it.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 0 && buffer.byteLength <= MAX_SPARE_BYTES) spare = buffer
}

function memoryFor(bytes: number): ArrayBuffer | undefined {
  const memory = spare
  spare = undefined
  return memory !== undefined && memory.byteLength >= bytes ? memory : undefined
}

/** What came last stands first in it. Spans that came together stand under their scopes together. */
class Growing implements OpenMessage {
  count = 0
  private readonly writer = new ReverseWriter(lastBytes + SPARE_BYTES, memoryFor(lastBytes))
  private written = newWritten()

  add(spans: readonly SpanData[]): void {
    const { writer } = this
    const mark = writer.mark()
    try {
      for (const _ of writeScopes(writer, spans, this.written));
    } catch (error) {
      writer.rewind(mark)
      this.written = newWritten()
      throw error
    }
    this.count += spans.length
  }

  finish(resource: Resource): Uint8Array {
    const body = finish(this.writer, resource)
    lastBytes = body.length
    return body
  }
}

function newWritten(): Written[] {
  return [new Written(), new Written(), new Written(), new Written(), new Written()]
}

/** Yields after each span. */
function* writeScopes(writer: ReverseWriter, batch: readonly SpanData[], written: readonly Written[]): Generator<void> {
  const scopes = groupByScope(batch)
  for (let i = scopes.length - 1; i >= 0; i--) {
    const { name, version, spans } = scopes[i]!
    const scopeSpans = writer.mark()
    for (let j = spans.length - 1; j >= 0; j--) {
      const mark = writer.mark()
      writeSpan(writer, spans[j]!, written)
      writer.message(2, mark)
      yield
    }
    writeScope(writer, name, version, scopeSpans)
  }
}

/** Around the spans that were written since `mark`. */
function writeScope(writer: ReverseWriter, name: string, version: string, mark: number): void {
  const scope = writer.mark()
  if (version !== '') writer.string(2, version)
  if (name !== '') writer.string(1, name)
  writer.message(1, scope)
  writer.message(2, mark)
}

function finish(writer: ReverseWriter, resource: Resource): Uint8Array {
  const mark = writer.mark()
  writeAttributes(writer, 1, resource.attributes)
  writer.message(1, mark)
  writer.message(1, 0)
  return writer.finish()
}

/**
 * Only messages of our own: one `ResourceSpans` in which the resource comes first, then the scopes of what came last; in each the
 * scope, then its spans in their order.
 */
function split(body: Uint8Array, size: number): { count: number; body: Uint8Array }[] {
  const [resource, ...scopes] = readFields(readFields(body)[0]!.bytes!)
  const parts: { count: number; body: Uint8Array }[] = []
  let writer: ReverseWriter | undefined
  let count = 0
  const close = () => {
    if (writer === undefined) return
    writer.bytes(1, resource!.bytes!)
    writer.message(1, 0)
    parts.push({ count, body: writer.finish() })
    writer = undefined
    count = 0
  }
  for (let i = scopes.length - 1; i >= 0; i--) {
    const [scope, ...spans] = readFields(scopes[i]!.bytes!)
    for (let from = 0; from < spans.length; ) {
      writer ??= new ReverseWriter(Math.ceil((body.length * size) / Math.max(spans.length, size)) + SPARE_BYTES)
      const mark = writer.mark()
      const to = Math.min(from + size - count, spans.length)
      for (let j = to - 1; j >= from; j--) writer.bytes(2, spans[j]!.bytes!)
      writer.bytes(1, scope!.bytes!)
      writer.message(2, mark)
      count += to - from
      from = to
      if (count === size) close()
    }
  }
  close()
  return parts
}

/**
 *     Span { 1 bytes trace_id, 2 bytes span_id, 3 string trace_state, 4 bytes parent_span_id, 5 string name, 6 SpanKind kind,
 *            7 fixed64 start_time_unix_nano, 8 fixed64 end_time_unix_nano, 9 repeated KeyValue attributes,
 *            10 uint32 dropped_attributes_count, 11 repeated Event events, 12 uint32 dropped_events_count,
 *            13 repeated Link links, 14 uint32 dropped_links_count, 15 Status status, 16 fixed32 flags }
 *     Status { 2 string message, 3 StatusCode code }
 */
function writeSpan(writer: ReverseWriter, span: SpanData, written: readonly Written[]): void {
  writer.fixed32(16, spanFlags(span))
  const { status, links, events, traceState } = span
  if (status.code !== 0) {
    const mark = writer.mark()
    writer.uint32(3, status.code)
    if (status.message) writer.string(2, status.message)
    writer.message(15, mark)
  }
  if (span.droppedLinks > 0) writer.uint32(14, span.droppedLinks)
  for (let i = links.length - 1; i >= 0; i--) writeLink(writer, links[i]!)
  if (span.droppedEvents > 0) writer.uint32(12, span.droppedEvents)
  for (let i = events.length - 1; i >= 0; i--) writeEvent(writer, events[i]!)
  if (span.droppedAttributes > 0) writer.uint32(10, span.droppedAttributes)
  written[span.kind]!.write(writer, span.attributes)
  writer.nanos(8, span.endMicros)
  writer.nanos(7, span.startMicros)
  writer.uint32(6, span.kind + 1)
  writer.string(5, span.name)
  if (span.parentSpanId !== '') writer.hex(4, span.parentSpanId, 16)
  if (traceState !== '') writer.string(3, traceState)
  writer.hex(2, span.spanId, 16)
  writer.hex(1, span.traceId, 32)
}

/** `Event { 1 fixed64 time_unix_nano, 2 string name, 3 repeated KeyValue attributes, 4 uint32 dropped_attributes_count }` */
function writeEvent(writer: ReverseWriter, event: SpanEvent): void {
  const mark = writer.mark()
  if (event.droppedAttributes > 0) writer.uint32(4, event.droppedAttributes)
  writeAttributes(writer, 3, event.attributes)
  writer.string(2, event.name)
  writer.nanos(1, event.timeMicros)
  writer.message(11, mark)
}

/**
 *     Link { 1 bytes trace_id, 2 bytes span_id, 3 string trace_state, 4 repeated KeyValue attributes,
 *            5 uint32 dropped_attributes_count, 6 fixed32 flags }
 */
function writeLink(writer: ReverseWriter, link: SpanLink): void {
  const { context } = link
  const mark = writer.mark()
  writer.fixed32(6, linkFlags(context))
  if (link.droppedAttributes > 0) writer.uint32(5, link.droppedAttributes)
  writeAttributes(writer, 4, link.attributes)
  const traceState = context.traceState?.serialize() ?? ''
  if (traceState !== '') writer.string(3, traceState)
  writer.hex(2, context.spanId, 16)
  writer.hex(1, context.traceId, 32)
  writer.message(13, mark)
}

/**
 * The attributes of the last span of one kind, and where in the message they stand. Most of them are the same from one
 * request to the next: method, scheme, server, user agent. What is the same at the same place is copied, which costs a
 * fourth of encoding it again.
 */
class Written {
  private list: AttributeList = []
  /** The mark after each pair, and behind them the mark before the last pair, which was written first. */
  private marks: number[] = []
  private spare: number[] = []

  write(writer: ReverseWriter, list: AttributeList): void {
    const { list: before, marks: from, spare: marks } = this
    let pair = list.length >> 1
    marks[pair] = writer.mark()
    while (pair > 0) {
      let first = pair
      while (first > 0 && isSame(list, before, first * 2 - 2)) first--
      if (first < pair) {
        const shift = writer.mark() - from[pair]!
        writer.copy(from[pair]!, from[first]!)
        while (pair > first) {
          pair--
          marks[pair] = from[pair]! + shift
        }
      } else {
        pair--
        writeAttribute(writer, 9, list[pair * 2] as string, list[pair * 2 + 1] as AttributeValue)
        marks[pair] = writer.mark()
      }
    }
    this.list = list
    this.marks = marks
    this.spare = from
  }
}

/**
 * The pair at index `i` is the same in both, and will be: what is in an array may change. Texts are compared with texts and
 * numbers with numbers, each in a place of its own: where both occur V8 leaves compiled code for each comparison.
 */
function isSame(list: AttributeList, before: AttributeList, i: number): boolean {
  if (i >= before.length || list[i] !== before[i]) return false
  const value = list[i + 1]
  const other = before[i + 1]
  if (typeof value === 'string') return typeof other === 'string' && value === other
  // Zero and minus zero are equal, and are encoded as an integer and as a double.
  if (typeof value === 'number') return typeof other === 'number' && value === other && value !== 0
  return typeof value === 'boolean' && value === other
}

function writeAttributes(writer: ReverseWriter, field: number, list: AttributeList): void {
  for (let i = list.length - 2; i >= 0; i -= 2) {
    writeAttribute(writer, field, list[i] as string, list[i + 1] as AttributeValue)
  }
}

/** `KeyValue { 1 string key, 2 AnyValue value }` */
function writeAttribute(writer: ReverseWriter, field: number, key: string, value: AttributeValue): void {
  const mark = writer.mark()
  writeValue(writer, 2, value)
  writer.string(1, key)
  writer.message(field, mark)
}

/**
 *     AnyValue { 1 string, 2 bool, 3 int64, 4 double, 5 ArrayValue }, of which an empty one is null
 *     ArrayValue { 1 repeated AnyValue }
 */
function writeValue(writer: ReverseWriter, field: number, value: unknown, asDouble = false): void {
  const mark = writer.mark()
  if (typeof value === 'string') writer.string(1, value)
  else if (typeof value === 'number') {
    if (!asDouble && isInt64(value)) writer.int64(3, value)
    else writer.double(4, value)
  } else if (typeof value === 'boolean') writer.bool(2, value)
  else if (Array.isArray(value)) {
    const array = writer.mark()
    const doubles = hasDouble(value)
    for (let i = value.length - 1; i >= 0; i--) writeValue(writer, 1, value[i], doubles)
    writer.message(5, array)
  }
  writer.message(field, mark)
}
