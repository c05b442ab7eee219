import type { SpanContext } from '@opentelemetry/api'
import { type AttributeList, FLAG_SAMPLED, type Kind } from '../trace/data'
import { DROPPED, SAMPLED, type Sampler, type SamplingResult } from './contract'

/** Follows the parent, wherever it is; only a span without one is decided by `root` (OpenTelemetry SDK, "ParentBased"). */
export class ParentBasedSampler implements Sampler {
  readonly readsAttributes: boolean
  readonly readsTraceId: boolean | undefined
  readonly followsLocal = true

  constructor(protected readonly root: Sampler) {
    this.readsAttributes = root.readsAttributes
    this.readsTraceId = root.readsTraceId
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    if (parent !== undefined && this.follows(parent)) return follow(parent)
    return this.root.shouldSample(parent, traceId, name, kind, attributes)
  }

  start(): void {
    this.root.start?.()
  }

  stop(): void {
    this.root.stop?.()
  }

  toString(): string {
    return (
      `ParentBased{root=${this.root}, remoteParentSampled=AlwaysOnSampler, remoteParentNotSampled=AlwaysOffSampler, ` +
      'localParentSampled=AlwaysOnSampler, localParentNotSampled=AlwaysOffSampler}'
    )
  }

  protected follows(_parent: SpanContext): boolean {
    return true
  }
}

/**
 * Decides once for the part of a trace that runs in this process: where it enters, whatever the caller in another process
 * decided; the spans below follow. For samplers whose answer depends on the span (its path, its name), which would tear a trace
 * to pieces if each span asked anew.
 */
export class EntrySampler extends ParentBasedSampler {
  override toString(): string {
    return this.root.toString()
  }

  protected override follows(parent: SpanContext): boolean {
    return parent.isRemote !== true
  }
}

/** As the parent decided. */
export function follow(parent: SpanContext): SamplingResult {
  return parent.traceFlags & FLAG_SAMPLED ? SAMPLED : DROPPED
}
