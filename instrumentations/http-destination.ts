/** Where a `ClientRequest` goes, read from the request and not from the arguments of the call. */
import type { Settings } from '../src/instrumentation'
import { parsePort, splitHost } from './_http-forwarded'
import { type Destination, endOfAuthority, redactPath, redactUrl } from './_http-semantics'
import type { OutgoingRequest } from './http-head'

/** What Node hands to an agent: a copy of the caller's options with the port and the host that it will use. */
export interface CallOptions {
  readonly port?: unknown
  /** `user:password`, from the URL or from the caller. */
  readonly auth?: unknown
}

/** @param options undefined when an agent of its own kind kept them to itself */
export function destinationOf(
  settings: Settings,
  request: OutgoingRequest,
  options: CallOptions | undefined,
): Destination {
  const { method, protocol } = request
  const path = String(request.path)
  if (method === 'CONNECT' && !path.startsWith('/')) {
    const { name, port } = splitHost(path)
    return { method, url: `${protocol}//${path}`, address: name, port }
  }
  if (isPlain(request, path, options)) return toPlace(settings, request, path, options!.port)
  // To a proxy, or by Node itself on the way through one.
  if (path.startsWith('http://') || path.startsWith('https://')) return toUrl(settings, method, path)
  const name = withoutBrackets(String(request.host))
  const port = typeof options === 'object' && options !== null ? parsePort(String(options.port)) : hostPort(request)
  const authority = bracketed(name) + (port === undefined || port === standardPort(protocol) ? '' : `:${port}`)
  const credentials = options?.auth ? 'REDACTED:REDACTED@' : ''
  const target =
    path === '*' ? '' : path.startsWith('/') ? redactPath(settings, path) : `/${redactPath(settings, path)}`
  if (request.socketPath) {
    return {
      method,
      url: `${protocol}//${credentials}${bracketed(name)}${target}`,
      address: String(request.socketPath),
      port: undefined,
    }
  }
  return { method, url: `${protocol}//${credentials}${authority}${target}`, address: name, port }
}

/** Nothing but a host, a port and a path. */
function isPlain(request: OutgoingRequest, path: string, options: CallOptions | undefined): boolean {
  return (
    typeof options === 'object' &&
    options !== null &&
    path.charCodeAt(0) === 47 /* / */ &&
    typeof request.host === 'string' &&
    !options.auth &&
    !request.socketPath
  )
}

interface Place {
  readonly protocol: string
  /** As the caller gave it: a number, or text. */
  readonly givenPort: unknown
  /** Scheme and authority. */
  readonly base: string
  readonly address: string
  readonly port: number | undefined
}

/** By host: the place that was called last. A program calls few, again and again. */
const places = new Map<string, Place>()
const MAX_PLACES = 200

function toPlace(settings: Settings, request: OutgoingRequest, path: string, givenPort: unknown): Destination {
  const { method, protocol, host } = request
  let place = places.get(host)
  if (place === undefined || place.givenPort !== givenPort || place.protocol !== protocol) {
    const address = withoutBrackets(host)
    const port = parsePort(String(givenPort))
    const authority = bracketed(address) + (port === undefined || port === standardPort(protocol) ? '' : `:${port}`)
    place = { protocol, givenPort, base: `${protocol}//${authority}`, address, port }
    if (places.size >= MAX_PLACES) places.clear()
    places.set(host, place)
  }
  return { method, url: place.base + redactPath(settings, path), address: place.address, port: place.port }
}

/** `host:port` as the user's patterns name it. */
export function hostOf({ address, port }: Destination): string {
  return port === undefined ? address : `${bracketed(address)}:${port}`
}

function toUrl(settings: Settings, method: string, url: string): Destination {
  const from = url.indexOf('://') + 3
  const authority = url.slice(from, endOfAuthority(url, from))
  const { name, port } = splitHost(authority.slice(authority.lastIndexOf('@') + 1))
  return { method, url: redactUrl(settings, url), address: name, port: port ?? standardPort(url.slice(0, from - 2)) }
}

/** Node's own `Host` header names the port unless it is the usual one; the caller may have set another. */
function hostPort(request: OutgoingRequest): number | undefined {
  const header = request.getHeader('host')
  if (typeof header !== 'string') return undefined
  const { name, port } = splitHost(header)
  return name === withoutBrackets(String(request.host)) ? (port ?? standardPort(request.protocol)) : undefined
}

/** @param scheme with its colon */
function standardPort(scheme: string): number {
  return scheme === 'https:' ? 443 : 80
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
