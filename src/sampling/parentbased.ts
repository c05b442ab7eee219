import type { SpanContext } from '@opentelemetry/api'
import { type AttributeList, FLAG_SAMPLED, type Kind } from '../trace/data'
import { DROPPED, SAMPLED, type Sampler, type SamplingResult } from './contract'

/** Follows the parent, wherever it is; only a span without one is decided by `root` (OpenTelemetry SDK, "ParentBased"). */
export class ParentBasedSampler implements Sampler {
  readonly readsAttributes: boolean
  readonly followsLocal = true

  constructor(private readonly root: Sampler) {
    this.readsAttributes = root.readsAttributes
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    if (parent !== undefined) return follow(parent)
    return this.root.shouldSample(undefined, traceId, name, kind, attributes)
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
}

/**
 * Decides once for the part of a trace that runs in this process: where it enters, whatever the caller in another process
 * decided; the spans below follow. For samplers whose answer depends on the span (its path, its name), which would tear a trace
 * to pieces if each span asked anew.
 */
export class EntrySampler implements Sampler {
  readonly readsAttributes: boolean
  readonly followsLocal = true

  constructor(private readonly entry: Sampler) {
    this.readsAttributes = entry.readsAttributes
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    if (parent !== undefined && parent.isRemote !== true) return follow(parent)
    return this.entry.shouldSample(parent, traceId, name, kind, attributes)
  }

  start(): void {
    this.entry.start?.()
  }

  stop(): void {
    this.entry.stop?.()
  }

  toString(): string {
    return this.entry.toString()
  }
}

/** As the parent decided. */
export function follow(parent: SpanContext): SamplingResult {
  return parent.traceFlags & FLAG_SAMPLED ? SAMPLED : DROPPED
}
