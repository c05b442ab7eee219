import type { SpanContext, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { type Sampled, sampledOf, withCaller } from './caller'
import type { HeaderFormat } from './contract'
import { isDebug, withDebug } from './debug'
import { onlyValue, trimOws } from './header'
import { paddedId } from './hex'

const SINGLE = 'b3'
const TRACE_ID = 'x-b3-traceid'
const SPAN_ID = 'x-b3-spanid'
const PARENT_SPAN_ID = 'x-b3-parentspanid'
const SAMPLED = 'x-b3-sampled'
const FLAGS = 'x-b3-flags'

/**
 * Zipkin's B3 in one header. Reading takes both forms, the single header first (OpenTelemetry, "B3 Requirements").
 *
 *     b3: {16 or 32 hex trace id}-{16 hex span id}[-{1|0|d}[-{16 hex parent span id}]]
 *     b3: {1|0|d}
 *
 * No sampling state leaves the decision to the receiver; `d` (debug) means sampled, and goes on as such.
 */
export const b3: HeaderFormat = {
  fields: [SINGLE],
  extractSpan,

  injectSpan<C>(span: SpanContext, context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    const sampled = sampledOf(context, span)
    const state = isDebug(context) ? '-d' : sampled === undefined ? '' : sampled ? '-1' : '-0'
    setter.set(carrier, SINGLE, `${span.traceId}-${span.spanId}${state}`)
  },
}

/**
 * Zipkin's B3 in several headers: X-B3-TraceId, X-B3-SpanId, X-B3-Sampled (`1` or `0`) or X-B3-Flags (`1`: debug).
 * X-B3-ParentSpanId is not written: a span here is never shared with the caller's.
 */
export const b3multi: HeaderFormat = {
  fields: [TRACE_ID, SPAN_ID, SAMPLED, FLAGS, PARENT_SPAN_ID],
  extractSpan,

  injectSpan<C>(span: SpanContext, context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    setter.set(carrier, TRACE_ID, span.traceId)
    setter.set(carrier, SPAN_ID, span.spanId)
    const sampled = sampledOf(context, span)
    if (isDebug(context)) setter.set(carrier, FLAGS, '1')
    else if (sampled !== undefined) setter.set(carrier, SAMPLED, sampled ? '1' : '0')
  },
}

function extractSpan<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
  const single = onlyValue(getter.get(carrier, SINGLE))
  if (single !== undefined) {
    const found = readSingle(context, trimOws(single))
    if (found !== context) return found
  }
  return readMultiple(context, carrier, getter)
}

function readSingle(context: AgentContext, header: string): AgentContext {
  if (header.length === 1) {
    return header === 'd' || header === '0' || header === '1'
      ? found(context, undefined, undefined, header !== '0', header === 'd')
      : context
  }
  // 32 + 1 + 16 + 1 + 1 + 1 + 16
  if (header.length > 68) return context
  const parts = header.split('-')
  const [traceId, spanId, state, parentSpanId] = parts as [string, string | undefined, string?, string?]
  if (parts.length > 4 || spanId?.length !== 16 || (traceId.length !== 16 && traceId.length !== 32)) return context
  if (state !== undefined && state !== '0' && state !== '1' && state !== 'd') return context
  if (parentSpanId !== undefined && (parentSpanId.length !== 16 || paddedId(parentSpanId, 16) === undefined)) {
    return context
  }
  const trace = paddedId(traceId, 32)
  const span = paddedId(spanId, 16)
  if (trace === undefined || span === undefined) return context
  return found(context, trace, span, state === undefined ? undefined : state !== '0', state === 'd')
}

function readMultiple<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
  const traceId = getter.get(carrier, TRACE_ID)
  const spanId = getter.get(carrier, SPAN_ID)
  const debug = onlyValue(getter.get(carrier, FLAGS)) === '1'
  const state = onlyValue(getter.get(carrier, SAMPLED))
  const sampled = debug ? true : state === undefined ? undefined : readSampled(state)
  if (state !== undefined && sampled === undefined) return context
  if (traceId === undefined && spanId === undefined) {
    return sampled === undefined ? context : found(context, undefined, undefined, sampled, debug)
  }
  const trace = paddedId(trimOws(onlyValue(traceId) ?? ''), 32)
  const span = paddedId(trimOws(onlyValue(spanId) ?? ''), 16)
  return trace === undefined || span === undefined ? context : found(context, trace, span, sampled, debug)
}

/** `true` and `false` come from tracers before B3 said `1` and `0`. */
function readSampled(state: string): Sampled {
  switch (state) {
    case '1':
    case 'true':
    case 'True':
      return true
    case '0':
    case 'false':
    case 'False':
      return false
    default:
      return undefined
  }
}

function found(
  context: AgentContext,
  traceId: string | undefined,
  spanId: string | undefined,
  sampled: Sampled,
  debug: boolean,
): AgentContext {
  return withCaller(debug ? withDebug(context) : context, traceId, spanId, sampled)
}
