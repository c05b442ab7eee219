import type {
  Span as ApiSpan,
  Context,
  SpanContext,
  SpanOptions,
  Tracer,
  TracerOptions,
  TracerProvider,
  TraceState,
} from '@opentelemetry/api'
import type { Sampler } from '../sampling/contract'
import { currentAnchor, monotonicMicros } from './clock'
import { type AgentContext, activeContext, runInContext, toAgentContext } from './context'
import type { AttributeList, Kind, Scope, SpanSink } from './data'
import { CLIENT, CONSUMER, FLAG_RANDOM, FLAG_SAMPLED, INTERNAL, PRODUCER, SERVER } from './data'
import type { Limits } from './limits'
import { isAttributeValue, keepAttributes, keepValue } from './limits'
import { NonRecordingSpan, type Relation, UnsampledSpan } from './nonrecording'
import { type AgentSpan, Span } from './span'
import { toMicros } from './time'

/** Context value set by a propagator that learned the caller's service name; it becomes `peer.service`. */
export const PEER_SERVICE = Symbol.for('tracing-agent peer.service')
/** Context value set by a propagator that read `jaeger-debug-id`; it becomes an attribute of that name, to find the trace by. */
export const DEBUG_ID = Symbol.for('tracing-agent jaeger-debug-id')

const NO_ATTRIBUTES: AttributeList = []
const NO_OPTIONS: SpanOptions = {}
const KINDS: readonly Kind[] = [INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER]
const INVALID: SpanContext = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }
const SUPPRESSED_SPAN: AgentSpan = new NonRecordingSpan(INVALID)

/** What all tracers of a provider share. */
export interface TracerParts {
  readonly sampler: Sampler
  readonly limits: Limits
  readonly sink: SpanSink
  readonly newTraceId: () => string
  readonly newSpanId: () => string
  /** FLAG_RANDOM when `newTraceId` draws its last seven bytes at random. */
  readonly rootFlags: number
  /** Told of an exception that would otherwise be the program's. */
  readonly fault?: (place: string, error: unknown) => void
}

/** Starts spans. `startSpan` is the API for programs; `start` is for instrumentations. */
export class AgentTracer implements Tracer {
  private readonly parts: TracerParts

  constructor(
    parts: TracerParts,
    private readonly scope: Scope,
  ) {
    this.parts = parts
  }

  /**
   * Starts a span for an instrumentation.
   *
   * @param describe makes the attributes of the start from `subject`. A plain function and not a closure; it is called at
   *   most once, and not at all for a span that is not sampled (unless the sampler reads attributes). The span owns the
   *   list afterwards.
   */
  start<S>(
    name: string,
    kind: Kind,
    parent: AgentContext,
    describe: (subject: S) => AttributeList,
    subject: S,
  ): AgentSpan {
    if (parent.suppressed) return SUPPRESSED_SPAN
    const { sampler } = this.parts
    const caller = usable(parent.span)
    if (sampler.readsAttributes && !(sampler.followsLocal && isLocal(caller))) {
      return this.decide(name, kind, parent, caller, describe(subject), undefined)
    }
    const above = parentContext(caller)
    const traceId = sampler.readsTraceId === false ? '' : this.traceIdFor(caller)
    const result = sampler.shouldSample(decisionOf(caller), traceId, name, kind, NO_ATTRIBUTES)
    if (!result.sampled) return this.unsampled(traceId, above, caller)
    const attributes = describe(subject)
    if (result.attributes !== undefined) putAll(attributes, result.attributes)
    return this.record(traceId || this.traceIdFor(caller), name, kind, parent, caller, above, attributes, undefined)
  }

  startSpan(name: string, chosen?: SpanOptions, context?: Context): ApiSpan {
    try {
      return this.startChosen(name, chosen, context)
    } catch (error) {
      this.parts.fault?.('starting a span', error)
      return SUPPRESSED_SPAN
    }
  }

  private startChosen(name: string, chosen?: SpanOptions, context?: Context): ApiSpan {
    const options = chosen ?? NO_OPTIONS
    const given = context === undefined || context === null ? activeContext() : toAgentContext(context)
    if (given.suppressed) return SUPPRESSED_SPAN
    const { limits } = this.parts
    const parent = options.root ? given.withSpan(undefined) : given
    const caller = usable(parent.span)
    const kept = keepAttributes(options.attributes, limits.attributeCount, limits.attributeValueLength)
    const kind = KINDS.includes(options.kind as Kind) ? (options.kind as Kind) : INTERNAL
    const start = options.startTime === undefined ? undefined : toMicros(options.startTime, anchorFor(caller))
    const span = this.decide(String(name), kind, parent, caller, kept.list, start)
    if (span instanceof Span) {
      span.droppedAttributes += kept.dropped
      if (Array.isArray(options.links)) span.addLinks(options.links)
    }
    return span
  }

  startActiveSpan<F extends (span: ApiSpan) => unknown>(name: string, ...rest: unknown[]): ReturnType<F> {
    const fn = rest[rest.length - 1] as F
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined
    const context = rest.length > 2 ? toAgentContext(rest[1] as Context) : activeContext()
    const span = this.startSpan(name, options, context)
    return runInContext(context.withSpan(span), fn, undefined, [span]) as ReturnType<F>
  }

  /** The sampler has a say that depends on attributes, or the program has one: `sampling.priority` 0 or 1. */
  private decide(
    name: string,
    kind: Kind,
    parent: AgentContext,
    caller: ApiSpan | undefined,
    attributes: AttributeList,
    startMicros: number | undefined,
  ): AgentSpan {
    const above = parentContext(caller)
    const traceId = this.traceIdFor(caller)
    const priority = samplingPriority(attributes)
    if (priority === undefined) {
      const result = this.parts.sampler.shouldSample(decisionOf(caller), traceId, name, kind, attributes)
      if (!result.sampled) return this.unsampled(traceId, above, caller)
      if (result.attributes !== undefined) putAll(attributes, result.attributes)
    } else if (!priority) return this.unsampled(traceId, above, caller)
    return this.record(traceId, name, kind, parent, caller, above, attributes, startMicros)
  }

  private record(
    traceId: string,
    name: string,
    kind: Kind,
    parent: AgentContext,
    caller: ApiSpan | undefined,
    above: SpanContext | undefined,
    attributes: AttributeList,
    startMicros: number | undefined,
  ): AgentSpan {
    const { limits, newSpanId, sink } = this.parts
    const anchor = anchorFor(caller)
    if (limits.attributeValueLength !== Infinity) truncate(attributes, limits.attributeValueLength)
    const span = new Span(
      traceId,
      newSpanId(),
      above === undefined ? '' : above.spanId,
      above === undefined ? false : above.isRemote === true,
      above === undefined ? FLAG_SAMPLED | this.rootFlagsFor(caller) : FLAG_SAMPLED | (above.traceFlags & FLAG_RANDOM),
      above === undefined ? undefined : (above.traceState as TraceState | undefined),
      name,
      kind,
      attributes,
      this.scope,
      startMicros ?? anchor + monotonicMicros(),
      anchor,
      limits,
      sink,
    )
    if (attributes.length > limits.attributeCount * 2) {
      span.droppedAttributes = attributes.length / 2 - limits.attributeCount
      attributes.length = limits.attributeCount * 2
    }
    if (caller !== undefined && relation(caller) === 'link') span.addLink({ context: caller.spanContext() })
    if (kind === SERVER) addCallerFacts(span, parent)
    return span
  }

  private traceIdFor(caller: ApiSpan | undefined): string {
    return caller === undefined || !namesTrace(caller) ? this.parts.newTraceId() : caller.spanContext().traceId
  }

  /** Whether a trace id that the caller made up is random, it did not say. */
  private rootFlagsFor(caller: ApiSpan | undefined): number {
    return caller === undefined || !namesTrace(caller) ? this.parts.rootFlags : 0
  }

  /** @param traceId empty: that of the caller, or one that is drawn when somebody asks */
  private unsampled(traceId: string, above: SpanContext | undefined, caller: ApiSpan | undefined): AgentSpan {
    const flags = above === undefined ? this.rootFlagsFor(caller) : above.traceFlags
    const known = traceId === '' && caller !== undefined ? this.traceIdFor(caller) : traceId
    return new UnsampledSpan(known, above?.traceState, this.parts, flags)
  }
}

/** The provider that is registered with @opentelemetry/api: one tracer for each name and version. */
export class AgentTracerProvider implements TracerProvider {
  private readonly tracers = new Map<string, AgentTracer>()

  constructor(private readonly parts: TracerParts) {}

  getTracer(name: string, version?: string, _options?: TracerOptions): AgentTracer {
    const scope = { name: typeof name === 'string' ? name : '', version: typeof version === 'string' ? version : '' }
    const key = `${scope.name}\n${scope.version}`
    let tracer = this.tracers.get(key)
    if (tracer === undefined) {
      tracer = new AgentTracer(this.parts, scope)
      this.tracers.set(key, tracer)
    }
    return tracer
  }
}

/** The span in the context if it names a trace: 32 hex digits, not all zero; as a parent also a span, 16 digits. */
function usable(span: ApiSpan | undefined): ApiSpan | undefined {
  if (span === undefined || isLocal(span)) return span
  if (relation(span) === 'flags') return span
  const { traceId, spanId } = span.spanContext()
  if (typeof traceId !== 'string' || traceId.length !== 32 || traceId === INVALID.traceId) return undefined
  if (relation(span) === 'trace') return span
  return typeof spanId === 'string' && spanId.length === 16 && spanId !== INVALID.spanId ? span : undefined
}

/** A span of ours that started in this process. */
function isLocal(span: ApiSpan | undefined): boolean {
  return span instanceof Span || span instanceof UnsampledSpan
}

function relation(caller: ApiSpan): Relation {
  return caller instanceof NonRecordingSpan ? caller.relation : 'parent'
}

function namesTrace(caller: ApiSpan): boolean {
  const how = relation(caller)
  return how === 'parent' || how === 'trace'
}

function parentContext(caller: ApiSpan | undefined): SpanContext | undefined {
  return caller === undefined || relation(caller) !== 'parent' ? undefined : caller.spanContext()
}

/** What the sampler sees as the parent: nothing where the caller left the decision to us. */
function decisionOf(caller: ApiSpan | undefined): SpanContext | undefined {
  if (caller === undefined || (caller instanceof NonRecordingSpan && !caller.decided)) return undefined
  return caller.spanContext()
}

function anchorFor(caller: ApiSpan | undefined): number {
  return caller instanceof Span ? caller.anchorMicros : currentAnchor()
}

function addCallerFacts(span: Span, parent: AgentContext): void {
  const peer = parent.getValue(PEER_SERVICE)
  if (typeof peer === 'string' && peer !== '') span.setAttribute('peer.service', peer)
  const debugId = parent.getValue(DEBUG_ID)
  if (typeof debugId === 'string' && debugId !== '') span.setAttribute('jaeger-debug-id', debugId)
}

function samplingPriority(attributes: AttributeList): boolean | undefined {
  for (let i = 0; i < attributes.length; i += 2) {
    if (attributes[i] === 'sampling.priority') {
      const value = attributes[i + 1]
      return value === 0 || value === '0' ? false : value === 1 || value === '1' ? true : undefined
    }
  }
  return undefined
}

/** What the sampler adds; a key stands in a list once. */
function putAll(attributes: AttributeList, more: AttributeList): void {
  for (let i = 0; i < more.length; i += 2) {
    let at = 0
    while (at < attributes.length && attributes[at] !== more[i]) at += 2
    attributes[at] = more[i]!
    attributes[at + 1] = more[i + 1]!
  }
}

function truncate(attributes: AttributeList, maxLength: number): void {
  for (let i = 1; i < attributes.length; i += 2) {
    const value = attributes[i]
    if (isAttributeValue(value)) attributes[i] = keepValue(value, maxLength)
  }
}
