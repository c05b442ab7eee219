/** `tracer_provider.processors`: each becomes an exporter with a queue of its own. */
import { fileURLToPath } from 'node:url'
import { EXPORTERS, type ExporterName } from '../names'
import type { OptionName } from '../options'
import { oneOf } from '../types'
import type { Fields, Place } from './place'
import { readScalar, Settings } from './settings'

/** One processor with its exporter. */
export interface Processor {
  readonly exporter: ExporterName
  readonly settings: Settings
}

/** More exporters than this are a mistake, and each has a queue. */
const MAX_PROCESSORS = 32

export function readProcessors(place: Place): Processor[] {
  const processors: Processor[] = []
  const places = place.list()
  if (places.length > MAX_PROCESSORS) place.say(`expected at most ${MAX_PROCESSORS} processors; using the first ones`)
  for (const each of places.slice(0, MAX_PROCESSORS)) {
    const processor = readProcessor(each)
    if (processor !== undefined) processors.push(processor)
  }
  return processors
}

const BATCH = {
  schedule_delay: 'batchDelayMs',
  export_timeout: 'batchTimeoutMs',
  max_queue_size: 'maxQueueSize',
  max_export_batch_size: 'maxBatchSize',
} as const satisfies Record<string, OptionName>

function readProcessor(place: Place): Processor | undefined {
  const choice = place.choice('batch, simple')
  if (choice === undefined) return undefined
  const [kind, inner] = choice
  if (kind !== 'batch' && kind !== 'simple') {
    place.unknown(kind, ['batch', 'simple'])
    return undefined
  }
  const settings = new Settings()
  const fields = inner.map({ known: kind === 'batch' ? [...Object.keys(BATCH), 'exporter'] : ['exporter'] })
  if (kind === 'batch') readAll(settings, fields, BATCH)
  // A span goes out as soon as it ends; those that end in one turn of the event loop go together.
  else settings.set('batchDelayMs', inner, 0)
  const exporter = fields.at('exporter')
  if (exporter === undefined || exporter.isNull) {
    inner.say('has no exporter: expected one of otlp_http, otlp_grpc, console; using nothing')
    return undefined
  }
  return readExporter(exporter, settings)
}

function readAll(settings: Settings, fields: Fields, options: Readonly<Record<string, OptionName>>): void {
  for (const [key, option] of Object.entries(options)) settings.read(option, fields.at(key))
}

type Reader = (place: Place, settings: Settings) => ExporterName

/** Exporters of the schema. */
const STANDARD: Readonly<Record<string, Reader>> = {
  otlp_http: (place, settings) => otlp(place, settings, false),
  otlp_grpc: (place, settings) => otlp(place, settings, true),
  'otlp_file/development': otlpFile,
  console(place) {
    place.map({ known: [] })
    return 'console'
  },
  zipkin: own('zipkin', {
    endpoint: 'zipkinEndpoint',
    timeout: 'zipkinTimeoutMs',
    kafka_brokers: 'zipkinKafkaBrokers',
    kafka_topic: 'zipkinKafkaTopic',
  }),
}

/** Exporters of this agent, by the names that `OTEL_TRACES_EXPORTER` has for them. */
const OWN: Readonly<Record<string, Reader>> = {
  xray: own('xray', { endpoint: 'xrayDaemon', tracing_name: 'xrayTracingName' }),
  'xray-api': own('xray-api', {
    endpoint: 'xrayApiEndpoint',
    region: 'awsRegion',
    tracing_name: 'xrayTracingName',
  }),
  jaeger: own('jaeger', {
    protocol: 'jaegerProtocol',
    endpoint: 'jaegerEndpoint',
    agent_host: 'jaegerAgentHost',
    agent_port: 'jaegerAgentPort',
    user: 'jaegerUser',
    password: 'jaegerPassword',
    timeout: 'jaegerTimeoutMs',
  }),
  file: own('file', { path: 'filePath' }),
  'otlp/stdout': own('otlp/stdout', {}),
}

function own(exporter: ExporterName, options: Readonly<Record<string, OptionName>>): Reader {
  return (place, settings) => {
    readAll(settings, place.map({ known: Object.keys(options) }), options)
    return exporter
  }
}

function readExporter(place: Place, settings: Settings): Processor | undefined {
  const names = [...Object.keys(STANDARD), ...Object.keys(OWN)]
  const choice = place.choice(names.join(', '))
  if (choice === undefined) return undefined
  const [name, inner] = choice
  const readers = Object.hasOwn(STANDARD, name) ? STANDARD : OWN
  if (!Object.hasOwn(readers, name)) {
    const isVariable = (EXPORTERS as readonly string[]).includes(name)
    place.unknown(name, isVariable ? ['otlp_http'] : names)
    return undefined
  }
  return { exporter: readers[name]!(inner, settings), settings }
}

const TLS = { ca_file: 'otlpCertificate', key_file: 'otlpClientKey', cert_file: 'otlpClientCertificate' } as const
/** Release candidates of the schema called them so. */
const FORMER_TLS = {
  certificate_file: 'otlpCertificate',
  client_key_file: 'otlpClientKey',
  client_certificate_file: 'otlpClientCertificate',
} as const

function otlp(place: Place, settings: Settings, isGrpc: boolean): ExporterName {
  const keys = ['endpoint', 'tls', 'headers', 'headers_list', 'compression', 'timeout']
  const fields = place.map({ known: isGrpc ? keys : [...keys, 'encoding'] })
  // A child of this place: messages about the address name it, whether it is there or not.
  settings.set('otlpTracesEndpoint', place, isGrpc ? 'http://localhost:4317' : 'http://localhost:4318/v1/traces')
  settings.read('otlpTracesEndpoint', fields.at('endpoint'))
  const json = isGrpc ? undefined : readScalar(oneOf(['protobuf', 'json']), fields.at('encoding'), 'protobuf')
  settings.set('otlpProtocol', place, isGrpc ? 'grpc' : json === 'json' ? 'http/json' : 'http/protobuf')
  settings.read('otlpCompression', fields.at('compression'))
  settings.read('otlpTimeoutMs', fields.at('timeout'))
  settings.read('otlpHeaders', fields.at('headers_list'))
  const headers = fields.at('headers')
  if (headers !== undefined) readHeaders(headers, settings)
  const tls = fields.at('tls')
  if (tls !== undefined) {
    const options = isGrpc ? { ...FORMER_TLS, ...TLS, insecure: 'otlpInsecure' as const } : { ...FORMER_TLS, ...TLS }
    readAll(settings, tls.map({ known: Object.keys(options) }), options)
  }
  return 'otlp'
}

/** As the list of a variable: its parser checks names and values. An entry whose value is null does not count. */
function readHeaders(place: Place, settings: Settings): void {
  const pairs: string[] = []
  for (const item of place.list()) {
    const fields = item.map({ known: ['name', 'value'] })
    const name = fields.at('name')?.scalar('text')?.text
    const value = fields.at('value')?.scalar('text')?.text
    if (name === undefined) item.say('has no name: expected name and value; using nothing')
    else if (value !== undefined) pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  }
  if (pairs.length > 0) settings.parse('otlpTracesHeaders', place, pairs.join(','))
}

/** `stdout`, or `file://` and a path. */
function otlpFile(place: Place, settings: Settings): ExporterName {
  const stream = place.map({ known: ['output_stream'] }).at('output_stream')
  const expected = 'stdout, or file:// and an absolute path'
  const text = stream?.scalar(expected)?.text.trim() ?? 'stdout'
  if (stream === undefined || text === '' || text === 'stdout') return 'otlp/stdout'
  const path = pathOf(text)
  if (path === undefined) {
    stream.say(`expected ${expected}; using stdout`, expected)
    return 'otlp/stdout'
  }
  settings.parse('filePath', stream, path)
  return 'file'
}

function pathOf(text: string): string | undefined {
  if (!/^file:\/\/\/./i.test(text)) return undefined
  try {
    // %p stands for the process id, and is no escape.
    return fileURLToPath(text.replaceAll('%p', '%25p'))
  } catch {
    return undefined
  }
}
