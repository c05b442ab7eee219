/** Kinds of values that say where something is: URLs, hosts, ports. */
import { listOf, type Type } from './types'

/** An absolute URL. User name, password and query are not shown. */
export function url(...protocols: readonly string[]): Type<string> {
  return {
    expected: `a URL that begins with ${protocols.map(protocol => `${protocol}://`).join(' or ')}`,
    parse(value) {
      const colon = value.indexOf('://')
      if (colon < 0 || !protocols.includes(value.slice(0, colon).toLowerCase())) return {}
      try {
        return new URL(value).hostname === '' ? {} : { value }
      } catch {
        return {}
      }
    },
    show: maskUrl,
    mask: maskUrl,
  }
}

/** `text` with user name, password, query and fragment of a URL replaced: it works for what is no URL, too. */
export function maskUrl(text: string): string {
  const slashes = text.indexOf('//')
  const from = slashes < 0 ? 0 : slashes + 2
  const query = text.slice(from).search(/[?#]/)
  const head = query < 0 ? text : text.slice(0, from + query)
  const at = head.lastIndexOf('@')
  const shown = at < from ? head : `${head.slice(0, from)}***@${head.slice(at + 1)}`
  return query < 0 ? shown : `${shown}${text[from + query]}***`
}

/** A host name or address, with or without a port: a gRPC target or a UDP address. */
export function hostAndPort(defaultPort: number): Type<string> {
  return {
    expected: 'host or host:port',
    parse(value) {
      const match = /^(\[[0-9a-f:.]+\]|[^\s:/@]+)(?::(\d{1,5}))?$/i.exec(value)
      if (match === null) return {}
      const port = match[2] === undefined ? defaultPort : Number(match[2])
      return port >= 1 && port <= 65535 ? { value: `${match[1]}:${port}` } : {}
    },
    show: value => value,
  }
}

/** A host name or address alone. */
export const hostName: Type<string> = {
  expected: 'a host name or address',
  parse: value => (/^(?:[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*|\[[0-9a-f:.]+\]|[^\s:/@]+)$/i.test(value) ? { value } : {}),
  show: value => value,
}

const httpUrl = url('http', 'https')
const target = hostAndPort(4317)

/** An OTLP endpoint: a URL, or for gRPC a bare host and port. */
export const endpoint: Type<string> = {
  expected: `${httpUrl.expected}, or for grpc host:port`,
  parse: value => (value.includes('://') ? httpUrl.parse(value) : target.parse(value)),
  show: maskUrl,
  mask: maskUrl,
}

/** Where the X-Ray daemon takes segments (UDP) and sampling requests (TCP), each as `host:port`. */
export interface DaemonAddress {
  readonly udp: string
  readonly tcp: string
}

const daemon = hostAndPort(2000)

/** `host:port`, or `udp:host:port tcp:host:port` in either order, as the X-Ray SDKs take it. */
export const daemonAddress: Type<DaemonAddress> = {
  expected: 'host:port, or udp:host:port tcp:host:port',
  parse(value) {
    const parts = value.split(/\s+/)
    if (parts.length === 1) {
      const both = daemon.parse(value).value
      return both === undefined ? {} : { value: Object.freeze({ udp: both, tcp: both }) }
    }
    const found: { udp?: string; tcp?: string } = {}
    for (const part of parts) {
      const kind = part.slice(0, 4).toLowerCase()
      if (kind === 'udp:') found.udp = daemon.parse(part.slice(4)).value
      if (kind === 'tcp:') found.tcp = daemon.parse(part.slice(4)).value
    }
    const { udp, tcp } = found
    return parts.length !== 2 || udp === undefined || tcp === undefined ? {} : { value: Object.freeze({ udp, tcp }) }
  },
  show: ({ udp, tcp }) => (udp === tcp ? udp : `udp:${udp} tcp:${tcp}`),
}

/** Kafka brokers as `host:port`. */
const broker = hostAndPort(9092)

export const brokers = listOf('host:port', part => broker.parse(part).value)

/** Names that Kafka allows (org.apache.kafka.common.internals.Topic). */
export const kafkaTopic: Type<string> = {
  expected: 'a topic name of letters, digits, dots, underscores and hyphens',
  parse: value => (/^[\w.-]{1,249}$/.test(value) && value !== '.' && value !== '..' ? { value } : {}),
  show: value => value,
}

/** `eu-central-1`, `us-gov-west-1`, `cn-north-1`. */
export const awsRegion: Type<string> = {
  expected: 'a region such as eu-central-1',
  parse: value => (/^[a-z]{2,}(?:-[a-z]+)+-\d{1,2}$/i.test(value) ? { value: value.toLowerCase() } : {}),
  show: value => value,
}
