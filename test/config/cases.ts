/**
 * For each row of the table a value that changes something and one that is refused. A row without both does not compile;
 * a value that changes nothing fails.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config, OptionName } from '../../src/config/load'
import { loadConfig } from '../../src/config/load'
import { createExporters, EXPORTERS } from '../../src/export/index'
import { formerOf } from '../../src/formerconventions'
import { createLog } from '../../src/log'
import { createPropagator } from '../../src/propagation/index'
import { createResource } from '../../src/resource'
import { createSampler } from '../../src/sampling/index'
import { createSettings } from '../../src/settings'
import { toObject } from '../../src/trace/data'

export interface Case {
  /** A value that changes what `effect` sees. */
  changes: string
  /** Variables that must be set, too, so that the effect can be seen. */
  given?: Record<string, string>
  /** What the value is for: read from the thing that the agent builds. Left out: the value itself. */
  effect?: (config: Config) => unknown
  /** A value that is refused: the default stays. */
  refuses: string
}

/** A file that exists and is PEM enough. */
export const PEM_FILE = join(tmpdir(), `tracing-agent-test-${process.pid}.pem`)

/** A configuration file that says as little as one may. */
export const CONFIG_FILE = join(tmpdir(), `tracing-agent-test-${process.pid}.yaml`)

const log = createLog('none')
const settings = (config: Config) => createSettings(config)
const resource = (config: Config) => toObject(createResource(config, log, '1.2.3').attributes)
const propagator = (config: Config) =>
  createPropagator(config.propagators, { trust: config.trustIncoming, serviceName: 'x' })

/** What the first exporter is made of. */
function plan(config: Config) {
  const { origins } = loadConfig({}, {}, { path: '', variables: {} })
  return EXPORTERS[config.exporters[0]!]!.plan({ config, origins, log, version: '1.2.3' })
}

const transport = (config: Config): Record<string, unknown> => plan(config).transport.options
const timeoutMs = (config: Config) => plan(config).timeoutMs

function exporters(config: Config): string[] {
  const { origins } = loadConfig({}, {}, { path: '', variables: {} })
  return createExporters({ config, origins, log, version: '1.2.3' }, { attributes: [] }).map(({ name }) => name)
}

function capture(list: keyof ReturnType<typeof createSettings>) {
  return {
    changes: 'X-Request-Id',
    effect: (config: Config) => settings(config)[list],
    refuses: 'Authorization',
  }
}

const XRAY = { OTEL_EXPORTER: 'xray' }
const XRAY_API = { OTEL_EXPORTER: 'xray-api' }
const ZIPKIN = { OTEL_EXPORTER: 'zipkin' }
const JAEGER = { OTEL_EXPORTER: 'jaeger' }
const JAEGER_THRIFT = { ...JAEGER, OTEL_EXPORTER_JAEGER_PROTOCOL: 'http/thrift.binary' }
const JAEGER_AGENT = { ...JAEGER, OTEL_EXPORTER_JAEGER_AGENT_HOST: 'agent' }

const limit: Case = { changes: '3', refuses: '-1' }
const milliseconds: Case = { changes: '250', refuses: '2.5s' }

export const CASES: Record<OptionName, Case> = {
  disabled: { changes: 'TRUE', refuses: 'yes' },
  logLevel: { changes: 'Verbose', effect: config => createLog(config.logLevel).level, refuses: 'loud' },
  configFile: { changes: CONFIG_FILE, effect: config => config.disabled, refuses: '/no/such/file.yaml' },
  envFile: { changes: PEM_FILE, refuses: '/no/such/file.env' },
  enabledInstrumentations: { changes: 'grpc', refuses: 'htpp' },
  disabledInstrumentations: { changes: 'grpc', refuses: 'expres' },
  exitTimeoutMs: milliseconds,

  serviceName: {
    changes: 'shop',
    effect: config => resource(config)['service.name'],
    refuses: 'a\u0007b',
  },
  resourceAttributes: {
    changes: 'deployment.environment.name=a%20b',
    effect: config => resource(config)['deployment.environment.name'],
    refuses: 'a=1,b',
  },
  entities: {
    changes: 'k8s.pod{k8s.pod.uid=abc}[k8s.pod.name=shop%2D1]',
    effect: config => resource(config)['k8s.pod.name'],
    refuses: 'k8s.pod{}',
  },
  resourceDetectors: { changes: 'none', effect: config => resource(config)['host.name'], refuses: 'hots' },
  resourceTimeoutMs: milliseconds,

  sampler: {
    changes: 'Always_Off',
    effect: config => createSampler(config.sampler, undefined, { log, serviceName: '' }).toString(),
    refuses: 'always-on',
  },
  samplerArg: {
    changes: '0.25',
    given: { OTEL_TRACES_SAMPLER: 'traceidratio' },
    effect: config =>
      createSampler(config.sampler, config.samplerArg || undefined, { log, serviceName: '' }).toString(),
    refuses: '0.\u00005',
  },
  traceIds: { changes: 'xray', refuses: 'uuid' },
  attributeCount: limit,
  attributeValueLength: limit,
  eventCount: limit,
  linkCount: limit,
  eventAttributeCount: limit,
  linkAttributeCount: limit,
  stabilityOptIn: {
    changes: 'http/dup',
    effect: config => formerOf(config.stabilityOptIn),
    refuses: 'htpp/dup',
  },

  propagators: {
    changes: 'baggage',
    effect: config => propagator(config).injectedHeaders,
    refuses: 'w3c',
  },
  propagateTo: {
    changes: '*.example.com,!ads.example.com',
    effect: config =>
      ['a.example.com', 'ads.example.com', 'b.test'].map(host => settings(config).mayInject!(host, '/')),
    refuses: 'https://example.com/',
  },
  trustIncoming: { changes: 'Restart', refuses: 'trust' },

  ignoreIncomingPaths: {
    changes: '/internal/*',
    effect: config => settings(config).ignoreIncoming?.('GET', '/internal/x?y', 'h'),
    refuses: 'healthz',
  },
  ignoreIncomingHosts: {
    changes: '*.internal',
    effect: config => settings(config).ignoreIncoming?.('GET', '/', 'a.INTERNAL:80'),
    refuses: 'http://a.internal',
  },
  ignoreOutgoingPaths: {
    changes: '/poll',
    effect: config => settings(config).ignoreOutgoing?.('GET', 'h', '/poll'),
    refuses: 'poll',
  },
  ignoreOutgoingHosts: {
    changes: '169.254.169.254',
    effect: config => settings(config).ignoreOutgoing?.('GET', '169.254.169.254:80', '/'),
    refuses: 'a/b',
  },
  knownMethods: {
    changes: 'GET,PURGE',
    effect: config => ['PURGE', 'POST'].map(method => settings(config).knownMethods.has(method)),
    refuses: 'G(T',
  },
  serverErrorStatuses: {
    changes: '404,500-599',
    effect: config => [404, 403, 500].map(status => settings(config).serverErrorStatus(status)),
    refuses: '700',
  },
  clientErrorStatuses: {
    changes: '500-599',
    effect: config => [404, 500].map(status => settings(config).clientErrorStatus(status)),
    refuses: '500-400',
  },
  redactQuery: {
    changes: 'token',
    effect: config => settings(config).redactQuery('a=1&token=2'),
    refuses: 'token=1',
  },
  expressSpans: { changes: 'ALL', effect: config => settings(config).expressSpans, refuses: 'everything' },
  serverRequestHeaders: capture('serverRequestHeaders'),
  serverResponseHeaders: capture('serverResponseHeaders'),
  clientRequestHeaders: capture('clientRequestHeaders'),
  clientResponseHeaders: capture('clientResponseHeaders'),
  grpcServerRequestMetadata: capture('grpcServerRequestMetadata'),
  grpcServerResponseMetadata: capture('grpcServerResponseMetadata'),
  grpcClientRequestMetadata: capture('grpcClientRequestMetadata'),
  grpcClientResponseMetadata: capture('grpcClientResponseMetadata'),

  exporters: { changes: 'console, OTLP,console', effect: exporters, refuses: 'logging' },
  batchDelayMs: milliseconds,
  batchTimeoutMs: milliseconds,
  maxQueueSize: { changes: '9000', refuses: '0' },
  maxBatchSize: { changes: '7', refuses: '0x10' },
  consoleFormat: {
    changes: 'json',
    given: { OTEL_EXPORTER: 'console' },
    effect: config => plan(config).encoding.mediaType,
    refuses: 'yaml',
  },
  consoleOutput: {
    changes: 'stdout',
    given: { OTEL_EXPORTER: 'console' },
    effect: config => transport(config)['fd'],
    refuses: 'printer',
  },
  noColor: { changes: '1', refuses: 'a\u0000' },
  filePath: {
    changes: '/tmp/traces-%p.jsonl',
    given: { OTEL_EXPORTER: 'file' },
    effect: config => transport(config)['path'],
    refuses: 'a\u0000b',
  },

  otlpEndpoint: {
    changes: 'https://backend:4318/base/',
    effect: config => transport(config)['url'],
    refuses: 'ftp://backend',
  },
  otlpTracesEndpoint: {
    changes: 'http://backend:4318',
    effect: config => transport(config)['url'],
    refuses: 'http://',
  },
  otlpProtocol: { changes: 'HTTP/JSON', effect: config => plan(config).encoding.mediaType, refuses: 'http' },
  otlpHeaders: { changes: 'x-key=a%2Cb', effect: transport, refuses: 'x-key' },
  otlpTracesHeaders: { changes: 'x-key=a', effect: transport, refuses: 'x key=a' },
  otlpCompression: { changes: 'gzip', effect: config => transport(config)['compression'], refuses: 'zstd' },
  otlpTimeoutMs: { changes: '0', effect: timeoutMs, refuses: 'never' },
  otlpCertificate: { changes: PEM_FILE, effect: config => transport(config)['ca'], refuses: '/no/such.pem' },
  otlpClientKey: { changes: PEM_FILE, effect: config => transport(config)['key'], refuses: __filename },
  otlpClientCertificate: { changes: PEM_FILE, effect: config => transport(config)['cert'], refuses: tmpdir() },
  otlpInsecure: {
    changes: 'true',
    given: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'backend:4317' },
    effect: config => transport(config)['url'],
    refuses: '1',
  },

  xrayDaemon: { changes: 'tcp:a:1 udp:b:2', given: XRAY, effect: transport, refuses: 'tcp:a:1' },
  xrayTracingName: { changes: 'shop', refuses: 'a\u0007' },
  xrayAnnotations: { changes: 'http.route,app.*', refuses: 'two words' },
  xrayAnnotateAll: { changes: 'true', refuses: 'all' },
  awsRegion: { changes: 'eu-central-1', given: XRAY_API, effect: transport, refuses: 'Frankfurt' },
  xrayApiEndpoint: { changes: 'http://localhost:5000', given: XRAY_API, effect: transport, refuses: 'localhost:5000' },
  zipkinEndpoint: {
    changes: 'http://zipkin:9411/api/v2/spans',
    given: ZIPKIN,
    effect: transport,
    refuses: 'zipkin:9411',
  },
  zipkinTimeoutMs: { ...milliseconds, given: ZIPKIN, effect: timeoutMs },
  zipkinKafkaBrokers: { changes: 'a:9092,b', given: ZIPKIN, effect: transport, refuses: 'http://a:9092' },
  zipkinKafkaTopic: {
    changes: 'spans.v2',
    given: { ...ZIPKIN, OTEL_EXPORTER_ZIPKIN_KAFKA_BROKERS: 'a' },
    effect: transport,
    refuses: 'spans!',
  },
  jaegerEndpoint: {
    changes: 'http://jaeger:14268/api/traces',
    given: JAEGER,
    effect: transport,
    refuses: 'udp://jaeger:6831',
  },
  jaegerUser: { changes: 'me', given: JAEGER_THRIFT, effect: transport, refuses: 'a\u0000' },
  jaegerPassword: {
    changes: 'secret',
    given: { ...JAEGER_THRIFT, OTEL_EXPORTER_JAEGER_USER: 'me' },
    effect: transport,
    refuses: 'sec\u0000ret',
  },
  jaegerTimeoutMs: { ...milliseconds, given: JAEGER_THRIFT, effect: timeoutMs },
  jaegerAgentHost: { changes: 'jaeger', given: JAEGER, effect: transport, refuses: 'jaeger:6831' },
  jaegerAgentPort: { changes: '6899', given: JAEGER_AGENT, effect: transport, refuses: '65536' },
  jaegerProtocol: { changes: 'udp/thrift.binary', given: JAEGER, effect: transport, refuses: 'thrift' },
}
