import {
  type AttributeList,
  CLIENT,
  CONSUMER,
  getAttribute,
  PRODUCER,
  type Resource,
  SERVER,
  type SpanData,
} from '../../trace/data'
import { serviceName } from './non-otlp'

/** What X-Ray does not take in a name (X-Ray developer guide, "Segment documents", field `name`). */
const FORBIDDEN = /[^ 0-9\p{L}\p{N}_.:/%&#=+\-@]/gu
const MAX_NAME = 200

/** The name as X-Ray takes it: at most 200 characters of its alphabet, never empty. */
export function cleanName(name: string): string {
  return name.replace(FORBIDDEN, '').slice(0, MAX_NAME) || 'span'
}

/** The name of this service, a node of the service map. */
export function segmentName(span: SpanData, resource: Resource, override: string): string {
  return cleanName(text(span.attributes, 'aws.local.service') ?? (override === '' ? serviceName(resource) : override))
}

/**
 * The name of a subsegment. For a call to elsewhere it is a node of the service map, so it is the name of the other
 * service or its address and never `GET`; for work in this process it is the name of the span.
 */
export function subsegmentName(span: SpanData): string {
  const { attributes, kind } = span
  if (kind !== CLIENT && kind !== PRODUCER && kind !== CONSUMER) return cleanName(span.name)
  const remote = text(attributes, 'aws.remote.service')
  if (remote !== undefined) return cleanName(remote.replace(/^AWS\.SDK\.|^AWS::/, ''))
  return cleanName(
    text(attributes, 'peer.service') ??
      text(attributes, 'aws.service') ??
      databaseName(attributes) ??
      text(attributes, 'messaging.destination.name') ??
      text(attributes, 'server.address') ??
      text(attributes, 'rpc.service') ??
      text(attributes, 'http.host') ??
      text(attributes, 'net.peer.name') ??
      span.name,
  )
}

/** `database@host`, as the X-Ray SDKs name a database. */
function databaseName(attributes: AttributeList): string | undefined {
  const name = text(attributes, 'db.namespace') ?? text(attributes, 'db.name')
  if (name === undefined) return undefined
  const host = text(attributes, 'server.address') ?? text(attributes, 'net.peer.name')
  return host === undefined ? name : `${name}@${host}`
}

/** `aws` for a call to an AWS service, `remote` for any other call to elsewhere. */
export function namespaceOf(span: SpanData): 'aws' | 'remote' | undefined {
  const { attributes, kind } = span
  if (kind !== CLIENT && kind !== PRODUCER) return undefined
  const system = text(attributes, 'rpc.system.name') ?? text(attributes, 'rpc.system')
  return system === 'aws-api' || text(attributes, 'aws.service') !== undefined ? 'aws' : 'remote'
}

/**
 * A segment is what one service does for one request: its first span in this process. A call out of the process that has
 * no span of ours above it is such a first span as well; its own work then stands inside the segment as a subsegment.
 */
export function isSegment(span: SpanData): boolean {
  return span.kind === SERVER || span.parentSpanId === '' || span.parentIsRemote
}

export function text(attributes: AttributeList, key: string): string | undefined {
  const value = getAttribute(attributes, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}
