import { awsRegion, brokers, daemonAddress, hostName, kafkaTopic, url } from '../network-types'
import { option } from '../row'
import { flag, integer, listOf, oneOf, secret, text, timeout } from '../types'

export type JaegerProtocol = 'otlp' | 'http/thrift.binary' | 'udp/thrift.compact' | 'udp/thrift.binary'

export const BACKENDS = {
  xrayDaemon: option({
    env: 'AWS_XRAY_DAEMON_ADDRESS',
    type: daemonAddress,
    default: { udp: '127.0.0.1:2000', tcp: '127.0.0.1:2000' },
    doc: 'The X-Ray daemon: host:port, or udp:host:port tcp:host:port.',
  }),
  xrayTracingName: option({
    env: 'AWS_XRAY_TRACING_NAME',
    type: text,
    default: '',
    defaultText: 'the service name',
    doc: 'Name of this service in X-Ray.',
  }),
  xrayAnnotations: option<readonly string[]>({
    env: 'TRACING_AGENT_XRAY_ANNOTATIONS',
    type: listOf('attribute names, * as a wildcard', part => (/\s/.test(part) ? undefined : part)),
    default: [],
    doc: 'Attributes that become X-Ray annotations, by which one can search: names or patterns with *. The others become metadata.',
  }),
  xrayAnnotateAll: option({
    env: 'TRACING_AGENT_XRAY_ANNOTATE_ALL',
    type: flag,
    default: false,
    doc: 'Every attribute that has a single value becomes an X-Ray annotation, as OpenCensus did.',
  }),
  awsRegion: option({
    env: 'AWS_DEFAULT_REGION',
    fallbacks: ['AWS_REGION'],
    type: awsRegion,
    default: '',
    defaultText: 'that of the instance, asked from its metadata service',
    doc: 'Region for the exporter xray-api.',
  }),
  xrayApiEndpoint: option({
    env: 'AWS_ENDPOINT_URL_XRAY',
    fallbacks: ['AWS_ENDPOINT_URL'],
    type: url('http', 'https'),
    default: '',
    defaultText: 'the endpoint of X-Ray in the region',
    doc: 'Where the exporter xray-api sends.',
  }),
  zipkinEndpoint: option({
    env: 'OTEL_EXPORTER_ZIPKIN_ENDPOINT',
    type: url('http', 'https'),
    default: 'http://localhost:9411/api/v2/spans',
    doc: 'Where the exporter zipkin sends.',
  }),
  zipkinTimeoutMs: option({
    env: 'OTEL_EXPORTER_ZIPKIN_TIMEOUT',
    type: timeout,
    default: 10000,
    doc: 'Longest time for one batch, retries included.',
  }),
  zipkinKafkaBrokers: option<readonly string[]>({
    env: 'OTEL_EXPORTER_ZIPKIN_KAFKA_BROKERS',
    type: brokers,
    default: [],
    doc: 'Kafka brokers, as host:port; the exporter zipkin then sends through Kafka and not over HTTP.',
  }),
  zipkinKafkaTopic: option({
    env: 'OTEL_EXPORTER_ZIPKIN_KAFKA_TOPIC',
    type: kafkaTopic,
    default: 'zipkin',
    doc: 'Topic to which spans are sent through Kafka.',
  }),
  jaegerEndpoint: option({
    env: 'OTEL_EXPORTER_JAEGER_ENDPOINT',
    type: url('http', 'https'),
    default: '',
    doc: 'Jaeger collector for Thrift over HTTP, such as http://localhost:14268/api/traces. Unset: the exporter jaeger speaks OTLP.',
  }),
  jaegerUser: option({
    env: 'OTEL_EXPORTER_JAEGER_USER',
    type: secret,
    default: '',
    doc: 'User name for the Jaeger collector.',
  }),
  jaegerPassword: option({
    env: 'OTEL_EXPORTER_JAEGER_PASSWORD',
    type: secret,
    default: '',
    doc: 'Password for the Jaeger collector.',
  }),
  jaegerTimeoutMs: option({
    env: 'OTEL_EXPORTER_JAEGER_TIMEOUT',
    type: timeout,
    default: 10000,
    doc: 'Longest time for one batch, retries included.',
  }),
  jaegerAgentHost: option({
    env: 'OTEL_EXPORTER_JAEGER_AGENT_HOST',
    type: hostName,
    default: '',
    doc: 'Jaeger agent for Thrift over UDP.',
  }),
  jaegerAgentPort: option({
    env: 'OTEL_EXPORTER_JAEGER_AGENT_PORT',
    type: integer(1, 65535),
    default: 0,
    defaultText: '6831, for udp/thrift.binary 6832',
    doc: 'Port of the Jaeger agent.',
  }),
  jaegerProtocol: option<JaegerProtocol | ''>({
    env: 'OTEL_EXPORTER_JAEGER_PROTOCOL',
    type: oneOf(['otlp', 'http/thrift.binary', 'udp/thrift.compact', 'udp/thrift.binary']),
    default: '',
    defaultText:
      'http/thrift.binary with OTEL_EXPORTER_JAEGER_ENDPOINT, udp/thrift.compact with OTEL_EXPORTER_JAEGER_AGENT_HOST, else otlp',
    doc: 'How the exporter jaeger speaks.',
  }),
}
