/**
 * The one table of exporters. A row joins an encoding to a transport; only the files of the chosen exporters are loaded.
 */
import type { Config, Origin, Pipeline } from '../config/load'
import type { ExporterName } from '../config/names'
import type { Log } from '../log'
import type { Resource, SpanData, SpanSink } from '../trace/data'
import type { Encoding, Exporter, Transport, TransportSpec } from './contract'
import { checkFit } from './fit'
import type { Advice } from './notices'
import { createTransport } from './transports'

/** What a row reads. */
export interface Settings {
  readonly config: Config
  readonly origins: Readonly<Record<string, Origin>>
  readonly log: Log
  readonly version: string
  /** Exporters with settings of their own. Left out: those that `config` names. */
  readonly pipelines?: readonly Pipeline[] | undefined
}

/** What a row makes of the settings. */
export interface Plan {
  readonly encoding: Encoding
  readonly transport: TransportSpec
  /** Longest time for one batch, retries included; 0 for no limit. */
  readonly timeoutMs: number
  /** The variable that sets it. */
  readonly timeoutVariable?: string
  readonly advice: Advice
  /** Instead of `OTEL_BSP_SCHEDULE_DELAY`, if that is longer. */
  readonly maxDelayMs?: number
  /** Puts something between the program and the queue. */
  readonly front?: (exporter: Exporter) => Exporter
}

export interface ExporterRow {
  /** One sentence for the user. */
  readonly doc: string
  plan(settings: Settings): Plan
}

export const EXPORTERS: Readonly<Partial<Record<ExporterName, ExporterRow>>> = {
  otlp: {
    doc: 'OTLP to any OpenTelemetry backend or collector, over HTTP (protobuf or JSON) or gRPC.',
    plan: settings => (require('./rows/otlp') as typeof import('./rows/otlp')).otlp(settings),
  },
  console: {
    doc: 'A readable tree for each trace, or lines of JSON, on the terminal (stderr).',
    plan: settings => (require('./rows/streams') as typeof import('./rows/streams')).console(settings),
  },
  'otlp/stdout': {
    doc: 'OTLP in JSON, one message a line, on stdout.',
    plan: () => (require('./rows/streams') as typeof import('./rows/streams')).otlpStdout(),
  },
  file: {
    doc: 'OTLP in JSON, one message a line, at the end of a file.',
    plan: settings => backends().file(settings),
  },
  xray: {
    doc: 'Segment documents to the AWS X-Ray daemon, over UDP.',
    plan: settings => backends().xray(settings),
  },
  'xray-api': {
    doc: 'Segment documents to AWS X-Ray itself (PutTraceSegments), signed with the credentials of the AWS SDKs.',
    plan: settings => backends().xrayApi(settings),
  },
  zipkin: {
    doc: 'Zipkin v2 JSON, over HTTP or through Kafka.',
    plan: settings => backends().zipkin(settings),
  },
  jaeger: {
    doc: 'OTLP to Jaeger; Thrift over HTTP to an older collector or over UDP to an agent.',
    plan: settings => backends().jaeger(settings),
  },
}

function backends() {
  return require('./rows/backends') as typeof import('./rows/backends')
}

/** An exporter that can be made. */
export interface PlannedExporter {
  readonly name: string
  readonly config: Config
  readonly origins: Readonly<Record<string, Origin>>
  readonly plan: Plan
  readonly transport: Transport
}

/** The exporters that the user chose. One that cannot be made is said and left out. */
export function planExporters(settings: Settings): PlannedExporter[] {
  const planned: PlannedExporter[] = []
  const { config, origins, pipelines } = settings
  for (const { exporter: name, ...own } of pipelines ??
    config.exporters.map(exporter => ({ exporter, config, origins }))) {
    const row = EXPORTERS[name]
    try {
      if (row === undefined) throw new Error('this version has none of that name')
      const plan = row.plan({ ...settings, ...own })
      const transport = createTransport(plan.transport)
      checkFit(plan.encoding, transport)
      planned.push({ name, plan, transport, ...own })
    } catch (error) {
      settings.log.error(`exporter ${name} cannot be used: ${(error as Error).message}`)
    }
  }
  return planned
}

/** Each with a queue of its own. */
export function createExporters(
  settings: Settings,
  resource: Resource,
  planned: readonly PlannedExporter[] = planExporters(settings),
): Exporter[] {
  const { createExporter } = require('./exporter') as typeof import('./exporter')
  return planned.map(each => createExporter(each, settings.log, resource))
}

/** One sink for all of them. */
export function fanOut(exporters: readonly Exporter[]): SpanSink {
  if (exporters.length === 1) return exporters[0]!
  return {
    push(span: SpanData) {
      for (let i = 0; i < exporters.length; i++) exporters[i]!.push(span)
    },
  }
}

/** `otlp: 120 spans sent to http://localhost:4318/v1/traces, 3 spans lost (2 queue full, 1 answered 400 Bad Request)` */
export function summary({ name, target, counts }: Exporter): string {
  let lost = 0
  const reasons: string[] = []
  for (const [reason, spans] of counts.lost) {
    lost += spans
    reasons.push(`${spans} ${reason}`)
  }
  const losses = lost === 0 ? 'none lost' : `${lost} lost (${reasons.join(', ')})`
  return `${name}: of ${counts.finished} finished spans ${counts.sent} sent to ${target}, ${losses}`
}
