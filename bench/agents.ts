/** Who is measured: how each is installed, started, and pointed at the receiver. */
import { ROOT } from './place'

export interface AgentRow {
  readonly name: string
  /** Packages with versions for the scratch folder. */
  readonly packages: readonly string[]
  /** Flags of Node; paths are relative to the scratch folder. */
  flags(folder: string): string[]
  env(receiver: string): Record<string, string>
}

const OTLP_TRACES_ONLY = { OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' }

const otlp = (receiver: string) => ({
  OTEL_TRACES_EXPORTER: 'otlp',
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  OTEL_SERVICE_NAME: 'bench',
  // What is queued at the end of a run is waited for, and belongs to its cost.
  OTEL_BSP_SCHEDULE_DELAY: '1000',
})

const ours = (name: string, extra: Record<string, string> = {}): AgentRow => ({
  name,
  packages: [],
  flags: () => ['--require', `${ROOT}/register.js`],
  env: receiver => ({ ...otlp(receiver), ...extra }),
})

const openTelemetry = (name: string, extra: Record<string, string> = {}): AgentRow => ({
  name,
  packages: ['@opentelemetry/api@1.9.0', '@opentelemetry/auto-instrumentations-node@0.81.2'],
  flags: folder => [
    '--require',
    `${folder}/node_modules/@opentelemetry/auto-instrumentations-node/build/src/register.js`,
  ],
  env: receiver => ({
    ...otlp(receiver),
    ...OTLP_TRACES_ONLY,
    OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http,undici,grpc,express',
    ...extra,
  }),
})

export const AGENTS: readonly AgentRow[] = [
  { name: 'bare', packages: [], flags: () => [], env: () => ({}) },
  ours('tracing-agent'),
  openTelemetry('OpenTelemetry 0.81'),
  {
    name: 'dd-trace 5',
    packages: ['dd-trace@5'],
    flags: folder => ['--require', `${folder}/node_modules/dd-trace/init.js`],
    env: receiver => ({
      ...otlp(receiver),
      DD_TRACE_AGENT_URL: receiver,
      DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
      DD_REMOTE_CONFIGURATION_ENABLED: 'false',
      DD_TRACE_STARTUP_LOGS: 'false',
      DD_SERVICE: 'bench',
    }),
  },
  {
    name: 'elastic-apm 4',
    packages: ['elastic-apm-node@4'],
    flags: folder => ['--require', `${folder}/node_modules/elastic-apm-node/start.js`],
    env: receiver => ({
      ELASTIC_APM_SERVER_URL: receiver,
      ELASTIC_APM_SERVICE_NAME: 'bench',
      ELASTIC_APM_CENTRAL_CONFIG: 'false',
      ELASTIC_APM_METRICS_INTERVAL: '0s',
      ELASTIC_APM_API_REQUEST_TIME: '1s',
      ELASTIC_APM_CLOUD_PROVIDER: 'none',
      ELASTIC_APM_LOG_LEVEL: 'off',
    }),
  },
]

/** The same agents with another setting, for single comparisons. */
export const VARIANTS = {
  off: [
    ours('tracing-agent', { OTEL_TRACES_SAMPLER: 'always_off' }),
    openTelemetry('OpenTelemetry 0.81', { OTEL_TRACES_SAMPLER: 'always_off' }),
  ],
  ratio: [
    ours('tracing-agent', { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' }),
    openTelemetry('OpenTelemetry 0.81', { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' }),
  ],
  away: [
    ours('tracing-agent', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_LOG_LEVEL: 'none' }),
    openTelemetry('OpenTelemetry 0.81', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }),
  ],
  allSpans: [ours('tracing-agent', { TRACING_AGENT_EXPRESS_SPANS: 'all' })],
} satisfies Record<string, readonly AgentRow[]>
