/** What a user hears of an agent that is well, from the level info on: what is used, and at the end what came of it. */
import type { Config, Origin } from './config/load'
import type { Exporter } from './export/contract'
import { summary } from './export/index'
import type { Sampler } from './sampling/contract'
import type { TracerParts } from './trace/tracer'

type Replaceable<T> = { -readonly [K in keyof T]: T[K] }

/** Calls `say` when the first span starts. Afterwards a start costs what it cost before. */
export function atFirstSpan(parts: Replaceable<Pick<TracerParts, 'newSpanId'>>, say: () => void): void {
  const { newSpanId } = parts
  parts.newSpanId = () => {
    parts.newSpanId = newSpanId
    say()
    return newSpanId()
  }
}

/** `traces shop: otlp to http://localhost:4318/v1/traces; sampler …; propagators tracecontext, baggage` */
export function beginning(
  { propagators }: Config,
  exporters: readonly Exporter[],
  sampler: Sampler,
  serviceName: string,
): string {
  const targets = exporters.map(({ name, target }) => `${name} to ${target}`).join(', ')
  const headers = propagators.length === 0 ? 'none' : propagators.join(', ')
  return `traces ${serviceName}: ${targets || 'no exporter'}; sampler ${shortSampler(sampler)}; propagators ${headers}`
}

const USUAL_PARENTS =
  ', remoteParentSampled=AlwaysOnSampler, remoteParentNotSampled=AlwaysOffSampler' +
  ', localParentSampled=AlwaysOnSampler, localParentNotSampled=AlwaysOffSampler'

/** The description of a sampler without what is the same in all that follow the caller. */
export function shortSampler(sampler: Sampler): string {
  return sampler.toString().replace(USUAL_PARENTS, '')
}

/** One clause for each exporter. */
export function ending(exporters: readonly Exporter[]): string {
  return exporters.map(summary).join('; ')
}

/** What switched the agent off: `OTEL_SDK_DISABLED=true`. */
export function disabledBy({ from, variable }: Origin): string {
  return from === 'implied' ? `because of ${variable}` : `${variable ?? 'disabled'}=true`
}
