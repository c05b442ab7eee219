import { SAMPLERS } from '../names'
import { option } from '../row'
import { integer, namesOf, oneOf, text } from '../types'

const count = integer(0)

/** Values of the migration variable for conventions that no span of ours follows. */
const OTHER_CONVENTIONS = ['database', 'messaging', 'code', 'gen_ai', 'k8s', 'feature_flag']
const FOREIGN_OPT_INS = [
  ...OTHER_CONVENTIONS.flatMap(name => [name, `${name}/dup`]),
  'gen_ai_latest_experimental',
  'gen_ai_latest_experimental/dup',
]

export const SPANS = {
  sampler: option({
    env: 'OTEL_TRACES_SAMPLER',
    type: oneOf(SAMPLERS),
    default: 'parentbased_always_on',
    doc: 'Which traces are recorded. The parentbased ones follow the decision of the caller.',
  }),
  samplerArg: option({
    env: 'OTEL_TRACES_SAMPLER_ARG',
    type: text,
    default: '',
    doc: 'traceidratio: a ratio from 0 to 1. ratelimit: traces per second. jaeger_remote: endpoint=…,pollingIntervalMs=…,initialSamplingRate=…. xray: endpoint=…,polling_interval=…,rules=…. rules: such as "@health=off; GET /api/*=on; POST /orders/:id=10/s; *=0.05", the first match wins. parentbased: samplers for its cases.',
  }),
  traceIds: option({
    env: 'TRACING_AGENT_TRACE_IDS',
    type: oneOf(['random', 'xray']),
    default: 'random',
    defaultText: 'random, or xray when an exporter, sampler or propagator is that of AWS X-Ray',
    doc: 'How the ids of new traces are made: xray begins them with the time, as AWS X-Ray demands.',
  }),
  attributeCount: option({
    env: 'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
    fallbacks: ['OTEL_ATTRIBUTE_COUNT_LIMIT'],
    type: count,
    default: 128,
    doc: 'Most attributes of a span.',
  }),
  attributeValueLength: option({
    env: 'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
    fallbacks: ['OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT'],
    type: count,
    default: Infinity,
    defaultText: 'no limit',
    doc: 'Longest text of an attribute, in characters; the rest is cut off.',
  }),
  eventCount: option({
    env: 'OTEL_SPAN_EVENT_COUNT_LIMIT',
    type: count,
    default: 128,
    doc: 'Most events of a span.',
  }),
  linkCount: option({
    env: 'OTEL_SPAN_LINK_COUNT_LIMIT',
    type: count,
    default: 128,
    doc: 'Most links of a span.',
  }),
  eventAttributeCount: option({
    env: 'OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT',
    aliases: ['OTEL_SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT'],
    fallbacks: ['OTEL_ATTRIBUTE_COUNT_LIMIT'],
    type: count,
    default: 128,
    doc: 'Most attributes of an event.',
  }),
  linkAttributeCount: option({
    env: 'OTEL_LINK_ATTRIBUTE_COUNT_LIMIT',
    aliases: ['OTEL_SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT'],
    fallbacks: ['OTEL_ATTRIBUTE_COUNT_LIMIT'],
    type: count,
    default: 128,
    doc: 'Most attributes of a link.',
  }),
  stabilityOptIn: option<readonly string[]>({
    env: 'OTEL_SEMCONV_STABILITY_OPT_IN',
    type: namesOf(['http', 'http/dup', 'rpc', 'rpc/dup'], FOREIGN_OPT_INS),
    default: [],
    defaultText: 'the stable conventions alone',
    doc: 'http/dup and rpc/dup add the attributes by the names that they had before they became stable (http.method, http.url, http.status_code, net.peer.name, rpc.system, rpc.grpc.status_code, …). http and rpc are what is written anyway.',
  }),
}
