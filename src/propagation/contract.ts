import type { SpanContext, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import type { AgentSpan } from '../trace/span'

/**
 * One way to write a span, or what travels beside it, into headers. The composite asks each of its formats; a format
 * knows nothing of the others, of trust, or of suppressed contexts.
 *
 * What a header says never makes a format throw: a value that is not valid is as if the header were missing.
 */
export interface HeaderFormat {
  /** Names of the headers that injection may write, in lower case. */
  readonly fields: readonly string[]
  /** `context` with the caller's span, or `context` itself when the carrier has no valid one. */
  extractSpan?<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext
  /** @param span of `context`, with valid ids */
  injectSpan?<C>(span: SpanContext, context: AgentContext, carrier: C, setter: TextMapSetter<C>): void
  /** What is read whichever format found the span: baggage, the caller's name. */
  extractBeside?<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext
  injectBeside?<C>(context: AgentContext, carrier: C, setter: TextMapSetter<C>): void
  /** Writes into the response what the caller asked for. */
  answer?<C>(context: AgentContext, span: AgentSpan, carrier: C, setter: TextMapSetter<C>): void
}
