import type { Log } from '../log'
import { alwaysOff, alwaysOn } from './always'
import type { Sampler } from './contract'
import { ParentBasedSampler } from './parentbased'
import { TraceIdRatioSampler } from './traceidratio'

/** What samplers may need to know of this process. */
export interface SamplerParts {
  readonly log: Log
  readonly serviceName: string
}

/** One row of the table of samplers. */
export interface SamplerRow {
  /** One sentence for the user. */
  readonly doc: string
  /** What `OTEL_TRACES_SAMPLER_ARG` means for it, with its default; undefined when it takes none. */
  readonly argument?: string
  create(argument: string | undefined, parts: SamplerParts): Sampler
}

/** The values of `OTEL_TRACES_SAMPLER`. */
export const SAMPLERS = {
  always_on: {
    doc: 'Every span.',
    create: () => alwaysOn,
  },
  always_off: {
    doc: 'No span.',
    create: () => alwaysOff,
  },
  traceidratio: {
    doc: 'A part of all traces, chosen by trace id.',
    argument: 'a number from 0 to 1 (1)',
    create: (argument, { log }) => traceIdRatio(argument, log),
  },
  parentbased_always_on: {
    doc: 'As the caller decided; every trace that begins here.',
    create: () => new ParentBasedSampler(alwaysOn),
  },
  parentbased_always_off: {
    doc: 'As the caller decided; no trace that begins here.',
    create: () => new ParentBasedSampler(alwaysOff),
  },
  parentbased_traceidratio: {
    doc: 'As the caller decided; a part of the traces that begin here.',
    argument: 'a number from 0 to 1 (1)',
    create: (argument, { log }) => new ParentBasedSampler(traceIdRatio(argument, log)),
  },
} satisfies Record<string, SamplerRow>

export type SamplerName = keyof typeof SAMPLERS
export const SAMPLER_NAMES = Object.keys(SAMPLERS) as SamplerName[]
/** Used when nothing is said (OpenTelemetry SDK, "Built-in samplers"). */
export const DEFAULT_SAMPLER: SamplerName = 'parentbased_always_on'

/** @param argument the value of `OTEL_TRACES_SAMPLER_ARG`, if it is set: what is wrong in it is said, and its default used */
export function createSampler(name: SamplerName, argument: string | undefined, parts: SamplerParts): Sampler {
  const row: SamplerRow = SAMPLERS[name]
  if (argument !== undefined && row.argument === undefined) {
    parts.log.warn(`OTEL_TRACES_SAMPLER_ARG="${argument}" has no meaning for OTEL_TRACES_SAMPLER=${name}: ignored.`)
  }
  return row.create(argument, parts)
}

function traceIdRatio(argument: string | undefined, log: Log): Sampler {
  const ratio = argument === undefined ? 1 : readRatio(argument)
  if (ratio === undefined) {
    log.warn(`OTEL_TRACES_SAMPLER_ARG="${argument}": expected a number from 0 to 1; 1 is used.`)
  }
  return new TraceIdRatioSampler(ratio ?? 1)
}

/** A decimal number from 0 to 1, or undefined. */
function readRatio(text: string): number | undefined {
  const trimmed = text.trim()
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return undefined
  const ratio = Number(trimmed)
  return ratio <= 1 ? ratio : undefined
}
