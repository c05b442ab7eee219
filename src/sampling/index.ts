import type { Log } from '../log'
import { alwaysOff, alwaysOn } from './always'
import type { Sampler } from './contract'
import { readNumber, readRate, readRatio } from './numbers'
import { EntrySampler, ParentBasedSampler } from './parentbased'
import { monotonicClock, type SamplerParts } from './parts'
import { TraceIdRatioSampler } from './traceidratio'

export type { SamplerParts } from './parts'

/** One row of the table of samplers. */
export interface SamplerRow {
  /** One sentence for the user. */
  readonly doc: string
  /** What `OTEL_TRACES_SAMPLER_ARG` means for it, with its default; undefined when it takes none. */
  readonly argument?: string
  create(argument: string | undefined, parts: SamplerParts): Sampler
}

const JAEGER_ARGUMENT =
  'endpoint=…,pollingIntervalMs=…,initialSamplingRate=… (http://localhost:5778/sampling, 60000, 0.001)'
const RULES_ARGUMENT = 'rules such as @health=off; GET /api/*=on; POST /orders/:id=10/s; *=0.05'

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
  parentbased: {
    doc: 'With a sampler of its own for traces that begin here, and for each decision of a caller.',
    argument:
      'root=…; remote_parent_sampled=…; remote_parent_not_sampled=…; local_parent_sampled=…; local_parent_not_sampled=… with samplers such as traceidratio(0.1) (always_on, always_on, always_off, always_on, always_off)',
    create: (argument, parts) => parentBased(argument, parts),
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
  jaeger_remote: {
    doc: 'As a Jaeger collector or agent says: per operation, a part, or so many per second.',
    argument: JAEGER_ARGUMENT,
    create: (argument, parts) => new EntrySampler(jaegerRemote(argument, parts)),
  },
  parentbased_jaeger_remote: {
    doc: 'As the caller decided; traces that begin here as a Jaeger collector or agent says.',
    argument: JAEGER_ARGUMENT,
    create: (argument, parts) => new ParentBasedSampler(jaegerRemote(argument, parts)),
  },
  xray: {
    doc: 'As the caller decided; traces that begin here by the sampling rules of AWS X-Ray, through the daemon.',
    argument: 'endpoint=…,polling_interval=…,rules=… (the daemon, 300 s, no file of local rules)',
    create: (argument, parts) => new ParentBasedSampler(xray(argument, parts)),
  },
  ratelimit: {
    doc: 'As the caller decided; so many of the traces that begin here per second.',
    argument: 'traces per second (100)',
    create: (argument, parts) => new ParentBasedSampler(rateLimit(argument, parts)),
  },
  rules: {
    doc: 'By rules for paths, methods, gRPC methods and health checks, whatever the caller decided.',
    argument: RULES_ARGUMENT,
    create: (argument, parts) => new EntrySampler(rules(argument, parts)),
  },
  parentbased_rules: {
    doc: 'As the caller decided; traces that begin here by rules.',
    argument: RULES_ARGUMENT,
    create: (argument, parts) => new ParentBasedSampler(rules(argument, parts)),
  },
} satisfies Record<string, SamplerRow>

export type SamplerName = keyof typeof SAMPLERS
export const SAMPLER_NAMES = Object.keys(SAMPLERS) as SamplerName[]
/** Of `ratelimit` when nothing is said: enough to see what goes on, and not much for a backend. */
const DEFAULT_PER_SECOND = 100
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

function parentBased(argument: string | undefined, parts: SamplerParts): Sampler {
  const { parseChildren } = require('./parentbased-children') as typeof import('./parentbased-children')
  const create = (name: string, own: string | undefined) =>
    Object.hasOwn(SAMPLERS, name) ? createSampler(name as SamplerName, own, parts) : undefined
  return parseChildren(argument ?? '', parts, create)
}

function traceIdRatio(argument: string | undefined, log: Log): Sampler {
  const ratio = argument === undefined ? 1 : readRatio(argument)
  if (ratio === undefined) {
    log.warn(`OTEL_TRACES_SAMPLER_ARG="${argument}": expected a number from 0 to 1; 1 is used.`)
  }
  return new TraceIdRatioSampler(ratio ?? 1)
}

function rateLimit(argument: string | undefined, parts: SamplerParts): Sampler {
  const { RateLimitSampler } = require('./rate') as typeof import('./rate')
  const perSecond = argument === undefined ? DEFAULT_PER_SECOND : (readNumber(argument) ?? readRate(argument))
  if (perSecond === undefined) {
    parts.log.warn(
      `OTEL_TRACES_SAMPLER_ARG="${argument}": expected a number of traces per second; ${DEFAULT_PER_SECOND} is used.`,
    )
  }
  return new RateLimitSampler(perSecond ?? DEFAULT_PER_SECOND, monotonicClock(parts))
}

function rules(argument: string | undefined, parts: SamplerParts): Sampler {
  return (require('./rules') as typeof import('./rules')).RulesSampler.parse(argument ?? '', parts)
}

function jaegerRemote(argument: string | undefined, parts: SamplerParts): Sampler {
  return (require('./jaeger-remote') as typeof import('./jaeger-remote')).JaegerRemoteSampler.parse(argument, parts)
}

function xray(argument: string | undefined, parts: SamplerParts): Sampler {
  return (require('./xray') as typeof import('./xray')).XRaySampler.parse(argument, parts)
}
