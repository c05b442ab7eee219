import type { SpanContext } from '@opentelemetry/api'
import type { AttributeList, Kind } from '../trace/data'

/** What a sampler decides about a span that starts. */
export interface SamplingResult {
  /** The span is recorded and exported. False: it only carries its context on, with the sampled flag off. */
  readonly sampled: boolean
  /** Attributes that the sampler adds to a sampled span. */
  readonly attributes?: AttributeList
}

/** The two results of a sampler that has nothing to add: shared, so that a decision allocates nothing. */
export const SAMPLED: SamplingResult = { sampled: true }
export const DROPPED: SamplingResult = { sampled: false }

/**
 * Decides once for each span that starts in this process (OpenTelemetry SDK specification, "Sampler").
 * `shouldSample` runs on the application's stack: no I/O, no exception.
 */
export interface Sampler {
  /** True when `shouldSample` reads `attributes`. Otherwise it gets an empty list, and an unsampled span costs no attribute. */
  readonly readsAttributes: boolean
  /** False when `shouldSample` does not read `traceId`. It gets an empty one, and an unsampled trace draws none until asked. */
  readonly readsTraceId?: boolean
  /** True when a span with a parent in this process does as the parent did, so that nobody reads its attributes. */
  readonly followsLocal?: boolean
  /**
   * @param parent context of the parent span, local or remote (`isRemote`), or undefined for a root span
   * @param traceId 32 lower-case hex digits, or none if they are not read
   * @param attributes those known at the start of the span, as the semantic conventions demand
   */
  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult
  /** Begins background work (remote samplers). Timers are unref'd; requests run in a suppressed context. */
  start?(): void
  stop?(): void
  /** The description of the specification, such as `ParentBased{root=AlwaysOnSampler}`. */
  toString(): string
}
