/**
 * What the first proxy was asked for: scheme, host and client, from `Forwarded` (RFC 7239) or `X-Forwarded-*`, the nearest
 * to the client first. A proxy may write anything there: what cannot be what it should be is passed over.
 */
import type { getHeader, Headers } from './_http-semantics'

export interface Forwarded {
  proto: string | undefined
  host: string | undefined
  /** An address without port and brackets. */
  client: string | undefined
}

export const NOT_FORWARDED: Forwarded = { proto: undefined, host: undefined, client: undefined }

/** The request came through no proxy that says so: `NOT_FORWARDED`. `Forwarded` wins where it speaks. */
export function readForwarded(headers: Headers): Forwarded {
  const { forwarded } = headers
  const proto = headers['x-forwarded-proto']
  const host = headers['x-forwarded-host']
  const client = headers['x-forwarded-for']
  if (forwarded === undefined && proto === undefined && host === undefined && client === undefined) return NOT_FORWARDED
  const standard = forwarded === undefined ? NOT_FORWARDED : parseForwarded(text(forwarded))
  return {
    proto: scheme(standard.proto) ?? scheme(first(text(proto))),
    host: standard.host || first(text(host)),
    client: address(standard.client) ?? address(first(text(client))),
  }
}

function text(value: ReturnType<typeof getHeader>): string {
  return Array.isArray(value) ? value.join(',') : (value ?? '')
}

function first(list: string): string | undefined {
  const comma = list.indexOf(',')
  return (comma < 0 ? list : list.slice(0, comma)).trim() || undefined
}

/** `for=192.0.2.60;proto=http;by=203.0.113.43, for="[2001:db8::1]:4711"`: the first value of each parameter. */
function parseForwarded(header: string): Forwarded {
  const found: Forwarded = { proto: undefined, host: undefined, client: undefined }
  for (const parameter of splitUnquoted(header)) {
    const equals = parameter.indexOf('=')
    const name = parameter.slice(0, Math.max(equals, 0)).trim().toLowerCase()
    const value = unquote(parameter.slice(equals + 1).trim())
    if (name === 'proto') found.proto ??= value
    else if (name === 'host') found.host ??= value
    else if (name === 'for') found.client ??= value
  }
  return found
}

/** At `;` and `,` outside of quotes. One pass: the header may be as long as a stranger likes. */
function splitUnquoted(header: string): string[] {
  const parts: string[] = []
  let from = 0
  let quoted = false
  for (let i = 0; i < header.length; i++) {
    const character = header[i]
    if (character === '"') quoted = !quoted
    else if (quoted && character === '\\') i++
    else if (!quoted && (character === ';' || character === ',')) {
      parts.push(header.slice(from, i))
      from = i + 1
    }
  }
  parts.push(header.slice(from))
  return parts
}

function unquote(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"')
    ? value.slice(1, -1).replace(/\\(.)/g, '$1')
    : value
}

function scheme(value: string | undefined): string | undefined {
  return value !== undefined && /^[a-z][a-z\d+.-]*$/i.test(value) ? value.toLowerCase() : undefined
}

/** `1.2.3.4:80`, `[::1]:80`, `::1`. Undefined for `unknown` and for names that a proxy made up (`_gazonk`). */
function address(value: string | undefined): string | undefined {
  if (value === undefined || value === '' || value.startsWith('_') || value.toLowerCase() === 'unknown')
    return undefined
  return split(value).name || undefined
}

export interface HostAndPort {
  readonly name: string
  readonly port: number | undefined
}

let lastHost = ''
let lastSplit: HostAndPort = { name: '', port: undefined }

/** Splits a `Host` header. Most requests of a process name the same host: the last one is remembered. */
export function splitHost(host: string): HostAndPort {
  if (host !== lastHost) {
    lastSplit = split(host)
    lastHost = host
  }
  return lastSplit
}

function split(host: string): HostAndPort {
  const bracket = host.startsWith('[') ? host.indexOf(']') : -1
  const colon = host.indexOf(':', bracket + 1)
  // An IPv6 address without brackets has no port.
  if (bracket < 0 && colon >= 0 && host.indexOf(':', colon + 1) >= 0) return { name: host, port: undefined }
  const name = bracket > 0 ? host.slice(1, bracket) : colon < 0 ? host : host.slice(0, colon)
  return { name, port: colon < 0 ? undefined : parsePort(host.slice(colon + 1)) }
}

export function parsePort(digits: string): number | undefined {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  return port > 0 && port < 65_536 ? port : undefined
}
