/**
 * OTLP in JSON: the proto3 JSON mapping of `ExportTraceServiceRequest` with the exceptions of the OTLP specification
 * ("JSON Protobuf Encoding"): ids in hex, enums as integers, 64-bit integers as decimal text.
 *
 *     {"resourceSpans":[{"resource":{"attributes":[…]},"scopeSpans":[{"scope":{"name":"…","version":"…"},"spans":[…]}]}]}
 *
 * One line of text: JSON escapes line ends, so a message is also one line of the OTLP file format (`TracesData`).
 */
import type { AttributeList, Resource, SpanData, SpanEvent, SpanLink } from '../../trace/data'
import type { Encoding } from '../contract'
import { groupByScope, hasDouble, isInt64, linkFlags, readError, readReply, spanFlags } from './otlp'
import { GrowingText } from './text'

export const otlpJson: Encoding = {
  mediaType: 'application/json',
  maxSpans: Infinity,
  encode: (batch, resource) => encode(batch, resource, ''),
  readReply,
  readError,
}

/** One message a line: the OTLP file format. */
export const otlpJsonLines: Encoding = {
  mediaType: 'application/jsonl',
  maxSpans: Infinity,
  encode: (batch, resource) => encode(batch, resource, '\n'),
}

function* encode(batch: readonly SpanData[], resource: Resource, end: string): Generator<void, Uint8Array> {
  const text = new GrowingText()
  text.add(`{"resourceSpans":[{"resource":{${attributesMember(resource.attributes)}},"scopeSpans":[`)
  let scopes = ''
  for (const { name, version, spans } of groupByScope(batch)) {
    let members = name === '' ? '' : `"name":${quote(name)}`
    if (version !== '') members += `${members && ','}"version":${quote(version)}`
    text.add(`${scopes}{"scope":{${members}},"spans":[`)
    scopes = ','
    for (let i = 0; i < spans.length; i++) {
      if (i > 0) text.add(',')
      text.add(spanObject(spans[i]!))
      yield
    }
    text.add(']}')
  }
  text.add(`]}]}${end}`)
  return text.bytes()
}

function spanObject(span: SpanData): string {
  const { traceState, parentSpanId, status, events, links } = span
  let text = `{"traceId":${quote(span.traceId)},"spanId":${quote(span.spanId)}`
  if (traceState !== '') text += `,"traceState":${quote(traceState)}`
  if (parentSpanId !== '') text += `,"parentSpanId":${quote(parentSpanId)}`
  text += `,"flags":${spanFlags(span)},"name":${quote(span.name)},"kind":${span.kind + 1}`
  text += `,"startTimeUnixNano":"${nanos(span.startMicros)}","endTimeUnixNano":"${nanos(span.endMicros)}"`
  if (span.attributes.length > 0) text += `,${attributesMember(span.attributes)}`
  if (span.droppedAttributes > 0) text += `,"droppedAttributesCount":${span.droppedAttributes}`
  if (events.length > 0) text += `,"events":[${events.map(eventObject).join()}]`
  if (span.droppedEvents > 0) text += `,"droppedEventsCount":${span.droppedEvents}`
  if (links.length > 0) text += `,"links":[${links.map(linkObject).join()}]`
  if (span.droppedLinks > 0) text += `,"droppedLinksCount":${span.droppedLinks}`
  if (status.code !== 0) {
    text += `,"status":{"code":${status.code}${status.message ? `,"message":${quote(status.message)}` : ''}}`
  }
  return text + '}'
}

function eventObject(event: SpanEvent): string {
  let text = `{"timeUnixNano":"${nanos(event.timeMicros)}","name":${quote(event.name)}`
  if (event.attributes.length > 0) text += `,${attributesMember(event.attributes)}`
  if (event.droppedAttributes > 0) text += `,"droppedAttributesCount":${event.droppedAttributes}`
  return text + '}'
}

function linkObject({ context, attributes, droppedAttributes }: SpanLink): string {
  const traceState = context.traceState?.serialize() ?? ''
  let text = `{"traceId":${quote(hexId(context.traceId, 32))},"spanId":${quote(hexId(context.spanId, 16))}`
  if (traceState !== '') text += `,"traceState":${quote(traceState)}`
  if (attributes.length > 0) text += `,${attributesMember(attributes)}`
  if (droppedAttributes > 0) text += `,"droppedAttributesCount":${droppedAttributes}`
  return `${text},"flags":${linkFlags(context)}}`
}

function attributesMember(list: AttributeList): string {
  let text = '"attributes":['
  for (let i = 0; i < list.length; i += 2) {
    text += `${i > 0 ? ',' : ''}{"key":${quote(list[i] as string)},"value":${valueObject(list[i + 1], false)}}`
  }
  return text + ']'
}

/** An AnyValue; an empty one is null. */
function valueObject(value: unknown, asDouble: boolean): string {
  if (typeof value === 'string') return `{"stringValue":${quote(value)}}`
  if (typeof value === 'number') {
    if (!asDouble && isInt64(value)) return `{"intValue":"${integer(value)}"}`
    return `{"doubleValue":${double(value)}}`
  }
  if (typeof value === 'boolean') return `{"boolValue":${value}}`
  if (!Array.isArray(value)) return '{}'
  const doubles = hasDouble(value)
  return `{"arrayValue":{"values":[${value.map(item => valueObject(item, doubles)).join()}]}}`
}

/** Decimal digits without an exponent. */
function integer(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : String(BigInt(value))
}

/** What JSON has no number for is text in the proto3 mapping; `String(-0)` would lose the sign. */
function double(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`
  return Object.is(value, -0) ? '-0.0' : String(value)
}

/** Microseconds as nanoseconds in decimal digits: more than a double holds exactly, so the fraction is apart. */
function nanos(micros: number): string {
  if (!(micros > 0)) return '0'
  if (micros * 1000 >= 2 ** 64) return '18446744073709551615'
  let whole = Math.floor(micros)
  let fraction = Math.round((micros - whole) * 1000)
  if (fraction === 1000) {
    whole++
    fraction = 0
  }
  return whole === 0 ? String(fraction) : `${integer(whole)}${String(fraction).padStart(3, '0')}`
}

/** An id that a program made by hand; what is none becomes empty, as in protobuf. */
function hexId(id: string, digits: number): string {
  return typeof id === 'string' && id.length === digits && /^[0-9a-fA-F]+$/.test(id) ? id.toLowerCase() : ''
}

/** Text that stands in JSON as it is. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/**
 * JSON text. Most texts are short and plain, and then to look costs less than a call of JSON.stringify. It escapes half a
 * surrogate pair, which parsers of UTF-8 refuse: that becomes U+FFFD.
 */
function quote(text: string): string {
  if (text.length < 100 && PLAIN.test(text)) return `"${text}"`
  return JSON.stringify(text.isWellFormed() ? text : text.toWellFormed())
}
