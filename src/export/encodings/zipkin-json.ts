import {
  type AttributeList,
  CLIENT,
  ERROR,
  getAttribute,
  PRODUCER,
  type Resource,
  type SpanData,
  type SpanEvent,
  toObject,
} from '../../trace/data'
import type { Encoding } from '../contract'
import { asText, ipVersion, readSilentReply, serviceName, tagsBeyondAttributes } from './non-otlp'
import { GrowingText } from './text'

const KINDS = [undefined, 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const

/**
 * Where a CLIENT or PRODUCER span called to: the first of these that the span has (specification,
 * trace/sdk_exporters/zipkin.md, "Remote endpoint"). An address with a port is an endpoint; the others are service names.
 */
const REMOTE: readonly { readonly key: string; readonly port?: string }[] = [
  { key: 'peer.service' },
  { key: 'server.address' },
  { key: 'net.peer.name' },
  { key: 'network.peer.address', port: 'network.peer.port' },
  { key: 'server.socket.domain' },
  { key: 'server.socket.address', port: 'server.socket.port' },
  { key: 'net.sock.peer.name' },
  { key: 'net.sock.peer.addr', port: 'net.sock.peer.port' },
  { key: 'peer.hostname' },
  { key: 'peer.address' },
  { key: 'db.name' },
]

interface Endpoint {
  serviceName?: string
  ipv4?: string
  ipv6?: string
  port?: number
}

/** Zipkin v2 span, `ListOfSpans` of zipkin2-api.yaml; fields that would be empty are left out. */
interface ZipkinSpan {
  /** 32 lower-case hex digits. */
  traceId: string
  /** 16 lower-case hex digits. */
  id: string
  parentId?: string
  name: string
  kind?: string
  /** Microseconds since the epoch, whole. */
  timestamp: number
  /** Microseconds, whole, at least 1: Zipkin takes 0 for unknown. */
  duration: number
  localEndpoint: Endpoint
  remoteEndpoint?: Endpoint
  annotations?: { timestamp: number; value: string }[]
  tags?: Record<string, string>
}

/** Zipkin v2 JSON: an array of spans for `POST /api/v2/spans` or for a message on the Kafka topic `zipkin`. */
export const zipkinJson: Encoding = {
  mediaType: 'application/json',
  maxSpans: Infinity,
  *encode(batch, resource) {
    const localEndpoint: Endpoint = { serviceName: serviceName(resource) }
    const resourceTags = tagsOfResource(resource)
    const text = new GrowingText()
    let before = '['
    for (const span of batch) {
      text.add(before + JSON.stringify(toZipkin(span, localEndpoint, resourceTags)))
      before = ','
      yield
    }
    text.add(batch.length === 0 ? '[]' : ']')
    return text.bytes()
  },
  readReply: readSilentReply,
}

function toZipkin(span: SpanData, localEndpoint: Endpoint, resourceTags: AttributeList): ZipkinSpan {
  const zipkin: ZipkinSpan = {
    traceId: span.traceId,
    id: span.spanId,
    name: span.name,
    timestamp: Math.floor(span.startMicros),
    duration: Math.max(1, Math.floor(span.endMicros - span.startMicros)),
    localEndpoint,
  }
  if (span.parentSpanId !== '') zipkin.parentId = span.parentSpanId
  if (KINDS[span.kind] !== undefined) zipkin.kind = KINDS[span.kind]
  const remote = span.kind === CLIENT || span.kind === PRODUCER ? remoteEndpoint(span.attributes) : undefined
  if (remote !== undefined) zipkin.remoteEndpoint = remote
  if (span.events.length > 0) zipkin.annotations = span.events.map(toAnnotation)
  zipkin.tags = tagsOf(span, resourceTags)
  return zipkin
}

function remoteEndpoint(attributes: AttributeList): Endpoint | undefined {
  for (const { key, port } of REMOTE) {
    const value = getAttribute(attributes, key)
    if (typeof value !== 'string' || value === '') continue
    if (port === undefined) return { serviceName: value }
    const number = Number(getAttribute(attributes, port))
    const endpoint: Endpoint = {}
    const version = ipVersion(value)
    if (version === 4) endpoint.ipv4 = value
    else if (version === 6) endpoint.ipv6 = value
    else endpoint.serviceName = value
    if (Number.isInteger(number) && number > 0 && number < 65536) endpoint.port = number
    return endpoint
  }
  return undefined
}

/** `"name"` alone, or `"name": {…}` when the event has attributes. */
function toAnnotation(event: SpanEvent): { timestamp: number; value: string } {
  const timestamp = Math.floor(event.timeMicros)
  if (event.attributes.length === 0) return { timestamp, value: event.name }
  return { timestamp, value: `${JSON.stringify(event.name)}: ${JSON.stringify(toObject(event.attributes))}` }
}

/**
 * Attributes, then what Zipkin has no field for. The tag `error` says to Zipkin that a span failed, whatever its value:
 * it is there exactly when the status is ERROR, and otherwise only where the program set it to something but false.
 */
function tagsOf(span: SpanData, resourceTags: AttributeList): Record<string, string> {
  const tags: Record<string, string> = Object.create(null)
  addTags(tags, resourceTags)
  addTags(tags, span.attributes)
  addTags(tags, tagsBeyondAttributes(span))
  if (span.status.code === ERROR) tags['error'] = span.status.message ?? ''
  else if (tags['error'] === 'false') delete tags['error']
  return tags
}

function addTags(tags: Record<string, string>, attributes: AttributeList): void {
  for (let i = 0; i < attributes.length; i += 2) tags[attributes[i] as string] = asText(attributes[i + 1]!)
}

/** `service.namespace` must be a tag; what tells versions and instances apart is wanted in a search. The rest repeats itself. */
function tagsOfResource(resource: Resource): AttributeList {
  const tags: AttributeList = []
  for (const key of ['service.namespace', 'service.version', 'service.instance.id', 'deployment.environment.name']) {
    const value = getAttribute(resource.attributes, key)
    if (value !== undefined) tags.push(key, value)
  }
  return tags
}
