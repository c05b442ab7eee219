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
  b3: {
    doc: 'Zipkin B3 in one header; both forms are read.',
    create: () => (require('./b3') as typeof import('./b3')).b3,
  },
  b3multi: {
    doc: 'Zipkin B3 in the X-B3-* headers; both forms are read.',
    create: () => (require('./b3') as typeof import('./b3')).b3multi,
  },
  jaeger: {
    doc: 'Jaeger: uber-trace-id, uberctx-* baggage, jaeger-debug-id, jaeger-baggage.',
    create: () => (require('./jaeger') as typeof import('./jaeger')).jaeger,
  },
  xray: {
    doc: 'AWS X-Ray: X-Amzn-Trace-Id, with the answer to Sampled=?.',
    create: () => (require('./xray') as typeof import('./xray')).xray,
  },
  'xray-lambda': {
    doc: 'As xray; the invocation of a Lambda function comes before the header.',
    create: ({ lambdaTraceId }) =>
      (require('./xray') as typeof import('./xray')).xrayLambda(lambdaTraceId ?? (() => undefined)),
  },
  ottrace: {
    doc: 'OpenTracing basic tracers and LightStep: ot-tracer-*, ot-baggage-*.',
    create: () => (require('./ottrace') as typeof import('./ottrace')).ottrace,
  },
  opencensus: {
    doc: 'OpenCensus: grpc-trace-bin in gRPC metadata.',
    create: () => (require('./opencensus') as typeof import('./opencensus')).opencensus,
  },
  kratos: {
    doc: 'Kratos: x-md-service-name, the name of the calling service, read into peer.service.',
    create: ({ serviceName }) => (require('./kratos') as typeof import('./kratos')).kratos(serviceName),
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
