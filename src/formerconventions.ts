/**
 * The names that attributes had before the conventions for HTTP and RPC became stable, beside the stable ones:
 * `OTEL_SEMCONV_STABILITY_OPT_IN` with `http/dup` or `rpc/dup` (semantic conventions, "HTTP migration" and "RPC migration").
 *
 * Every former attribute says what a stable one says, so they are made of those, of a span that has ended, on its way to the
 * exporters: instrumentations know one set of conventions and pay for one.
 */
import type { AttributeValue } from '@opentelemetry/api'
import type { AttributeList, SpanData, SpanSink } from './trace/data'
import { CLIENT, getAttribute, SERVER } from './trace/data'
import { keepValue, type Limits } from './trace/limits'

/** Which former conventions are wanted. */
export interface Former {
  readonly http: boolean
  readonly rpc: boolean
}

/** `http/dup` wins over `http` where both are named. Undefined: the stable conventions alone are wanted. */
export function formerOf(optIn: readonly string[]): Former | undefined {
  const http = optIn.includes('http/dup')
  const rpc = optIn.includes('rpc/dup')
  return http || rpc ? { http, rpc } : undefined
}

const INSTRUMENTATIONS = 'tracing-agent/'

/** Adds the former attributes to the spans of our own instrumentations. What finds no room is counted as dropped. */
export function withFormerConventions(former: Former, limits: Limits, sink: SpanSink): SpanSink {
  return {
    push(span) {
      if (span.scope.name.startsWith(INSTRUMENTATIONS)) addFormer(span, former, limits)
      sink.push(span)
    },
  }
}

/** A span as far as it is written to after its end. */
type Ended = { droppedAttributes: number }

function addFormer(span: SpanData, former: Former, limits: Limits): void {
  const { attributes } = span
  const isCall = getAttribute(attributes, 'rpc.system.name') !== undefined
  const isRequest = getAttribute(attributes, 'http.request.method') !== undefined
  const more: AttributeList = []
  if (isRequest && former.http) formerHttp(span, more)
  if (isCall && former.rpc) formerRpc(span, more)
  for (let i = 0; i < more.length; i += 2) {
    if (getAttribute(attributes, more[i] as string) !== undefined) continue
    if (attributes.length >= limits.attributeCount * 2) (span as Ended).droppedAttributes++
    else attributes.push(more[i]!, keepValue(more[i + 1] as AttributeValue, limits.attributeValueLength))
  }
}

/** A stable name, and the former ones that have the same value. */
type Renamed = Readonly<Record<string, readonly string[]>>

const HTTP: Renamed = {
  'http.response.status_code': ['http.status_code'],
  'http.request.resend_count': ['http.resend_count'],
  'network.protocol.version': ['net.protocol.version', 'http.flavor'],
  'network.peer.address': ['net.sock.peer.addr'],
  'network.peer.port': ['net.sock.peer.port'],
  'user_agent.original': ['http.user_agent'],
}
const HTTP_CLIENT: Renamed = {
  ...HTTP,
  'url.full': ['http.url'],
  'server.address': ['net.peer.name'],
  'server.port': ['net.peer.port'],
}
const HTTP_SERVER: Renamed = {
  ...HTTP,
  'url.scheme': ['http.scheme'],
  'client.address': ['http.client_ip'],
  'server.address': ['net.host.name'],
  'server.port': ['net.host.port'],
}

function formerHttp({ attributes, kind }: SpanData, more: AttributeList): void {
  const method =
    getAttribute(attributes, 'http.request.method_original') ?? getAttribute(attributes, 'http.request.method')
  if (method !== undefined) more.push('http.method', method)
  rename(attributes, kind === CLIENT ? HTTP_CLIENT : HTTP_SERVER, more)
  const path = getAttribute(attributes, 'url.path')
  if (kind === SERVER && path !== undefined) {
    const query = getAttribute(attributes, 'url.query')
    more.push('http.target', query === undefined ? path : `${path}?${query}`)
  }
  // A captured header had underscores for its hyphens.
  for (let i = 0; i < attributes.length; i += 2) {
    const key = attributes[i] as string
    if (!key.startsWith('http.request.header.') && !key.startsWith('http.response.header.')) continue
    if (key.includes('-')) more.push(key.replaceAll('-', '_'), attributes[i + 1]!)
  }
}

const RPC: Renamed = {
  'rpc.system.name': ['rpc.system'],
  'network.peer.address': ['net.sock.peer.addr'],
  'network.peer.port': ['net.sock.peer.port'],
}
const RPC_CLIENT: Renamed = { ...RPC, 'server.address': ['net.peer.name'], 'server.port': ['net.peer.port'] }
const RPC_SERVER: Renamed = { ...RPC, 'server.address': ['net.host.name'], 'server.port': ['net.host.port'] }

/** The names of the status codes of gRPC in the order of their numbers. */
const GRPC_CODES =
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'.split(
    ' ',
  )

/** `rpc.method` held the bare method before and holds the full one now: a key has one value, and that is the stable one. */
function formerRpc({ attributes, kind }: SpanData, more: AttributeList): void {
  rename(attributes, kind === CLIENT ? RPC_CLIENT : RPC_SERVER, more)
  const method = getAttribute(attributes, 'rpc.method_original') ?? getAttribute(attributes, 'rpc.method')
  const slash = typeof method === 'string' ? method.lastIndexOf('/') : -1
  if (slash > 0) more.push('rpc.service', (method as string).slice(0, slash))
  const status = getAttribute(attributes, 'rpc.status_code')
  if (typeof status === 'string') {
    const code = GRPC_CODES.indexOf(status)
    const number = code >= 0 ? code : Number(status)
    if (Number.isInteger(number)) more.push('rpc.grpc.status_code', number)
    more.push('rpc.response.status_code', status)
  }
  for (let i = 0; i < attributes.length; i += 2) {
    const match = /^rpc\.(request|response)\.metadata\.(.+)$/s.exec(attributes[i] as string)
    if (match !== null) more.push(`rpc.grpc.${match[1]}.metadata.${match[2]}`, attributes[i + 1]!)
  }
}

function rename(attributes: AttributeList, renamed: Renamed, more: AttributeList): void {
  for (let i = 0; i < attributes.length; i += 2) {
    const key = attributes[i] as string
    if (!Object.hasOwn(renamed, key)) continue
    for (const former of renamed[key]!) more.push(former, attributes[i + 1]!)
  }
}
