/** OTLP: which of the three protocols, where to, with which headers and keys. */
import { readFileSync } from 'node:fs'
import type { Plan, Settings } from '../index'
import { later } from '../later'
import type { Advice } from '../notices'
import type { HttpOptions } from '../transports/http'
import { xrayRegion } from '../transports/xray-hosts'

const json = later('application/json', Infinity, () => {
  const { otlpJson } = require('../encodings/otlp-json') as typeof import('../encodings/otlp-json')
  return otlpJson
})

const protobuf = later(
  'application/x-protobuf',
  Infinity,
  () => (require('../encodings/otlp-protobuf') as typeof import('../encodings/otlp-protobuf')).otlpProtobuf,
  true,
)

export function otlp(settings: Settings): Plan {
  const { config, origins, version } = settings
  const { url, advice } = endpoint(settings)
  const headers: Record<string, string> = {}
  for (const [name, value] of [...config.otlpHeaders, ...config.otlpTracesHeaders]) headers[name.toLowerCase()] = value
  const options: HttpOptions = {
    url,
    headers: { 'user-agent': `tracing-agent/${version} OTel-OTLP-Exporter-JavaScript/${version}`, ...headers },
    compression: config.otlpCompression,
    ca: readPem(settings, 'otlpCertificate', 'the certificates of the system'),
    cert: readPem(settings, 'otlpClientCertificate', 'none'),
    key: readPem(settings, 'otlpClientKey', 'none'),
  }
  const isGrpc = config.otlpProtocol === 'grpc'
  const region = isGrpc ? undefined : xrayRegion(new URL(url).hostname)
  return {
    encoding: config.otlpProtocol === 'http/json' ? json : protobuf,
    transport:
      region === undefined
        ? { file: isGrpc ? 'grpc' : 'http', options: { ...options } }
        : { file: 'aws', options: { ...options, region, path: '' } },
    timeoutMs: config.otlpTimeoutMs,
    timeoutVariable: origins.otlpTimeoutMs?.variable ?? 'OTEL_EXPORTER_OTLP_TIMEOUT',
    advice,
  }
}

/**
 * OTLP exporter specification, "Endpoint URLs for OTLP/HTTP": the variable for traces is used as it is, with `/` for a
 * missing path; the general one is a base to which `v1/traces` is appended. A gRPC target has no path; without a scheme it
 * means TLS unless `OTEL_EXPORTER_OTLP_INSECURE`.
 */
function endpoint({ config, origins }: Settings): { url: string; advice: Advice } {
  const isGrpc = config.otlpProtocol === 'grpc'
  const own = config.otlpTracesEndpoint
  const name = own === '' ? 'otlpEndpoint' : 'otlpTracesEndpoint'
  const variable = own === '' ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  // Where the exporter is an entry of a file, the entry selects both.
  const { from, variable: entry } = origins['otlpProtocol'] ?? {}
  const protocol = from === 'config file' && entry !== undefined ? entry : 'OTEL_EXPORTER_OTLP_PROTOCOL'
  const advice = {
    address: `${origins[name]?.variable ?? variable} selects the address, ${protocol} (${config.otlpProtocol}) the protocol`,
    credentials: `${origins.otlpTracesHeaders?.variable ?? 'OTEL_EXPORTER_OTLP_HEADERS'} holds the credentials`,
  }
  let text = own || config.otlpEndpoint || (isGrpc ? 'http://localhost:4317' : 'http://localhost:4318')
  if (!text.includes('://')) text = `${config.otlpInsecure ? 'http' : 'https'}://${text}`
  const url = new URL(text)
  if (isGrpc) {
    if (url.port === '' && !/:\d+\/?$/.test(text)) url.port = '4317'
    url.pathname = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
  } else if (own === '') url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
  return { url: url.href, advice }
}

/** The text of a PEM file; undefined when none is named or it cannot be read, which is said. */
function readPem(
  { config, origins, log }: Settings,
  name: 'otlpCertificate' | 'otlpClientCertificate' | 'otlpClientKey',
  instead: string,
): string | undefined {
  const path = config[name]
  if (path === '') return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const variable = origins[name]?.variable ?? name
    log.error(`${variable}="${path}" cannot be read (${(error as Error).message}); using ${instead}`)
    return undefined
  }
}
