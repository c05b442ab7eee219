import type { SpanContext, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { FLAG_RANDOM, FLAG_SAMPLED } from '../trace/data'
import { NonRecordingSpan } from '../trace/nonrecording'
import type { HeaderFormat } from './contract'
import { isFieldText, joinedValue, onlyValue, trimOws } from './header'
import { hexDigit, isLowerHex, ZERO_SPAN_ID, ZERO_TRACE_ID } from './hex'
import { HeaderTraceState } from './tracestate'

const TRACEPARENT = 'traceparent'
const TRACESTATE = 'tracestate'
const DASH = 0x2d
/** Flags that are defined; all others MUST be sent as zero. */
const FLAGS = FLAG_SAMPLED | FLAG_RANDOM
const LENGTH = 55

/**
 * W3C Trace Context level 2.
 *
 *     traceparent: 00-{32 hex trace id}-{16 hex parent id}-{2 hex flags}
 *
 * Lower case only; ids of zeros are invalid; version `ff` is invalid. A higher version is read by its first four fields,
 * which end there or go on with a dash. Two traceparent headers are none.
 */
export const traceContext: HeaderFormat = {
  fields: [TRACEPARENT, TRACESTATE],

  extractSpan<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    let header = onlyValue(getter.get(carrier, TRACEPARENT))
    if (header === undefined) return context
    if (header.length !== LENGTH || header.charCodeAt(2) !== DASH) header = trimOws(header)
    if (!isTraceparent(header)) return context
    const traceId = header.slice(3, 35)
    const spanId = header.slice(36, 52)
    if (traceId === ZERO_TRACE_ID || spanId === ZERO_SPAN_ID) return context
    const state = joinedValue(getter.get(carrier, TRACESTATE))
    const caller: SpanContext = {
      traceId,
      spanId,
      traceFlags: hexDigit(header.charCodeAt(54)) & FLAGS,
      traceState: state === undefined ? undefined : HeaderTraceState.fromHeader(state),
      isRemote: true,
    }
    return context.withSpan(new NonRecordingSpan(caller))
  },

  injectSpan<C>(span: SpanContext, _context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    setter.set(carrier, TRACEPARENT, `00-${span.traceId}-${span.spanId}-0${span.traceFlags & FLAGS}`)
    const state = span.traceState
    if (state === undefined || state === null) return
    const text = state.serialize()
    if (text === '' || (!(state instanceof HeaderTraceState) && !isFieldText(text))) return
    setter.set(carrier, TRACESTATE, text)
  },
}

function isTraceparent(header: string): boolean {
  if (header.length < LENGTH) return false
  if (header.charCodeAt(2) !== DASH || header.charCodeAt(35) !== DASH || header.charCodeAt(52) !== DASH) return false
  if (header.length > LENGTH && (header.startsWith('00') || header.charCodeAt(LENGTH) !== DASH)) return false
  if (header.startsWith('ff')) return false
  return (
    isLowerHex(header, 0, 2) && isLowerHex(header, 3, 35) && isLowerHex(header, 36, 52) && isLowerHex(header, 53, 55)
  )
}
