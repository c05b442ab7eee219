import { hostPolicy } from '../http-types'
import { PROPAGATORS, type PropagatorName } from '../names'
import { option } from '../row'
import { namesOf, oneOf } from '../types'

export const PROPAGATION = {
  propagators: option<readonly PropagatorName[]>({
    env: 'OTEL_PROPAGATORS',
    aliases: ['OTEL_PROPAGATOR'],
    type: namesOf(PROPAGATORS),
    default: ['tracecontext', 'baggage'],
    defaultText: 'tracecontext,baggage, and xray when an exporter is that of AWS X-Ray',
    doc: 'Headers in which a trace is carried from service to service. Reading tries each in this order and takes the first valid one; writing writes all.',
  }),
  propagateTo: option<readonly string[]>({
    env: 'TRACING_AGENT_PROPAGATE_TO',
    type: hostPolicy,
    default: ['*'],
    doc: 'Hosts that are sent the headers: patterns with * and ?, with ! in front for hosts that are not, such as *.example.com,!ads.example.com. Pre-signed URLs of AWS and Google never get them.',
  }),
  trustIncoming: option({
    env: 'TRACING_AGENT_TRUST_INCOMING',
    type: oneOf(['continue', 'restart', 'ignore']),
    default: 'continue',
    doc: 'What to do with the trace of a caller: continue it; restart with a new trace that links to it; ignore it.',
  }),
}
