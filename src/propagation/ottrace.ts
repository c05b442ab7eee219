import type { SpanContext, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { FLAG_SAMPLED } from '../trace/data'
import { withCaller } from './caller'
import type { HeaderFormat } from './contract'
import { isFieldText, onlyValue, trimOws } from './header'
import { paddedId, ZERO_SPAN_ID } from './hex'
import { allIn, TOKEN } from './percent'
import { extractPrefixed, injectPrefixed } from './prefixed'

const TRACE_ID = 'ot-tracer-traceid'
const SPAN_ID = 'ot-tracer-spanid'
const SAMPLED = 'ot-tracer-sampled'
const PREFIX = 'ot-baggage-'

/**
 * The headers of OpenTracing's basic tracers and of LightStep.
 *
 *     ot-tracer-traceid: {16 hex}      the right half of our trace ids; 32 digits are read as well
 *     ot-tracer-spanid: {16 hex}
 *     ot-tracer-sampled: true | false  (`1` and `0` are read as well); missing: the receiver decides
 *     ot-baggage-{key}: {value}        neither is encoded; what a header cannot hold is left out
 */
export const ottrace: HeaderFormat = {
  fields: [TRACE_ID, SPAN_ID, SAMPLED],

  extractSpan<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    const traceText = onlyValue(getter.get(carrier, TRACE_ID))
    const spanText = onlyValue(getter.get(carrier, SPAN_ID))
    if (traceText === undefined || spanText === undefined) return context
    const traceId = paddedId(trimOws(traceText), 32)
    const spanId = paddedId(trimOws(spanText), 16)
    if (traceId === undefined || spanId === undefined) return context
    const sampled = getter.get(carrier, SAMPLED)
    if (sampled === undefined) return withCaller(context, traceId, spanId, undefined)
    const text = onlyValue(sampled)
    return withCaller(context, traceId, spanId, text === 'true' || text === '1')
  },

  injectSpan<C>(span: SpanContext, _context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    const half = span.traceId.slice(16)
    if (half === ZERO_SPAN_ID) return
    setter.set(carrier, TRACE_ID, half)
    setter.set(carrier, SPAN_ID, span.spanId)
    setter.set(carrier, SAMPLED, span.traceFlags & FLAG_SAMPLED ? 'true' : 'false')
  },

  extractBeside<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    return extractPrefixed(context, carrier, getter, PREFIX, asItIs)
  },

  injectBeside<C>(context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    injectPrefixed(context, carrier, setter, PREFIX, carriable)
  },
}

function asItIs(text: string): string {
  return text
}

function carriable(text: string, isName: boolean): string | undefined {
  return (isName ? allIn(text, TOKEN) : isFieldText(text)) ? text : undefined
}
