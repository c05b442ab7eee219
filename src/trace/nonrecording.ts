import type { Span as ApiSpan, SpanContext, TraceState } from '@opentelemetry/api'
import { FLAG_RANDOM } from './data'

/** How the span that starts next relates to a caller in another process. */
export type Relation =
  /** It is a child. */
  | 'parent'
  /** The caller is not trusted to continue its trace here: a new root links to it. */
  | 'link'
  /** The caller named a trace and no span (X-Ray's `Root=` alone): a root with that trace id. */
  | 'trace'
  /** The caller named neither, and only wants its sampling decision obeyed (`b3: 0`): a root with a trace id of its own. */
  | 'flags'

/** A span of which only the context exists: its parent is elsewhere, or it was not sampled. Every method does nothing. */
export class NonRecordingSpan implements ApiSpan {
  constructor(
    private readonly context: SpanContext,
    readonly relation: Relation = 'parent',
    /** The caller decided about sampling, and the sampled flag says how. Otherwise the sampler decides as for a root. */
    readonly decided: boolean = relation === 'parent' || relation === 'flags',
  ) {}

  spanContext(): SpanContext {
    return this.context
  }

  isRecording(): boolean {
    return false
  }

  add(): void {}

  setAttribute(): this {
    return this
  }

  setAttributes(): this {
    return this
  }

  addEvent(): this {
    return this
  }

  addLink(): this {
    return this
  }

  addLinks(): this {
    return this
  }

  setStatus(): this {
    return this
  }

  fail(): void {}

  updateName(): this {
    return this
  }

  end(): void {}

  recordException(): void {}
}

/** Where ids come from. */
interface Ids {
  readonly newTraceId: () => string
  readonly newSpanId: () => string
}

/** A span that the sampler left out. Its ids are drawn only when somebody asks: mostly nobody does. */
export class UnsampledSpan extends NonRecordingSpan {
  private own: SpanContext | undefined

  constructor(
    /** Empty: a new trace. */
    private readonly traceId: string,
    private readonly traceState: TraceState | undefined,
    private readonly ids: Ids,
    private readonly flags: number,
  ) {
    super(undefined as unknown as SpanContext)
  }

  override spanContext(): SpanContext {
    this.own ??= {
      traceId: this.traceId || this.ids.newTraceId(),
      spanId: this.ids.newSpanId(),
      traceFlags: this.flags & FLAG_RANDOM,
      traceState: this.traceState,
    }
    return this.own
  }
}
