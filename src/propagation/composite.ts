import type {
  Span as ApiSpan,
  Context,
  SpanContext,
  TextMapGetter,
  TextMapPropagator,
  TextMapSetter,
} from '@opentelemetry/api'
import { type AgentContext, ROOT, toAgentContext } from '../trace/context'
import { NonRecordingSpan, UnsampledSpan } from '../trace/nonrecording'
import { type AgentSpan, Span } from '../trace/span'
import type { HeaderFormat } from './contract'
import { isValidContext } from './hex'

/**
 * What the headers of a stranger may do here.
 * `continue`: its trace goes on. `restart`: a new trace begins and links to the caller's span; its baggage is left behind.
 * `ignore`: as if the headers were missing.
 */
export const TRUST = ['continue', 'restart', 'ignore'] as const
export type Trust = (typeof TRUST)[number]

/** Several header formats as one: the first that finds a valid span wins, all are written. */
export class Propagator implements TextMapPropagator {
  /** Header names that `inject` may write, in lower case, each once. Prefixed ones (`uberctx-*`) are not among them. */
  readonly injectedHeaders: readonly string[]
  /** Undefined when no format ever answers, so that nobody has to ask per request. */
  readonly answer:
    | (<C>(context: AgentContext, span: AgentSpan, carrier: C, setter: TextMapSetter<C>) => void)
    | undefined

  /** @param fault told of an exception, which can only come from a carrier, its getter or setter, or foreign baggage */
  constructor(
    private readonly formats: readonly HeaderFormat[],
    private readonly trust: Trust,
    private readonly fault: (place: string, error: unknown) => void,
  ) {
    this.injectedHeaders = [...new Set(formats.flatMap(format => format.fields))]
    const answering = formats.find(format => format.answer !== undefined)
    if (answering !== undefined) {
      this.answer = (context, span, carrier, setter) => {
        try {
          answering.answer?.(context, span, carrier, setter)
        } catch (error) {
          this.fault('answer', error)
        }
      }
    }
  }

  inject<C>(context: Context, carrier: C, setter: TextMapSetter<C>): void {
    try {
      const own = toAgentContext(context)
      if (own.suppressed) return
      const span = own.span === undefined ? undefined : writable(own.span)
      for (const format of this.formats) this.injectOne(format, span, own, carrier, setter)
    } catch (error) {
      this.fault('inject', error)
    }
  }

  extract<C>(context: Context, carrier: C, getter: TextMapGetter<C>): AgentContext {
    let own = ROOT
    try {
      own = toAgentContext(context)
      if (this.trust === 'ignore') return own
      const found = this.extractSpan(own, carrier, getter)
      if (this.trust === 'restart') return linkTo(own, found)
      let result = found
      for (const format of this.formats) {
        if (format.extractBeside !== undefined) result = format.extractBeside(result, carrier, getter)
      }
      return result
    } catch (error) {
      this.fault('extract', error)
      return own
    }
  }

  fields(): string[] {
    return [...this.injectedHeaders]
  }

  /** Each by itself: a carrier that refuses one header (gRPC metadata knows fewer names) still takes the others. */
  private injectOne<C>(
    format: HeaderFormat,
    span: SpanContext | undefined,
    context: AgentContext,
    carrier: C,
    setter: TextMapSetter<C>,
  ): void {
    try {
      if (span !== undefined && format.injectSpan !== undefined) format.injectSpan(span, context, carrier, setter)
      if (format.injectBeside !== undefined) format.injectBeside(context, carrier, setter)
    } catch (error) {
      this.fault('inject', error)
    }
  }

  private extractSpan<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    let flagsOnly: AgentContext | undefined
    for (const format of this.formats) {
      if (format.extractSpan === undefined) continue
      const found = format.extractSpan(context, carrier, getter)
      if (found === context) continue
      // A bare sampling decision is no span: it counts only where no format has one.
      if ((found.span as NonRecordingSpan).relation !== 'flags') return found
      flagsOnly ??= found
    }
    return flagsOnly ?? context
  }
}

/** The span context that headers may carry on: a caller's whose trace we do not continue is not ours to pass on. */
function writable(span: ApiSpan): SpanContext | undefined {
  if (span instanceof Span || span instanceof UnsampledSpan) return span.spanContext()
  if (span instanceof NonRecordingSpan && span.relation !== 'parent') return undefined
  const context = span.spanContext()
  return isValidContext(context) ? context : undefined
}

function linkTo(context: AgentContext, found: AgentContext): AgentContext {
  const caller = found.span
  if (found === context || !(caller instanceof NonRecordingSpan) || caller.relation !== 'parent') return context
  return context.withSpan(new NonRecordingSpan(caller.spanContext(), 'link'))
}
