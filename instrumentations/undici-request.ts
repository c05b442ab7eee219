/**
 * What undici's `Request` says of a call, in the forms that it has from undici 5 to 8: where it goes, and its headers.
 */
import type { TextMapSetter } from '@opentelemetry/api'
import type { Settings } from '../src/instrumentation'
import { splitHost } from './_http-forwarded'
import { type Destination, endOfAuthority, isHeaderText, redactPath, redactUrl } from './_http-semantics'

/** `message.request` of the channels `undici:request:*`. */
export interface UndiciRequest {
  readonly method: string
  /** With its scheme and without credentials. A string, or a URL in undici 5. */
  readonly origin: unknown
  /** Path and query; a whole URL on the way through a proxy; `host:port` when the method is CONNECT. */
  readonly path: string
  /** Lines with `\r\n` until undici 6.0; later names and values in turns, where a value may be a list. */
  headers: string | unknown[]
  /** The protocol that is asked for, such as `websocket`. */
  readonly upgrade?: unknown
  addHeader(name: string, value: string): unknown
}

export function destinationOf(settings: Settings, request: UndiciRequest): Destination {
  const { method, path } = request
  const origin = String(request.origin)
  if (method === 'CONNECT') {
    const { name, port } = splitHost(path)
    return { method, url: origin.slice(0, origin.indexOf('://') + 3) + path, address: name, port }
  }
  if (path.startsWith('http://') || path.startsWith('https://')) {
    const start = path.indexOf('://') + 3
    const authority = path.slice(start, endOfAuthority(path, start))
    const { name, port } = splitHost(authority.slice(authority.lastIndexOf('@') + 1))
    return { method, url: redactUrl(settings, path), address: name, port: port ?? standardPort(path) }
  }
  const { base, address, port } = placeOf(origin)
  const target = redactPath(settings, path)
  return { method, url: base + (target.startsWith('/') ? target : `/${target}`), address, port }
}

/** What an origin says. */
interface Place {
  /** Scheme and authority, without credentials. */
  readonly base: string
  readonly address: string
  readonly port: number
}

/** A program calls few origins, again and again. */
const places = new Map<string, Place>()
const MAX_PLACES = 200

function placeOf(origin: string): Place {
  const known = places.get(origin)
  if (known !== undefined) return known
  const from = origin.indexOf('://') + 3
  const end = endOfAuthority(origin, from)
  const authority = origin.slice(origin.lastIndexOf('@', end) + 1 || from, end)
  const { name, port } = splitHost(authority)
  const place = { base: origin.slice(0, from) + authority, address: name, port: port ?? standardPort(origin) }
  if (places.size >= MAX_PLACES) places.clear()
  places.set(origin, place)
  return place
}

/** `host:port` as the user's patterns name it. */
export function hostOf({ address, port }: Destination): string {
  const host = address.includes(':') ? `[${address}]` : address
  return port === undefined ? host : `${host}:${port}`
}

function standardPort(url: string): number {
  return url.startsWith('https:') ? 443 : 80
}

/** Adds a header in place of one that the caller set under this name. */
export const HEADER_SETTER: TextMapSetter<UndiciRequest> = {
  set(request, name, value) {
    if (name === 'traceparent' && isHeaderText(value) && Array.isArray(request.headers)) {
      // What `addHeader` would do after it has looked at a name and a value that are known to be good.
      removeHeader(request, name)
      request.headers.push(name, value)
      return
    }
    removeHeader(request, name.toLowerCase())
    request.addHeader(name, value)
  },
}

/** @param name in lower case */
function removeHeader(request: UndiciRequest, name: string): void {
  const { headers } = request
  if (Array.isArray(headers)) {
    for (let i = headers.length - 2; i >= 0; i -= 2) {
      if (isNamed(headers[i], name)) headers.splice(i, 2)
    }
  } else if (typeof headers === 'string' && headers !== '') {
    const lines = headers.split('\r\n')
    const kept = lines.filter(line => !(line[name.length] === ':' && isNamed(line.slice(0, name.length), name)))
    if (kept.length < lines.length) request.headers = kept.join('\r\n')
  }
}

/** A header of a request, from the lines in which it goes over the wire. */
export function headerInLines(lines: string, name: string): string[] | undefined {
  let values: string[] | undefined
  for (const line of lines.split('\r\n')) {
    if (line[name.length] !== ':' || !isNamed(line.slice(0, name.length), name)) continue
    values ??= []
    values.push(line.slice(name.length + 1).trim())
  }
  return values
}

/** Headers of a response: names and values in turns, mostly as bytes; an object from HTTP/2 in undici 8. */
export type ResponseHeaders = readonly unknown[] | Readonly<Record<string, unknown>>

export function headerOfResponse(headers: ResponseHeaders, name: string): string[] | undefined {
  if (!Array.isArray(headers)) {
    const value = (headers as Readonly<Record<string, unknown>>)[name]
    return value === undefined ? undefined : Array.isArray(value) ? value.map(String) : [String(value)]
  }
  let values: string[] | undefined
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!isNamed(headers[i], name)) continue
    values ??= []
    // Node reads the bytes of headers as latin1.
    for (const value of Array.isArray(headers[i + 1]) ? headers[i + 1] : [headers[i + 1]]) {
      values.push(Buffer.isBuffer(value) ? value.toString('latin1') : String(value))
    }
  }
  return values
}

/** Compared by length first: nearly all names differ there. */
function isNamed(found: unknown, name: string): boolean {
  if (typeof found === 'string') return found.length === name.length && found.toLowerCase() === name
  return Buffer.isBuffer(found) && found.length === name.length && found.toString('latin1').toLowerCase() === name
}
