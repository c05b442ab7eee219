/**
 * OTLP as somebody else reads it: protobufjs with the official .proto files (as @elastic/mockotlpserver ships them), and
 * JSON by the rules of the specification. Nothing of the agent's own encoders is used here.
 */
import { dirname, join } from 'node:path'
import protobuf from 'protobufjs'

export type Kind = 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER' | 'UNSPECIFIED'
export type Attributes = Record<string, any>

/** A span as tests look at it. Ids are lower-case hex, times are microseconds since the epoch with a fraction. */
export interface ReceivedSpan {
  traceId: string
  spanId: string
  /** Empty for a root span. */
  parentSpanId: string
  name: string
  kind: Kind
  attributes: Attributes
  status: { code: 'UNSET' | 'OK' | 'ERROR'; message: string }
  events: { name: string; timeMicros: number; attributes: Attributes; droppedAttributes: number }[]
  links: {
    traceId: string
    spanId: string
    traceState: string
    flags: number
    attributes: Attributes
    droppedAttributes: number
  }[]
  scope: { name: string; version: string; attributes: Attributes }
  resource: Attributes
  startMicros: number
  endMicros: number
  /** All 32 bits: W3C flags in the low 8, 0x100 "is remote" is known, 0x200 the parent is remote. */
  flags: number
  traceState: string
  droppedAttributes: number
  droppedEvents: number
  droppedLinks: number
}

const KINDS: Kind[] = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']
const STATUS_CODES = ['UNSET', 'OK', 'ERROR'] as const

const PROTO_FOLDER = dirname(require.resolve('@elastic/mockotlpserver/package.json'))
export const TRACE_SERVICE_PROTO = join(PROTO_FOLDER, 'opentelemetry/proto/collector/trace/v1/trace_service.proto')

const root = new protobuf.Root()
root.resolvePath = (_origin, target) => (target.startsWith('/') ? target : join(PROTO_FOLDER, target))
root.loadSync(TRACE_SERVICE_PROTO)
const ExportRequest = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest')
const ExportResponse = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse')
/** google.rpc.Status, the body of an error answer. */
const RpcStatus = protobuf.parse(
  'syntax = "proto3"; package google.rpc; message Any { string type_url = 1; bytes value = 2; } ' +
    'message Status { int32 code = 1; string message = 2; repeated Any details = 3; } ' +
    'message Duration { int64 seconds = 1; int32 nanos = 2; } message RetryInfo { Duration retry_delay = 1; }',
).root

export function decodeProtobuf(body: Uint8Array): ReceivedSpan[] {
  const message = ExportRequest.decode(body)
  return normalise(ExportRequest.toObject(message, { longs: String, bytes: Buffer as any, arrays: true }), fromBytes)
}

/** @throws if the text breaks a rule of OTLP/JSON: camelCase keys, hex ids, numeric enums */
export function decodeJson(body: Uint8Array | string): ReceivedSpan[] {
  const request = JSON.parse(Buffer.from(body as Uint8Array).toString('utf8'))
  checkJson(request, '')
  return normalise(request, hexId)
}

export interface PartialSuccess {
  rejectedSpans: number
  errorMessage: string
}

export function encodeReply(partialSuccess: PartialSuccess | undefined, json: boolean): Buffer {
  if (json) {
    const { rejectedSpans, errorMessage } = partialSuccess ?? {}
    return Buffer.from(
      partialSuccess
        ? JSON.stringify({ partialSuccess: { rejectedSpans: String(rejectedSpans), errorMessage } })
        : '{}',
    )
  }
  return Buffer.from(
    ExportResponse.encode(ExportResponse.fromObject(partialSuccess ? { partialSuccess } : {})).finish(),
  )
}

export function encodeErrorBody(message: string, json: boolean): Buffer {
  if (json) return Buffer.from(JSON.stringify({ code: 3, message }))
  return Buffer.from(RpcStatus.lookupType('google.rpc.Status').encode({ code: 3, message }).finish())
}

/** The metadata value `grpc-status-details-bin` of an answer that asks to wait. */
export function encodeRetryInfo(code: number, message: string, retryDelayMs: number): Buffer {
  const retryInfo = RpcStatus.lookupType('google.rpc.RetryInfo').encode({
    retryDelay: { seconds: Math.floor(retryDelayMs / 1000), nanos: (retryDelayMs % 1000) * 1e6 },
  })
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: retryInfo.finish() }]
  return Buffer.from(RpcStatus.lookupType('google.rpc.Status').encode({ code, message, details }).finish())
}

function normalise(request: any, id: (value: any) => string): ReceivedSpan[] {
  const spans: ReceivedSpan[] = []
  for (const { resource, scopeSpans } of request.resourceSpans ?? []) {
    const resourceAttributes = attributes(resource?.attributes)
    for (const { scope, spans: found } of scopeSpans ?? []) {
      for (const span of found ?? []) {
        spans.push({
          traceId: id(span.traceId),
          spanId: id(span.spanId),
          parentSpanId: id(span.parentSpanId),
          name: span.name ?? '',
          kind: KINDS[span.kind ?? 0],
          attributes: attributes(span.attributes),
          status: { code: STATUS_CODES[span.status?.code ?? 0], message: span.status?.message ?? '' },
          events: (span.events ?? []).map((event: any) => ({
            name: event.name ?? '',
            timeMicros: micros(event.timeUnixNano),
            attributes: attributes(event.attributes),
            droppedAttributes: event.droppedAttributesCount ?? 0,
          })),
          links: (span.links ?? []).map((link: any) => ({
            traceId: id(link.traceId),
            spanId: id(link.spanId),
            traceState: link.traceState ?? '',
            flags: link.flags ?? 0,
            attributes: attributes(link.attributes),
            droppedAttributes: link.droppedAttributesCount ?? 0,
          })),
          scope: { name: scope?.name ?? '', version: scope?.version ?? '', attributes: attributes(scope?.attributes) },
          resource: resourceAttributes,
          startMicros: micros(span.startTimeUnixNano),
          endMicros: micros(span.endTimeUnixNano),
          flags: span.flags ?? 0,
          traceState: span.traceState ?? '',
          droppedAttributes: span.droppedAttributesCount ?? 0,
          droppedEvents: span.droppedEventsCount ?? 0,
          droppedLinks: span.droppedLinksCount ?? 0,
        })
      }
    }
  }
  return spans
}

function attributes(list: { key: string; value?: any }[] | undefined): Attributes {
  const result: Attributes = {}
  for (const { key, value } of list ?? []) {
    if (Object.hasOwn(result, key)) throw new Error(`OTLP: the attribute ${key} stands in one list twice`)
    // Not an assignment: a key may be __proto__.
    Object.defineProperty(result, key, { value: anyValue(value), enumerable: true, configurable: true, writable: true })
  }
  return result
}

function anyValue(value: any): unknown {
  if (value === undefined || value === null) return null
  if (value.stringValue !== undefined) return value.stringValue
  if (value.boolValue !== undefined) return value.boolValue
  if (value.intValue !== undefined) return integer(value.intValue)
  if (value.doubleValue !== undefined) return Number(value.doubleValue)
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(anyValue)
  if (value.kvlistValue !== undefined) return attributes(value.kvlistValue.values)
  if (value.bytesValue !== undefined) return Buffer.from(value.bytesValue, 'base64')
  return null
}

function integer(value: string | number): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : BigInt(value)
}

function micros(nanos: string | undefined): number {
  return Number(BigInt(nanos ?? 0)) / 1000
}

function fromBytes(value: Uint8Array | undefined): string {
  return value === undefined ? '' : Buffer.from(value).toString('hex')
}

function hexId(value: unknown): string {
  if (value === undefined || value === '') return ''
  if (typeof value !== 'string' || !/^([0-9a-f]{16}|[0-9a-f]{32})$/.test(value)) {
    throw new Error(`OTLP/JSON: an id is lower-case hex, not ${JSON.stringify(value)}`)
  }
  return value
}

function checkJson(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, item] of Object.entries(value)) {
    const here = `${path}.${key}`
    if (key.includes('_')) throw new Error(`OTLP/JSON: keys are camelCase, not ${here}`)
    if ((key === 'kind' || key === 'code') && typeof item !== 'number')
      throw new Error(`OTLP/JSON: ${here} is no number`)
    if (key.endsWith('UnixNano') && !(typeof item === 'string' && /^\d+$/.test(item))) {
      throw new Error(`OTLP/JSON: ${here} is no decimal string`)
    }
    if (key === 'intValue' && !/^-?\d+$/.test(String(item))) throw new Error(`OTLP/JSON: ${here} is no integer`)
    checkJson(item, here)
  }
}
