import type { BaggageEntry, SpanContext, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { DEBUG_ID } from '../trace/tracer'
import { withCaller } from './caller'
import type { HeaderFormat } from './contract'
import { isDebug, withDebug } from './debug'
import { AgentBaggage } from './entries'
import { joinedValue, onlyValue, trimOws } from './header'
import { isLowerHex, paddedId } from './hex'
import { decodePercent, encodePercent, TOKEN } from './percent'
import { extractPrefixed, injectPrefixed } from './prefixed'

const TRACE = 'uber-trace-id'
const DEBUG_HEADER = 'jaeger-debug-id'
const BAGGAGE = 'jaeger-baggage'
const PREFIX = 'uberctx-'

const SAMPLED = 1
const DEBUG = 2

/** 32 + 16 + 16 digits, 2 of flags and 3 colons, each of which may have been sent as `%3A`. */
const MAX_LENGTH = 75
/** More pairs than this in `jaeger-baggage` nobody types by hand, which is what that header is for. */
const MAX_PAIRS = 180

/**
 * Jaeger's own headers (Jaeger client libraries, "Propagation Format").
 *
 *     uber-trace-id: {trace id}:{span id}:{parent span id, or 0}:{flags}    hex; leading zeros may be missing; may be URL-encoded
 *     uberctx-{key}: {URL-encoded value}                                     baggage
 *     jaeger-debug-id: {text}          begins a trace that is sampled and has this text as an attribute
 *     jaeger-baggage: k=v, k2=v2       baggage typed by hand; read, never written
 *
 * Flags: 1 sampled, 2 debug (which means sampled, and goes on), 8 firehose.
 */
export const jaeger: HeaderFormat = {
  fields: [TRACE],

  extractSpan<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    const header = onlyValue(getter.get(carrier, TRACE))
    const found = header === undefined ? context : readTrace(context, trimOws(header))
    if (found !== context) return found
    const debugId = onlyValue(getter.get(carrier, DEBUG_HEADER))
    if (debugId === undefined || debugId === '') return context
    return withCaller(withDebug(context).setValue(DEBUG_ID, decodePercent(debugId)), undefined, undefined, true)
  },

  injectSpan<C>(span: SpanContext, context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    const flags = (span.traceFlags & SAMPLED) | (isDebug(context) ? SAMPLED | DEBUG : 0)
    setter.set(carrier, TRACE, `${span.traceId}:${span.spanId}:0:0${flags}`)
  },

  extractBeside<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    const pairs = joinedValue(getter.get(carrier, BAGGAGE))
    const typed = pairs === undefined ? context : readPairs(context, pairs)
    return extractPrefixed(typed, carrier, getter, PREFIX, decodePercent)
  },

  injectBeside<C>(context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    injectPrefixed(context, carrier, setter, PREFIX, encode)
  },
}

/** 1 for the characters that `encodeURIComponent` leaves: what Jaeger's clients write and every one of them reads. */
const UNRESERVED = TOKEN.slice()
for (const character of '#$&+^`|') UNRESERVED[character.charCodeAt(0)] = 0
for (const character of '()') UNRESERVED[character.charCodeAt(0)] = 1

function encode(text: string, isName: boolean): string {
  return encodePercent(text, isName ? TOKEN : UNRESERVED)
}

function readTrace(context: AgentContext, header: string): AgentContext {
  if (header.length > MAX_LENGTH) return context
  const parts = decodePercent(header).split(':')
  if (parts.length !== 4) return context
  const traceId = paddedId(parts[0] as string, 32)
  const spanId = paddedId(parts[1] as string, 16)
  const digits = (parts[3] as string).toLowerCase()
  if (traceId === undefined || spanId === undefined || !isHex(parts[2] as string, 16)) return context
  if (digits === '' || !isHex(digits, 2)) return context
  const flags = Number.parseInt(digits, 16)
  const debug = (flags & DEBUG) !== 0
  return withCaller(debug ? withDebug(context) : context, traceId, spanId, debug || (flags & SAMPLED) !== 0)
}

function isHex(text: string, maxDigits: number): boolean {
  return text.length <= maxDigits && isLowerHex(text.toLowerCase(), 0, text.length)
}

function readPairs(context: AgentContext, header: string): AgentContext {
  const entries = new Map<string, BaggageEntry>()
  for (const pair of header.split(',', MAX_PAIRS)) {
    const equals = pair.indexOf('=')
    const key = equals === -1 ? '' : decodePercent(trimOws(pair.slice(0, equals)))
    if (key !== '') entries.set(key, { value: decodePercent(trimOws(pair.slice(equals + 1))) })
  }
  return entries.size === 0 ? context : context.withBaggage(AgentBaggage.merge(context.baggage, entries))
}
