import type { SpanContext, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { FLAG_SAMPLED } from '../trace/data'
import type { AgentSpan } from '../trace/span'
import { sampledOf, withCaller } from './caller'
import type { HeaderFormat } from './contract'
import { onlyValue, trimOws } from './header'
import { isLowerHex, paddedId } from './hex'

const HEADER = 'x-amzn-trace-id'
/** AWS allows 500 characters; more are read, but not without end. */
const MAX_LENGTH = 4096
const MAX_LINEAGE = 256
const DASH = 0x2d

/** Context value: the caller sent `Sampled=?` and waits for the decision in the response. */
const ASKED = Symbol.for('tracing-agent xray asked')
/** Context value: the request's path through Lambda functions, by which AWS stops loops. It must go on as it came. */
const LINEAGE = Symbol.for('tracing-agent xray lineage')

/**
 * AWS X-Ray (developer guide, "Tracing header").
 *
 *     X-Amzn-Trace-Id: Root=1-{8 hex seconds}-{24 hex};Parent={16 hex};Sampled={1|0|?};Lineage={…};Self={…};{custom}={…}
 *
 * In any order. Load balancers send `Root` alone, or with their own id as `Self`: then a root span begins with that trace
 * id. Without `Sampled`, or with `?`, the sampler decides, and the answer to `?` is a response header. A trace id that stands
 * there by itself is taken as `Root`.
 */
export const xray: HeaderFormat = {
  fields: [HEADER],

  extractSpan<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    const header = onlyValue(getter.get(carrier, HEADER))
    return header === undefined ? context : readHeader(context, header)
  },

  injectSpan<C>(span: SpanContext, context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    const sampled = sampledOf(context, span)
    let header = `Root=${root(span.traceId)};Parent=${span.spanId}`
    if (sampled !== undefined) header += sampled ? ';Sampled=1' : ';Sampled=0'
    const lineage = context.getValue(LINEAGE)
    if (lineage !== undefined) header += `;Lineage=${lineage}`
    setter.set(carrier, HEADER, header)
  },

  answer<C>(context: AgentContext, span: AgentSpan, carrier: C, setter: TextMapSetter<C>): void {
    if (context.getValue(ASKED) !== true) return
    const { traceId, traceFlags } = span.spanContext()
    setter.set(carrier, HEADER, `Root=${root(traceId)};Sampled=${traceFlags & FLAG_SAMPLED ? 1 : 0}`)
  },
}

/**
 * As `xray`, but in a Lambda function the span of the invocation comes first: the runtime gives it in a variable.
 *
 * @param traceHeader the variable's value now
 */
export function xrayLambda(traceHeader: () => string | undefined): HeaderFormat {
  return {
    ...xray,
    extractSpan<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
      const header = traceHeader()
      const found = header === undefined ? context : readHeader(context, header)
      return found === context ? xray.extractSpan!(context, carrier, getter) : found
    },
  }
}

function root(traceId: string): string {
  return `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`
}

function readHeader(context: AgentContext, header: string): AgentContext {
  if (header.length > MAX_LENGTH) return context
  let traceId: string | undefined
  let parentId: string | undefined
  let sampled = ''
  let lineage = ''
  for (const part of header.split(';')) {
    const equals = part.indexOf('=')
    if (equals === -1) {
      traceId ??= readTraceId(trimOws(part))
      continue
    }
    const value = trimOws(part.slice(equals + 1))
    switch (trimOws(part.slice(0, equals)).toLowerCase()) {
      case 'root':
        traceId ??= readTraceId(value)
        break
      case 'parent':
        parentId ??= value.length === 16 ? paddedId(value, 16) : undefined
        break
      case 'sampled':
        sampled = value
        break
      case 'lineage':
        lineage = value
        break
      // Self is the load balancer's own; other keys are the program's.
    }
  }
  if (traceId === undefined) return context
  let found = context
  if (sampled === '?') found = found.setValue(ASKED, true)
  if (isLineage(lineage)) found = found.setValue(LINEAGE, lineage)
  return withCaller(found, traceId, parentId, sampled === '1' ? true : sampled === '0' ? false : undefined)
}

function readTraceId(text: string): string | undefined {
  if (text.length !== 35 || !text.startsWith('1-') || text.charCodeAt(10) !== DASH) return undefined
  return paddedId(text.slice(2, 10) + text.slice(11), 32)
}

/** Such as `a87bd80c:1|68fd508a:5`; what AWS may add to it is not ours to judge, as long as it stays within its field. */
function isLineage(text: string): boolean {
  if (text === '' || text.length > MAX_LINEAGE) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const punctuation = code === 0x3a || code === 0x7c || code === DASH || code === 0x2e || code === 0x5f
    if (!punctuation && !isLowerHex(text, i, i + 1) && !isLetter(code)) return false
  }
  return true
}

function isLetter(code: number): boolean {
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x7a
}
