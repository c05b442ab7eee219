/**
 * What every HTTP instrumentation says of a request: the stable semantic conventions for HTTP, written once.
 *
 * Nothing here knows a library. Attribute names are literals: loading the package of constants takes longer than the whole
 * agent may take to start; a test compares them.
 */
import type { Span as ApiSpan } from '@opentelemetry/api'
import type { AgentSpan, AttributeList, CapturedHeader, Settings } from '../src/instrumentation'
import { Texts } from './_texts'

/** Name of the span of a request: its method, or `HTTP` for one that is not known. A route is added by `setRoute`. */
export function spanName(settings: Settings, method: string): string {
  return settings.knownMethods.has(method) ? method : 'HTTP'
}

/** Adds `http.request.method`, and what was really sent when that is not a known method. */
export function pushMethod(attributes: AttributeList, settings: Settings, method: string): void {
  if (settings.knownMethods.has(method)) attributes.push('http.request.method', method)
  else attributes.push('http.request.method', '_OTHER', 'http.request.method_original', method)
}

/** Where a call goes. */
export interface Destination {
  readonly method: string
  /** `url.full`, made by `fullUrl` or `redactUrl`: no credentials in it. */
  readonly url: string
  /** Host name or IP address, without the brackets of IPv6; or the path of a Unix socket. */
  readonly address: string
  readonly port: number | undefined
}

/** The attributes with which the span of a call starts: the ones a sampler may look at. */
export function clientAttributes(settings: Settings, { method, url, address, port }: Destination): AttributeList {
  // From the first element on V8 has room for seventeen: the eight attributes of most calls.
  const attributes: AttributeList = []
  attributes.push('server.address')
  attributes.push(address, 'url.full', url)
  if (port !== undefined) attributes.push('server.port', port)
  pushMethod(attributes, settings, method)
  return attributes
}

/** Records the status of an answer to us; from 400 on (or as the user chose) the call failed. */
export function setClientStatus(span: AgentSpan, settings: Settings, status: number): void {
  span.add('http.response.status_code', status)
  if (settings.clientErrorStatus(status)) span.fail(String(status))
}

/** Records the status of our answer; from 500 on (or as the user chose) it is an error of ours. */
export function setServerStatus(span: AgentSpan, settings: Settings, status: number): void {
  span.add('http.response.status_code', status)
  if (settings.serverErrorStatus(status)) span.fail(String(status))
}

/** A call that failed without an answer, or in the middle of it. One that the program gave up on purpose did not fail. */
export function failCall(span: AgentSpan, error: unknown): void {
  if (isCancellation(error)) return
  const timeout = timeoutOf(error)
  if (timeout === undefined) span.fail(errorCode(error), messageOf(error))
  else span.fail('TimeoutError', messageOf(timeout))
}

/**
 * True when the program itself gave up: an AbortSignal was aborted, a request was destroyed without an error, or with the
 * error by which axios says the same.
 * A signal that ran out of time (`AbortSignal.timeout`) is a failure like any other timeout.
 */
export function isCancellation(error: unknown): boolean {
  if (error === undefined || error === null) return true
  const name = read(error, 'name')
  return name === 'CanceledError' || (name === 'AbortError' && timeoutOf(error) === undefined)
}

/** Node says `AbortError` when a signal runs out of time as well, and keeps the reason as its cause. */
function timeoutOf(error: unknown): unknown {
  const cause = read(error, 'cause')
  return read(error, 'name') === 'AbortError' && read(cause, 'name') === 'TimeoutError' ? cause : undefined
}

/** `error.type` of a call: the code (`ECONNREFUSED`), or the class of an error without one. */
export function errorCode(error: unknown): string {
  const code = read(error, 'code')
  return typeof code === 'string' && code !== '' ? code : errorClass(error)
}

/** `error.type` of a handler that threw: the name of the class; `_OTHER` for what is no error. */
export function errorClass(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER'
  const name = read(error, 'name')
  if (typeof name === 'string' && name !== '' && name !== 'Error') return name
  // A subclass that does not set its name.
  const className = read(read(error, 'constructor'), 'name')
  if (typeof className === 'string' && className !== '' && className !== 'Object') return className
  return typeof name === 'string' && name !== '' ? name : '_OTHER'
}

const recorded = new WeakMap<object, string>()

/** A handler threw: the span failed, and the exception is written into it unless a span of this trace has it already. */
export function failWithException(span: AgentSpan, error: unknown): void {
  if (!span.isRecording()) return
  recordException(span, error)
  span.fail(errorClass(error), messageOf(error))
}

/** The exception is written into the span unless a span of this trace has it already. */
export function recordException(span: ApiSpan, error: unknown): void {
  if (isFirstIn(span.spanContext().traceId, error)) span.recordException(error as Error)
}

/** Whether no span of the trace has that exception; from now on one has. */
export function isFirstIn(traceId: string, error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return true
  if (recorded.get(error) === traceId) return false
  recorded.set(error, traceId)
  return true
}

export function messageOf(error: unknown): string | undefined {
  const message = typeof error === 'string' ? error : read(error, 'message')
  return typeof message === 'string' && message !== '' ? message : undefined
}

/** Reading a hostile error must not hurt. */
function read(source: unknown, key: string): unknown {
  try {
    return (source as Record<string, unknown> | null | undefined)?.[key]
  } catch {
    return undefined
  }
}

/**
 * For frameworks: the route that answers the request, with the path under which it is mounted (`/users/:id`), never the
 * path that was asked for. The span is named after it. The last call wins.
 *
 * @param entry `activeContext().entry`
 */
export function setRoute(entry: ApiSpan | undefined, route: string): void {
  if (entry === undefined || !entry.isRecording()) return
  entry.setAttribute('http.route', route)
  const name = (entry as { name?: unknown }).name
  if (typeof name !== 'string') return
  const space = name.indexOf(' ')
  entry.updateName(nameOfRoute(space < 0 ? name : name.slice(0, space), route))
}

/** Methods that a program has; a span that it named itself may begin with anything. */
const MAX_METHODS = 50
const routeNames = new Map<string, Texts>()

function nameOfRoute(method: string, route: string): string {
  let names = routeNames.get(method)
  if (names === undefined) {
    names = new Texts(`${method} `)
    if (routeNames.size < MAX_METHODS) routeNames.set(method, names)
  }
  return names.with(route)
}

/**
 * An absolute URL without credentials: `https://REDACTED:REDACTED@host/?sig=REDACTED`. What is no URL stays as it is, with
 * its query redacted.
 */
export function redactUrl(settings: Settings, url: string): string {
  const scheme = url.indexOf('://')
  if (scheme < 0) return redactPath(settings, url)
  const from = scheme + 3
  const to = endOfAuthority(url, from)
  const at = url.lastIndexOf('@', to - 1)
  const bare = at < from ? url.slice(0, to) : `${url.slice(0, from)}REDACTED:REDACTED@${url.slice(at + 1, to)}`
  return bare + redactPath(settings, url.slice(to))
}

/** Where the path, the query or the fragment begins. */
export function endOfAuthority(url: string, from: number): number {
  for (let i = from; i < url.length; i++) {
    const code = url.charCodeAt(i)
    if (code === 47 /* / */ || code === 63 /* ? */ || code === 35 /* # */) return i
  }
  return url.length
}

/** A path with query and fragment: the values of sensitive parameters become `REDACTED`. */
export function redactPath(settings: Settings, path: string): string {
  const mark = path.indexOf('?')
  if (mark < 0) return path
  const hash = path.indexOf('#')
  if (hash < 0) return path.slice(0, mark + 1) + settings.redactQuery(path.slice(mark + 1))
  if (hash < mark) return path
  return path.slice(0, mark + 1) + settings.redactQuery(path.slice(mark + 1, hash)) + path.slice(hash)
}

/** An IPv4 address as it is called on a socket that speaks IPv6 (`::ffff:192.0.2.1`), and any other as it is. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** Printable ASCII, as Node would let it pass: nothing that ends a line. */
export function isHeaderText(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) return false
  }
  return true
}

/** An attribute of a captured header always holds a list. */
export function headerValue(value: unknown): string[] | undefined {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.map(String)
  return typeof value === 'number' ? [String(value)] : undefined
}

/** Adds the headers that the user asked for, as far as they are there. */
export function captureHeaders<S>(
  span: AgentSpan,
  wanted: readonly CapturedHeader[],
  source: S,
  get: (source: S, header: string) => unknown,
): void {
  for (let i = 0; i < wanted.length; i++) {
    const value = headerValue(get(source, wanted[i]!.header))
    if (value !== undefined) span.add(wanted[i]!.key, value)
  }
}

/** The same for the list with which a span starts. */
export function pushHeaders<S>(
  attributes: AttributeList,
  wanted: readonly CapturedHeader[],
  source: S,
  get: (source: S, header: string) => unknown,
): void {
  for (let i = 0; i < wanted.length; i++) {
    const value = headerValue(get(source, wanted[i]!.header))
    if (value !== undefined) attributes.push(wanted[i]!.key, value)
  }
}

export type Headers = { readonly [name: string]: string | string[] | undefined }

/** From headers as Node parses them: an object with names in lower case. */
export function getHeader(headers: Headers, name: string): string | string[] | undefined {
  const value = headers[name]
  if (value !== undefined) return value
  const lower = name.toLowerCase()
  return lower === name ? undefined : headers[lower]
}
