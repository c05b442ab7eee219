/**
 * What the two encodings of OTLP share: grouping, flags, kinds of numbers, and the answers of the other side.
 * https://opentelemetry.io/docs/specs/otlp/
 */
import type { SpanContext } from '@opentelemetry/api'
import type { Scope, SpanData } from '../../trace/data'
import type { Verdict } from '../contract'
import { type Field, readFields } from '../protobuf'

export interface ScopeGroup {
  readonly name: string
  readonly version: string
  readonly spans: SpanData[]
}

/** The spans by scope, scopes in order of appearance. Two scope objects of equal name and version are one scope. */
export function groupByScope(batch: readonly SpanData[]): ScopeGroup[] {
  const groups: ScopeGroup[] = []
  const byObject = new Map<Scope, ScopeGroup>()
  let last: Scope | undefined
  let group: ScopeGroup | undefined
  for (let i = 0; i < batch.length; i++) {
    const span = batch[i]!
    const { scope } = span
    if (scope !== last) group = byObject.get(scope)
    last = scope
    if (group === undefined) {
      group = groups.find(({ name, version }) => name === scope.name && version === scope.version)
      if (group === undefined) {
        group = { name: scope.name, version: scope.version, spans: [] }
        groups.push(group)
      }
      byObject.set(scope, group)
    }
    group.spans.push(span)
  }
  return groups
}

const OPENING_BRACE = 0x7b

/** Bits of `flags` above the eight of W3C (enum SpanFlags of trace.proto). */
const HAS_IS_REMOTE = 0x100
const IS_REMOTE = 0x200

export function spanFlags(span: SpanData): number {
  return (span.flags & 0xff) | HAS_IS_REMOTE | (span.parentIsRemote ? IS_REMOTE : 0)
}

/** A context that an application made by hand need not say whether it is remote. */
export function linkFlags(context: SpanContext): number {
  const flags = context.traceFlags & 0xff
  return context.isRemote === undefined ? flags : flags | HAS_IS_REMOTE | (context.isRemote ? IS_REMOTE : 0)
}

/** An integer that `int64` holds. Minus zero is no integer: it would lose its sign. */
export function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63 && !Object.is(value, -0)
}

/** The numbers of an array are all integers or all doubles: an attribute array has one type. */
export function hasDouble(values: readonly unknown[]): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value === 'number' && !isInt64(value)) return true
  }
  return false
}

/**
 *     ExportTraceServiceResponse  { 1 ExportTracePartialSuccess partial_success }
 *     ExportTracePartialSuccess   { 1 int64 rejected_spans, 2 string error_message }
 */
export function readReply(body: Uint8Array, mediaType: string): Verdict | undefined {
  try {
    // Some servers leave the type out.
    if (mediaType === 'application/json' || (mediaType === '' && body[0] === OPENING_BRACE)) {
      const reply = JSON.parse(Buffer.from(body).toString())
      if (typeof reply !== 'object' || reply === null || Array.isArray(reply)) return undefined
      const partial = reply.partialSuccess ?? reply.partial_success
      const rejected = Number(partial?.rejectedSpans ?? partial?.rejected_spans) || 0
      return {
        rejectedSpans: Math.max(rejected, 0),
        message: String(partial?.errorMessage ?? partial?.error_message ?? ''),
      }
    }
    if (mediaType !== 'application/x-protobuf' && mediaType !== '') return undefined
    const partial = find(readFields(body), 1)?.bytes
    if (partial === undefined) return { rejectedSpans: 0, message: '' }
    const fields = readFields(partial)
    return { rejectedSpans: Math.max(find(fields, 1)?.value ?? 0, 0), message: text(find(fields, 2)) }
  } catch {
    return undefined
  }
}

/** The message of a `google.rpc.Status { 1 int32 code, 2 string message, 3 repeated Any details }`, or nothing. */
export function readError(body: Uint8Array, mediaType: string): string {
  try {
    if (mediaType === 'application/json') return String(JSON.parse(Buffer.from(body).toString()).message ?? '')
    return mediaType === 'application/x-protobuf' ? text(find(readFields(body), 2)) : ''
  } catch {
    return ''
  }
}

/** Of a field that should stand once the last one counts. */
function find(fields: readonly Field[], number: number): Field | undefined {
  return fields.findLast(field => field.number === number)
}

function text(field: Field | undefined): string {
  return field?.bytes === undefined ? '' : Buffer.from(field.bytes).toString()
}
