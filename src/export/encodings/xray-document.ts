import type { AttributeValue } from '@opentelemetry/api'
import {
  type AttributeList,
  CLIENT,
  CONSUMER,
  getAttribute,
  PRODUCER,
  type Resource,
  type SpanData,
} from '../../trace/data'
import { ipVersion } from './non-otlp'
import { type Cause, causeOf, exceptionId, flagsOf } from './xray-cause'
import { isSegment, namespaceOf, segmentName, subsegmentName, text } from './xray-names'
import { awsOfCall, awsOfResource, originOf } from './xray-resource'

/** Longest string in the block `http` (official segment document schema). */
const MAX_HTTP_TEXT = 250
/** Longest value of an annotation (official segment document schema). */
const MAX_ANNOTATION = 1000

type Fields = Record<string, unknown>

/** A segment, or a subsegment that is sent alone (X-Ray developer guide, "Segment documents"). Times are seconds since the epoch. */
export interface SegmentDocument extends Fields {
  name: string
  id: string
  trace_id?: string
  parent_id?: string
  type?: 'subsegment'
  start_time: number
  end_time: number
  cause?: Cause
  annotations?: Record<string, string | number | boolean>
  metadata?: Record<string, Fields>
  subsegments?: SegmentDocument[]
}

export interface DocumentOptions {
  /** Attribute names, or patterns with `*`, that become annotations; the others become metadata. */
  readonly annotations: readonly string[]
  /** Name of this service in X-Ray; empty for `service.name`. */
  readonly serviceName: string
}

/** Attributes that have a field of their own in a document. */
const IN_HTTP = new Set([
  'http.request.method',
  'http.response.status_code',
  'url.full',
  'url.path',
  'url.query',
  'url.scheme',
  'user_agent.original',
  'client.address',
])

/** Makes the document of a span. What is the same for all spans of a resource is made once. */
export class DocumentMaker {
  private readonly isAnnotation: (key: string) => boolean
  private known: { resource: Resource; shared: Fields; metadata: Fields } | undefined

  constructor(private readonly options: DocumentOptions) {
    this.isAnnotation = matcher(options.annotations)
  }

  make(span: SpanData, resource: Resource): SegmentDocument {
    if (!isSegment(span)) return this.subsegment(span, true)
    const segment = this.segment(span, resource)
    if (span.kind !== CLIENT && span.kind !== PRODUCER && span.kind !== CONSUMER) {
      this.describe(segment, span)
      return segment
    }
    // A call that nothing of ours stands above: the service, and inside it the call. The spans below the call name its
    // id as their parent, so the call keeps it and the service gets one derived from it.
    segment.id = exceptionId(span.spanId, 0x5e6)
    const call = this.subsegment(span, false)
    if (call['namespace'] === undefined) call['namespace'] = 'remote'
    segment.subsegments = [call]
    Object.assign(segment, flagsOf(span))
    return segment
  }

  private segment(span: SpanData, resource: Resource): SegmentDocument {
    const { shared, metadata } = this.sharedOf(resource)
    const segment: SegmentDocument = {
      name: segmentName(span, resource, this.options.serviceName),
      id: span.spanId,
      trace_id: toXRayTraceId(span.traceId),
      start_time: span.startMicros / 1e6,
      end_time: span.endMicros / 1e6,
      ...shared,
    }
    if (span.parentSpanId !== '') segment.parent_id = span.parentSpanId
    segment.metadata = { default: { ...metadata, 'span.name': span.name } }
    return segment
  }

  /** @param alone sent by itself, and not inside its segment */
  private subsegment(span: SpanData, alone: boolean): SegmentDocument {
    const subsegment: SegmentDocument = {
      name: subsegmentName(span),
      id: span.spanId,
      start_time: span.startMicros / 1e6,
      end_time: span.endMicros / 1e6,
    }
    if (alone) {
      subsegment.type = 'subsegment'
      subsegment.trace_id = toXRayTraceId(span.traceId)
      subsegment.parent_id = span.parentSpanId
    }
    const namespace = namespaceOf(span)
    if (namespace !== undefined) subsegment['namespace'] = namespace
    const aws = namespace === 'aws' ? awsOfCall(span) : {}
    if (Object.keys(aws).length > 0) subsegment['aws'] = aws
    const sql = sqlOf(span.attributes)
    if (sql !== undefined) subsegment['sql'] = sql
    this.describe(subsegment, span)
    if (subsegment.name !== span.name) addMetadata(subsegment, 'span.name', span.name)
    return subsegment
  }

  /** What segments and subsegments have in common: how it ended, the request, annotations, metadata, links. */
  private describe(document: SegmentDocument, span: SpanData): void {
    Object.assign(document, flagsOf(span))
    const cause = causeOf(span)
    if (cause !== undefined) document.cause = cause
    const http = httpOf(span)
    if (http !== undefined) document['http'] = http
    const user = text(span.attributes, 'enduser.id')
    if (user !== undefined) document['user'] = user.slice(0, MAX_HTTP_TEXT)
    if (span.links.length > 0) {
      document['links'] = span.links.map(link => ({
        trace_id: toXRayTraceId(link.context.traceId),
        id: link.context.spanId,
      }))
    }
    this.addAttributes(document, span.attributes, http !== undefined)
    for (const event of span.events) {
      if (event.name === 'exception') continue
      const fields: Fields = { time: event.timeMicros / 1e6 }
      for (let i = 0; i < event.attributes.length; i += 2)
        fields[event.attributes[i] as string] = event.attributes[i + 1]
      addMetadata(document, `event.${event.name}`, fields)
    }
  }

  private addAttributes(document: SegmentDocument, attributes: AttributeList, hasHttp: boolean): void {
    for (let i = 0; i < attributes.length; i += 2) {
      const key = attributes[i] as string
      const value = attributes[i + 1] as AttributeValue
      if (typeof value !== 'object' && this.isAnnotation(key))
        addAnnotation(document, key, value as string | number | boolean)
      else if (key.startsWith('aws.xray.metadata.') && typeof value === 'string')
        addNamespace(document, key.slice(18), value)
      else if (!(hasHttp && IN_HTTP.has(key)) && key !== 'enduser.id') addMetadata(document, key, value)
    }
  }

  private sharedOf(resource: Resource): { shared: Fields; metadata: Fields } {
    if (this.known?.resource === resource) return this.known
    const shared: Fields = { aws: awsOfResource(resource) }
    const origin = originOf(resource)
    if (origin !== undefined) shared['origin'] = origin
    const version = text(resource.attributes, 'service.version') ?? text(resource.attributes, 'container.image.tag')
    if (version !== undefined) shared['service'] = { version }
    const metadata: Fields = {}
    const { attributes } = resource
    for (let i = 0; i < attributes.length; i += 2) metadata[`otel.resource.${attributes[i]}`] = attributes[i + 1]
    this.known = { resource, shared, metadata }
    return this.known
  }
}

/** `1-{8 hex digits}-{24 hex digits}`. */
export function toXRayTraceId(traceId: string): string {
  return `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`
}

/** The block `http`, or undefined for a span that is no HTTP request. */
function httpOf(span: SpanData): Fields | undefined {
  const { attributes } = span
  const request: Fields = {}
  const response: Fields = {}
  set(request, 'method', text(attributes, 'http.request.method'))
  const status = getAttribute(attributes, 'http.response.status_code')
  if (typeof status === 'number') response['status'] = status
  if (request['method'] === undefined && status === undefined) return undefined
  set(request, 'url', urlOf(attributes))
  set(request, 'user_agent', text(attributes, 'user_agent.original'))
  const client = text(attributes, 'client.address')
  if (client !== undefined && ipVersion(client) !== 0) {
    request['client_ip'] = client
    const peer = text(attributes, 'network.peer.address')
    if (peer !== undefined && peer !== client) request['x_forwarded_for'] = true
  }
  const size = contentLength(attributes)
  if (size !== undefined) response['content_length'] = size
  const http: Fields = {}
  if (Object.keys(request).length > 0) http['request'] = request
  if (Object.keys(response).length > 0) http['response'] = response
  return http
}

function urlOf(attributes: AttributeList): string | undefined {
  const full = text(attributes, 'url.full')
  if (full !== undefined) return full
  const host = text(attributes, 'server.address')
  const path = text(attributes, 'url.path') ?? '/'
  const query = text(attributes, 'url.query')
  const pathAndQuery = query === undefined ? path : `${path}?${query}`
  if (host === undefined) return pathAndQuery
  const scheme = text(attributes, 'url.scheme') ?? 'http'
  const port = getAttribute(attributes, 'server.port')
  const isDefault = port === undefined || (scheme === 'http' && port === 80) || (scheme === 'https' && port === 443)
  const authority = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${scheme}://${authority}${isDefault ? '' : `:${port}`}${pathAndQuery}`
}

function contentLength(attributes: AttributeList): number | undefined {
  const size = getAttribute(attributes, 'http.response.body.size')
  if (typeof size === 'number') return size
  const header = getAttribute(attributes, 'http.response.header.content-length')
  const length = Array.isArray(header) ? Number(header[0]) : Number.NaN
  return Number.isInteger(length) ? length : undefined
}

function sqlOf(attributes: AttributeList): Fields | undefined {
  const query = text(attributes, 'db.query.text') ?? text(attributes, 'db.statement')
  if (query === undefined) return undefined
  const sql: Fields = { sanitized_query: query }
  const system = text(attributes, 'db.system.name') ?? text(attributes, 'db.system')
  if (system !== undefined) sql['database_type'] = system
  const user = text(attributes, 'db.user')
  if (user !== undefined) sql['user'] = user
  return sql
}

function set(target: Fields, key: string, value: string | undefined): void {
  if (value !== undefined) target[key] = value.slice(0, MAX_HTTP_TEXT)
}

/** Keys of annotations have letters, digits and `_` only. */
function addAnnotation(document: SegmentDocument, key: string, value: string | number | boolean): void {
  document.annotations ??= {}
  document.annotations[key.replace(/[^A-Za-z0-9_]/g, '_').slice(0, 500)] =
    typeof value === 'string' ? value.slice(0, MAX_ANNOTATION) : value
}

function addMetadata(document: SegmentDocument, key: string, value: AttributeValue | Fields): void {
  document.metadata ??= { default: {} }
  document.metadata['default'] ??= {}
  document.metadata['default'][key] = value
}

/** `aws.xray.metadata.<namespace>`: a JSON object that becomes a namespace of its own. */
function addNamespace(document: SegmentDocument, namespace: string, json: string): void {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      document.metadata ??= {}
      document.metadata[namespace] = value as Fields
      return
    }
  } catch {
    // Not JSON: kept as text below.
  }
  addMetadata(document, `aws.xray.metadata.${namespace}`, json)
}

/** One predicate for a list of names and patterns in which `*` stands for anything. */
function matcher(patterns: readonly string[]): (key: string) => boolean {
  if (patterns.length === 0) return () => false
  if (patterns.includes('*')) return () => true
  const names = new Set(patterns.filter(pattern => !pattern.includes('*')))
  const globs = patterns
    .filter(pattern => pattern.includes('*'))
    .map(pattern => {
      const escaped = pattern.split('*').map(part => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'))
      return new RegExp(`^${escaped.join('.*')}$`)
    })
  return key => names.has(key) || globs.some(glob => glob.test(key))
}
