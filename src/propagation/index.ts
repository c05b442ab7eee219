import { baggage } from './baggage'
import { Propagator, type Trust } from './composite'
import type { HeaderFormat } from './contract'
import { traceContext } from './tracecontext'

export { Propagator, TRUST, type Trust } from './composite'

/** What header formats may need to know of this process. */
export interface PropagatorParts {
  readonly trust: Trust
  readonly serviceName: string
  /** The value of `_X_AMZN_TRACE_ID` now: the Lambda runtime changes it for each invocation. */
  readonly lambdaTraceId?: () => string | undefined
  /** Told once when a carrier of the program misbehaved. */
  readonly fault?: (place: string, error: unknown) => void
}

/** One row of the table of propagators. */
export interface PropagatorRow {
  /** One sentence for the user. */
  readonly doc: string
  /** Loads the format's file. */
  create(parts: PropagatorParts): HeaderFormat | undefined
}

/** The values of `OTEL_PROPAGATORS`. */
export const PROPAGATORS = {
  tracecontext: {
    doc: 'W3C Trace Context level 2: traceparent, tracestate.',
    create: () => traceContext,
  },
  baggage: {
    doc: 'W3C Baggage.',
    create: () => baggage,
  },
  none: {
    doc: 'No header is read or written.',
    create: () => undefined,
  },
} satisfies Record<string, PropagatorRow>

export type PropagatorName = keyof typeof PROPAGATORS
export const PROPAGATOR_NAMES = Object.keys(PROPAGATORS) as PropagatorName[]

/** Used when nothing else is said (OpenTelemetry, "General SDK Configuration"). */
export const DEFAULT_PROPAGATORS: readonly PropagatorName[] = ['tracecontext', 'baggage']

/** @param names in the order in which a caller's headers are tried; `none` has no effect beside others */
export function createPropagator(names: readonly PropagatorName[], parts: PropagatorParts): Propagator {
  const formats: HeaderFormat[] = []
  for (const name of new Set(names)) {
    const row: PropagatorRow = PROPAGATORS[name]
    const format = row.create(parts)
    if (format !== undefined) formats.push(format)
  }
  return new Propagator(formats, parts.trust, parts.fault ?? (() => {}))
}
