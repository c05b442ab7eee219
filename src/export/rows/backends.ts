/** Backends other than OTLP: AWS X-Ray, Zipkin, Jaeger, and a file. */
import { resolve } from 'node:path'
import type { Plan, Settings } from '../index'
import { jsonLines, later } from '../later'

const XRAY_TIMEOUT_MS = 10_000
const FILE_TIMEOUT_MS = 10_000
/** Jaeger's agent reads datagrams of this size and no larger ones. */
const MAX_AGENT_BYTES = 65_000
const THRIFT_BINARY = 'application/vnd.apache.thrift.binary'
const THRIFT_COMPACT = 'application/vnd.apache.thrift.compact'

export function xray(settings: Settings): Plan {
  const { host, port } = splitAddress(settings.config.xrayDaemon.udp)
  return {
    encoding: later('application/vnd.aws.xray.daemon', 1, () => xrayEncodings().xrayDaemon(xrayOptions(settings))),
    transport: { file: 'udp', options: { host, port, accepts: ['application/vnd.aws.xray.daemon'] } },
    timeoutMs: XRAY_TIMEOUT_MS,
    advice: { address: 'AWS_XRAY_DAEMON_ADDRESS selects the daemon' },
  }
}

export function xrayApi(settings: Settings): Plan {
  const { config, version } = settings
  const endpoint = config.xrayApiEndpoint.replace(/\/+$/, '')
  return {
    encoding: later('application/x-amz-json-1.1', 50, () => xrayEncodings().xrayApi(xrayOptions(settings))),
    transport: {
      file: 'aws',
      options: {
        url: endpoint === '' ? '' : `${endpoint}/TraceSegments`,
        path: '/TraceSegments',
        region: config.awsRegion,
        headers: { 'user-agent': `tracing-agent/${version}` },
        compression: 'none',
      },
    },
    timeoutMs: XRAY_TIMEOUT_MS,
    advice: {
      address: 'AWS_REGION and AWS_ENDPOINT_URL_XRAY select the address',
      credentials: 'credentials come from the provider chain of the AWS SDKs, such as AWS_ACCESS_KEY_ID or a profile',
    },
  }
}

const zipkinJson = later('application/json', Infinity, () => {
  const { zipkinJson } = require('../encodings/zipkin-json') as typeof import('../encodings/zipkin-json')
  return zipkinJson
})

export function zipkin({ config, version }: Settings): Plan {
  const plan = { encoding: zipkinJson, timeoutMs: config.zipkinTimeoutMs }
  if (config.zipkinKafkaBrokers.length > 0) {
    return {
      ...plan,
      transport: {
        file: 'kafka',
        options: { brokers: [...config.zipkinKafkaBrokers], topic: config.zipkinKafkaTopic },
      },
      advice: { address: 'OTEL_EXPORTER_ZIPKIN_KAFKA_BROKERS selects the brokers' },
    }
  }
  return {
    ...plan,
    transport: { file: 'http', options: httpOptions(config.zipkinEndpoint, version) },
    advice: { address: 'OTEL_EXPORTER_ZIPKIN_ENDPOINT selects the address' },
  }
}

/** OTLP, Thrift to a collector, or Thrift to an agent: as the protocol says, else as the variables that are set say. */
export function jaeger(settings: Settings): Plan {
  const { config } = settings
  const protocol =
    config.jaegerProtocol ||
    (config.jaegerEndpoint !== ''
      ? 'http/thrift.binary'
      : config.jaegerAgentHost !== ''
        ? 'udp/thrift.compact'
        : 'otlp')
  if (protocol === 'otlp') return (require('./otlp') as typeof import('./otlp')).otlp(settings)
  return protocol === 'http/thrift.binary' ? jaegerCollector(settings) : jaegerAgent(settings, protocol)
}

function jaegerCollector({ config, version }: Settings): Plan {
  const url = new URL(config.jaegerEndpoint || 'http://localhost:14268/api/traces')
  if (!url.searchParams.has('format')) url.searchParams.set('format', 'jaeger.thrift')
  if (config.jaegerUser !== '') {
    url.username = encodeURIComponent(config.jaegerUser)
    url.password = encodeURIComponent(config.jaegerPassword)
  }
  return {
    encoding: later(THRIFT_BINARY, Infinity, () => jaegerEncodings().jaegerThriftBinary),
    transport: { file: 'http', options: httpOptions(url.href, version) },
    timeoutMs: config.jaegerTimeoutMs,
    advice: {
      address: 'OTEL_EXPORTER_JAEGER_ENDPOINT selects the address',
      credentials: 'OTEL_EXPORTER_JAEGER_USER and OTEL_EXPORTER_JAEGER_PASSWORD are the credentials',
    },
  }
}

function jaegerAgent({ config }: Settings, protocol: string): Plan {
  const isCompact = protocol === 'udp/thrift.compact'
  const encoding = isCompact
    ? later(THRIFT_COMPACT, Infinity, () => jaegerEncodings().jaegerThriftCompact)
    : later(THRIFT_BINARY, Infinity, () => jaegerEncodings().jaegerThriftBinaryCall)
  return {
    encoding,
    transport: {
      file: 'udp',
      options: {
        host: config.jaegerAgentHost || 'localhost',
        port: config.jaegerAgentPort || (isCompact ? 6831 : 6832),
        accepts: [encoding.mediaType],
        maxBytes: MAX_AGENT_BYTES,
      },
    },
    timeoutMs: config.jaegerTimeoutMs,
    advice: { address: 'OTEL_EXPORTER_JAEGER_AGENT_HOST and OTEL_EXPORTER_JAEGER_AGENT_PORT select the agent' },
  }
}

export function file({ config }: Settings): Plan {
  // The program may change its working directory later.
  const path = resolve(config.filePath.replaceAll('%p', String(process.pid)))
  return {
    encoding: jsonLines,
    transport: { file: 'file', options: { path } },
    timeoutMs: FILE_TIMEOUT_MS,
    advice: { address: 'TRACING_AGENT_FILE selects the file' },
  }
}

function httpOptions(url: string, version: string) {
  return { url, headers: { 'user-agent': `tracing-agent/${version}` }, compression: 'none' }
}

function xrayOptions({ config, log }: Settings) {
  return {
    annotations: config.xrayAnnotateAll ? ['*'] : config.xrayAnnotations,
    serviceName: config.xrayTracingName,
    warn: (message: string) => log.warn(`exporter xray: ${message}`),
  }
}

function xrayEncodings() {
  return require('../encodings/xray') as typeof import('../encodings/xray')
}

function jaegerEncodings() {
  return require('../encodings/jaeger-thrift') as typeof import('../encodings/jaeger-thrift')
}

/** `host:port`, the host perhaps in brackets. */
function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}
