import type { Span as ApiSpan, Context, SpanOptions, Tracer, TracerProvider } from '@opentelemetry/api'
import { type AgentContext, activeContext, runInContext, SHADOWED, toAgentContext } from './context'
import { NonRecordingSpan } from './nonrecording'
import type { AgentSpan } from './span'

const INVALID: AgentSpan = new NonRecordingSpan({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 })

/**
 * Makes no spans and changes no trace: what it starts stands for the span above it, so that propagators carry the caller's
 * headers on as they came (OpenTelemetry API, "Behavior of the API in the absence of an installed SDK").
 */
export class PassThroughTracer implements Tracer {
  start(_name: string, _kind: number, parent: AgentContext): AgentSpan {
    const { span } = parent
    if (span === undefined) return INVALID
    return span instanceof NonRecordingSpan ? span : new NonRecordingSpan(span.spanContext())
  }

  startSpan(_name: string, options?: SpanOptions, context?: Context): ApiSpan {
    const given = context === undefined ? activeContext() : toAgentContext(context)
    return options?.root ? INVALID : this.start('', 0, given)
  }

  startActiveSpan<F extends (span: ApiSpan) => unknown>(_name: string, ...rest: unknown[]): ReturnType<F> {
    const fn = rest[rest.length - 1] as F
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined
    const context = rest.length > 2 ? toAgentContext(rest[1] as Context) : activeContext()
    const span = this.startSpan('', options, context)
    return runInContext(context.withSpan(span), fn, undefined, [span]) as ReturnType<F>
  }
}

/** Stands for the active span of the context in which it was started; what is set on it goes nowhere. */
class ShadowSpan extends NonRecordingSpan {
  readonly [SHADOWED]: AgentContext

  constructor(context: AgentContext) {
    super(context.span === undefined ? INVALID.spanContext() : context.span.spanContext())
    this[SHADOWED] = context
  }
}

/**
 * For an instrumentation that makes the same spans as one of ours: its spans are shadows of ours, so that what the program
 * does within them belongs to ours.
 */
export class ShadowTracer extends PassThroughTracer {
  /**
   * @param writesOnly the instrumentation makes its span active for nothing else than to write headers. They would stand
   *   beside ours, so nothing is written.
   */
  constructor(private readonly writesOnly: boolean) {
    super()
  }

  override startSpan(): ApiSpan {
    const context = activeContext()
    return new ShadowSpan(this.writesOnly ? context.withSuppressed() : context)
  }

  override startActiveSpan<F extends (span: ApiSpan) => unknown>(_name: string, ...rest: unknown[]): ReturnType<F> {
    const fn = rest[rest.length - 1] as F
    return fn(this.startSpan()) as ReturnType<F>
  }
}

export class PassThroughProvider implements TracerProvider {
  private readonly tracer = new PassThroughTracer()

  getTracer(): PassThroughTracer {
    return this.tracer
  }
}
