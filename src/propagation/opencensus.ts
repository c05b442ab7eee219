import type { SpanContext, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { FLAG_SAMPLED } from '../trace/data'
import { withCaller } from './caller'
import type { HeaderFormat } from './contract'
import { ZERO_SPAN_ID, ZERO_TRACE_ID } from './hex'

const HEADER = 'grpc-trace-bin'
/** Fields beyond the third would be of a later version; base64 of some of them still fits. */
const MAX_LENGTH = 256

const TRACE_ID = 0
const SPAN_ID = 1
const OPTIONS = 2

/**
 * OpenCensus in gRPC metadata (OpenCensus specification, "BinaryEncoding").
 *
 *     byte 0       version, 0
 *     byte 1       0, then 16 bytes of trace id
 *     byte 18      1, then 8 bytes of span id
 *     byte 27      2, then 1 byte of options: bit 0 sampled
 *
 * Later fields may be missing. Without a span id only the trace is known, without options the sampler decides.
 *
 * Carriers hold it as base64, which is its form on the wire; a getter may also give the bytes, and a carrier that takes
 * nothing but bytes for `-bin` keys (a gRPC Metadata object) gets them.
 */
export const opencensus: HeaderFormat = {
  fields: [HEADER],

  extractSpan<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    const bytes = readBytes(getter.get(carrier, HEADER))
    if (bytes === undefined || bytes.length < 18 || bytes[0] !== 0 || bytes[1] !== TRACE_ID) return context
    const traceId = bytes.toString('hex', 2, 18)
    if (traceId === ZERO_TRACE_ID) return context
    if (bytes.length < 27 || bytes[18] !== SPAN_ID) return withCaller(context, traceId, undefined, undefined)
    const spanId = bytes.toString('hex', 19, 27)
    if (spanId === ZERO_SPAN_ID) return context
    const decided = bytes.length >= 29 && bytes[27] === OPTIONS
    return withCaller(context, traceId, spanId, decided ? ((bytes[28] as number) & FLAG_SAMPLED) !== 0 : undefined)
  },

  injectSpan<C>(span: SpanContext, _context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    const bytes = Buffer.alloc(29)
    bytes.write(span.traceId, 2, 'hex')
    bytes[18] = SPAN_ID
    bytes.write(span.spanId, 19, 'hex')
    bytes[27] = OPTIONS
    bytes[28] = span.traceFlags & FLAG_SAMPLED
    try {
      setter.set(carrier, HEADER, bytes.toString('base64'))
    } catch {
      setter.set(carrier, HEADER, bytes as unknown as string)
    }
  },
}

function readBytes(value: unknown): Buffer | undefined {
  const only = Array.isArray(value) && value.length === 1 ? value[0] : value
  if (only instanceof Uint8Array) return Buffer.from(only.buffer, only.byteOffset, only.byteLength)
  return typeof only === 'string' && only.length <= MAX_LENGTH ? Buffer.from(only, 'base64') : undefined
}
