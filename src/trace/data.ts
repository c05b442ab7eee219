import type { Attributes, AttributeValue, SpanContext } from '@opentelemetry/api'

/**
 * Attributes as one flat list: key, value, key, value… A key stands in it once.
 *
 * A list and not an object: it keeps its order and its shape whatever the keys are, a key called `__proto__` is a key
 * like any other, and encoders walk it without a lookup.
 */
export type AttributeList = (string | AttributeValue)[]

/** Values of `SpanData.kind`: the numbers of `SpanKind` in @opentelemetry/api (OTLP adds one). */
export const INTERNAL = 0
export const SERVER = 1
export const CLIENT = 2
export const PRODUCER = 3
export const CONSUMER = 4
export type Kind = 0 | 1 | 2 | 3 | 4

/** Values of `SpanStatus.code`: the numbers of `SpanStatusCode` in @opentelemetry/api, which are those of OTLP. */
export const UNSET = 0
export const OK = 1
export const ERROR = 2
export type StatusCode = 0 | 1 | 2

/** Bit of `SpanData.flags`: W3C Trace Context, section "trace-flags". */
export const FLAG_SAMPLED = 1
/** Bit of `SpanData.flags`: the right-most seven bytes of the trace id are random (W3C Trace Context level 2). */
export const FLAG_RANDOM = 2

export interface SpanStatus {
  readonly code: StatusCode
  readonly message?: string
}

export interface SpanEvent {
  readonly name: string
  /** Microseconds since the epoch. */
  readonly timeMicros: number
  readonly attributes: AttributeList
  readonly droppedAttributes: number
}

export interface SpanLink {
  readonly context: SpanContext
  readonly attributes: AttributeList
  readonly droppedAttributes: number
}

/** Who made a span: an instrumentation (`tracing-agent/http`) or a tracer that the program asked for. */
export interface Scope {
  readonly name: string
  readonly version: string
}

/**
 * What an exporter reads of a finished span: the span itself, seen read-only.
 * Ids are lower-case hex (32 and 16 digits), times are microseconds since the epoch with a fraction.
 */
export interface SpanData {
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root span. */
  readonly parentSpanId: string
  /** The parent's context arrived from another process. */
  readonly parentIsRemote: boolean
  /** W3C trace flags, 8 bits. */
  readonly flags: number
  /** The `tracestate` header value, empty when there is none. */
  readonly traceState: string
  readonly name: string
  readonly kind: Kind
  readonly startMicros: number
  readonly endMicros: number
  readonly attributes: AttributeList
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
  readonly status: SpanStatus
  readonly scope: Scope
  readonly droppedAttributes: number
  readonly droppedEvents: number
  readonly droppedLinks: number
}

/** Where `span.end()` puts a sampled span. It runs on the application's stack: push and return. */
export interface SpanSink {
  push(span: SpanData): void
}

/** Who produced the spans of this process (OpenTelemetry Resource). One object a process; never changed after export began. */
export interface Resource {
  readonly attributes: AttributeList
  /**
   * Begins to ask for what takes time (cloud metadata) and resolves, within a bound, when `attributes` is final; it never
   * rejects. Undefined: it is final already. An exporter awaits it before it encodes for the first time.
   */
  ready?(): Promise<void> | undefined
}

/** The value of `key` in a flat attribute list, or undefined. */
export function getAttribute(list: AttributeList, key: string): AttributeValue | undefined {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === key) return list[i + 1] as AttributeValue
  }
  return undefined
}

/** A flat attribute list as an object without prototype. Not for the hot path. */
export function toObject(list: AttributeList): Attributes {
  const object: Attributes = Object.create(null)
  for (let i = 0; i < list.length; i += 2) object[list[i] as string] = list[i + 1] as AttributeValue
  return object
}
