import type { SpanContext } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { FLAG_SAMPLED } from '../trace/data'
import { NonRecordingSpan } from '../trace/nonrecording'
import { ZERO_SPAN_ID, ZERO_TRACE_ID } from './hex'

/** What a caller said about sampling; undefined: it leaves the decision to us. */
export type Sampled = boolean | undefined

/** `context` with a caller's span; without a span id only its trace is known, without a trace id only its decision. */
export function withCaller(
  context: AgentContext,
  traceId: string | undefined,
  spanId: string | undefined,
  sampled: Sampled,
): AgentContext {
  const caller: SpanContext = {
    traceId: traceId ?? ZERO_TRACE_ID,
    spanId: spanId ?? ZERO_SPAN_ID,
    traceFlags: sampled ? FLAG_SAMPLED : 0,
    traceState: undefined,
    isRemote: true,
  }
  const relation = traceId === undefined ? 'flags' : spanId === undefined ? 'trace' : 'parent'
  return context.withSpan(new NonRecordingSpan(caller, relation, sampled !== undefined))
}

/** How the span of `context` was decided. Undefined for a caller's span that goes on as it came, not decided by anybody. */
export function sampledOf(context: AgentContext, span: SpanContext): Sampled {
  const active = context.span
  if (active instanceof NonRecordingSpan && !active.decided) return undefined
  return (span.traceFlags & FLAG_SAMPLED) !== 0
}
