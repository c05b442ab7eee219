import type { AttributeValue } from '@opentelemetry/api'
import { type AttributeList, ERROR, getAttribute, OK, type Resource, type SpanData } from '../../trace/data'
import type { Verdict } from '../contract'

/**
 * What formats other than OTLP carry as tags because they have no field for it: status code, scope and dropped counts
 * (OpenTelemetry specification, common/mapping-to-non-otlp.md). `otel.library.*` are the older names of the scope, which
 * the specification still asks for.
 */
export function tagsBeyondAttributes(span: SpanData): AttributeList {
  const tags: AttributeList = []
  if (span.status.code === ERROR) tags.push('otel.status_code', 'ERROR')
  else if (span.status.code === OK) tags.push('otel.status_code', 'OK')
  if (span.scope.name !== '') tags.push('otel.scope.name', span.scope.name, 'otel.library.name', span.scope.name)
  if (span.scope.version !== '') {
    tags.push('otel.scope.version', span.scope.version, 'otel.library.version', span.scope.version)
  }
  if (span.droppedAttributes > 0) tags.push('otel.dropped_attributes_count', span.droppedAttributes)
  if (span.droppedEvents > 0) tags.push('otel.dropped_events_count', span.droppedEvents)
  if (span.droppedLinks > 0) tags.push('otel.dropped_links_count', span.droppedLinks)
  return tags
}

/** An attribute value as text: booleans in lower case, arrays as a JSON list (specification, common, "Attribute"). */
export function asText(value: AttributeValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** `service.name` of the resource; the specification's fallback where there is none. */
export function serviceName(resource: Resource): string {
  const name = getAttribute(resource.attributes, 'service.name')
  return typeof name === 'string' && name !== '' ? name : 'unknown_service:node'
}

/** 4 or 6 for text that has the form of an IP address, else 0. What a server made of an address is never anything else. */
export function ipVersion(text: string): 0 | 4 | 6 {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return 4
  return /^[0-9a-f:.]*:[0-9a-f:.]*(?:%[\w.-]+)?$/i.test(text) ? 6 : 0
}

/**
 * The answer of a backend that says nothing when all is well (Zipkin and Jaeger: 202 and no body). A page of HTML is the
 * answer of somebody else; other words are left to the servers that speak the same protocol.
 */
export function readSilentReply(_body: Uint8Array, mediaType: string): Verdict | undefined {
  return mediaType === 'text/html' ? undefined : { rejectedSpans: 0, message: '' }
}
