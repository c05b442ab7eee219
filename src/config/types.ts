/**
 * The kinds of values that a variable can have. Each parses text and shows what it parsed; none throws.
 * Rules: OpenTelemetry specification, "Environment Variable Specification" and "Common configuration".
 */
import { nearest } from './suggest'

/** What became of a text. Both may be set: of `otlp,zipkn` one name is used and the other refused. */
export interface Parsed<T> {
  /** Undefined: nothing of it can be used. */
  readonly value?: T
  /** The part that is refused, when it is not the whole text. */
  readonly refused?: string
  /** What may have been meant. */
  readonly meant?: string
  /** Why it is refused, when `expected` alone does not tell. */
  readonly reason?: string
}

export interface Type<T> {
  /** Completes "expected …". */
  readonly expected: string
  /** @param text not empty, without blanks around it */
  parse(text: string): Parsed<T>
  /** The value as a user would write it, without credentials. */
  show(value: T): string
  /** A raw text that could not be parsed, without credentials. Left out: the text can hold none. */
  mask?(text: string): string
}

/** Largest number of the specification's integers: 2^31 - 1. As milliseconds it is also the longest Node timer. */
const MAX_INTEGER = 2147483647

export const text: Type<string> = {
  expected: 'text',
  parse: value => ({ value }),
  show: value => value,
}

/** Text that no output may show. */
export const secret: Type<string> = {
  expected: 'text',
  parse: value => ({ value }),
  show: value => (value === '' ? '' : '***'),
  mask: () => '***',
}

/** Only `true` is true, whatever its case; all but `false` is refused. */
export const flag: Type<boolean> = {
  expected: 'true or false',
  parse(value) {
    const lower = value.toLowerCase()
    return lower === 'true' ? { value: true } : lower === 'false' ? { value: false } : {}
  },
  show: String,
}

function digits(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < 48 || code > 57) return false
  }
  return value.length > 0 && value.length < 16
}

/** A whole number in decimal digits. */
export function integer(min: number, max = MAX_INTEGER): Type<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    parse(value) {
      if (!digits(value)) return {}
      const number = Number(value)
      return number >= min && number <= max ? { value: number } : {}
    },
    show: value => (value === Infinity ? '' : String(value)),
  }
}

/** A length of time. */
export const millis: Type<number> = { ...integer(0), expected: `milliseconds, a whole number from 0 to ${MAX_INTEGER}` }

/** A longest time to wait: 0 is no limit. */
export const timeout: Type<number> = {
  ...integer(0),
  expected: `milliseconds, a whole number from 0 (no limit) to ${MAX_INTEGER}`,
}

/** One of some names, in any case. `synonyms` are accepted and not advertised. */
export function oneOf<const N extends string>(
  names: readonly N[],
  synonyms: Readonly<Record<string, N>> = {},
): Type<N> {
  return {
    expected: `one of ${names.join(', ')}`,
    parse(value) {
      const lower = value.toLowerCase()
      const name = names.find(candidate => candidate.toLowerCase() === lower) ?? own(synonyms, lower)
      return name === undefined ? { meant: nearest(lower, names) } : { value: name }
    },
    show: value => value,
  }
}

function own<V>(record: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

/** The parts of a comma-separated list, trimmed, without empty ones and without the second of two equals. */
export function splitList(value: string): string[] {
  const parts = new Set<string>()
  for (const part of value.split(',')) {
    const trimmed = part.trim()
    if (trimmed !== '') parts.add(trimmed)
  }
  return [...parts]
}

/**
 * A list of names, in any case. Unknown ones are left out. `none` stands alone: it is the empty list.
 *
 * @param foreign names that are someone else's: they count as given although nothing follows from them
 * @param sayForeign what to say of them; left out: nothing
 */
export function namesOf<const N extends string>(
  names: readonly N[],
  foreign: readonly string[] = [],
  sayForeign?: string,
): Type<readonly Exclude<N, 'none'>[]> {
  const one = oneOf(names) as Type<Exclude<N, 'none'>>
  return {
    expected: `a list of ${names.join(', ')}`,
    parse(text) {
      const value: Exclude<N, 'none'>[] = []
      const refused: string[] = []
      let none = false
      let reason: string | undefined
      let given = false
      let meant: string | undefined
      for (const part of splitList(text)) {
        const parsed = one.parse(part)
        if (parsed.value !== undefined) {
          if ((parsed.value as string) === 'none') none = true
          else if (!value.includes(parsed.value)) value.push(parsed.value)
        } else if (foreign.includes(part.toLowerCase())) {
          given = true
          if (sayForeign !== undefined) {
            refused.push(part)
            reason = sayForeign
          }
        } else {
          refused.push(part)
          meant ??= parsed.meant
        }
      }
      if (none && value.length + refused.length > 0) {
        return {
          value: value.length > 0 ? Object.freeze(value) : undefined,
          refused: ['none', ...refused].join(','),
          meant,
          reason: 'none stands alone',
        }
      }
      return {
        value: value.length > 0 || none || given ? Object.freeze(value) : undefined,
        refused: refused.length > 0 ? refused.join(',') : undefined,
        meant,
        reason,
      }
    },
    show: value => (value.length === 0 ? 'none' : value.join(',')),
  }
}

/** A comma-separated list of anything. */
export const list: Type<readonly string[]> = {
  expected: 'a list separated by commas',
  parse(value) {
    const parts = splitList(value)
    return parts.length === 0 ? {} : { value: Object.freeze(parts) }
  },
  show: value => value.join(','),
}

/** A comma-separated list of tokens of HTTP (RFC 9110, section 5.6.2): methods and header names. */
export function tokens(what: string, normalise: (token: string) => string): Type<readonly string[]> {
  return {
    expected: `a list of ${what}`,
    parse(text) {
      const value = new Set<string>()
      const refused: string[] = []
      for (const part of splitList(text)) {
        if (/^[!#$%&'*+.^_`|~\w-]+$/.test(part)) value.add(normalise(part))
        else refused.push(part)
      }
      return {
        value: value.size > 0 ? Object.freeze([...value]) : undefined,
        refused: refused.length > 0 ? refused.join(',') : undefined,
      }
    },
    show: value => value.join(','),
  }
}

/** First and last status of a range. */
export type StatusRange = readonly [from: number, to: number]

/** `500-599,404` or `none`. */
export const statuses: Type<readonly StatusRange[]> = {
  expected: 'a list of statuses and ranges such as 404,500-599, each from 100 to 599, or none',
  parse(text) {
    if (text.toLowerCase() === 'none') return { value: [] }
    const value: StatusRange[] = []
    const refused: string[] = []
    for (const part of splitList(text)) {
      const match = /^([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?$/.exec(part)
      const from = Number(match?.[1])
      const to = Number(match?.[2] ?? match?.[1])
      if (match !== null && from <= to) value.push([from, to])
      else refused.push(part)
    }
    return {
      value: value.length > 0 ? Object.freeze(value) : undefined,
      refused: refused.length > 0 ? refused.join(',') : undefined,
    }
  },
  show: value => (value.length === 0 ? 'none' : value.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(',')),
}

/** One key and one value of a list such as `key1=value1,key2=value2`. */
export type Pair = readonly [key: string, value: string]

/**
 * Splits `k=v,k=v` and percent-decodes the values (W3C Baggage without metadata).
 * Returns the part that is wrong when there is one.
 */
export function splitPairs(text: string, checkKey: (key: string) => boolean): { pairs: Pair[]; wrong?: string } {
  const pairs = new Map<string, string>()
  for (const part of text.split(',')) {
    if (part.trim() === '') continue
    const at = part.indexOf('=')
    const key = at < 0 ? '' : part.slice(0, at).trim()
    const value = at < 0 ? undefined : decode(part.slice(at + 1).trim())
    if (key === '' || value === undefined || !checkKey(key)) return { pairs: [...pairs], wrong: part.trim() }
    pairs.set(key, value)
  }
  return { pairs: [...pairs] }
}

function decode(value: string): string | undefined {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}

/** Resource attributes. An error in one part discards the whole list (Resource SDK specification). */
export const attributes: Type<readonly Pair[]> = {
  expected: 'key=value pairs separated by commas, values percent-encoded',
  parse(value) {
    const { pairs, wrong } = splitPairs(value, () => true)
    return wrong === undefined ? { value: Object.freeze(pairs) } : { reason: `the mistake is in "${wrong}"` }
  },
  show: value => value.map(([key, content]) => `${key}=${encodeListValue(content)}`).join(','),
}

function encodeListValue(value: string): string {
  return value.replace(/[%,\s\u0000-\u001f]/g, encodeURIComponent)
}

/** Headers of an exporter: credentials, as a rule. Names are shown, values never. */
export const headers: Type<readonly Pair[]> = {
  expected: 'name=value pairs separated by commas, values percent-encoded',
  parse(value) {
    const { pairs, wrong } = splitPairs(value, key => /^[!#$%&'*+.^_`|~\w-]+$/.test(key))
    const bad = pairs.find(([, content]) => /[^\t\x20-\x7e\x80-\xff]/.test(content))
    if (wrong === undefined && bad === undefined) return { value: Object.freeze(pairs) }
    return { reason: bad ? `the value of ${bad[0]} holds a character that a header cannot` : 'one pair is malformed' }
  },
  show: value => value.map(([key]) => `${key}=***`).join(','),
  mask: value =>
    value
      .split(',')
      .map(part => (part.includes('=') ? `${part.slice(0, part.indexOf('='))}=***` : '***'))
      .join(','),
}

/** An absolute URL. User name, password and query are not shown. */
export function url(...protocols: readonly string[]): Type<string> {
  return {
    expected: `a URL that begins with ${protocols.map(protocol => `${protocol}://`).join(' or ')}`,
    parse(value) {
      const colon = value.indexOf('://')
      if (colon < 0 || !protocols.includes(value.slice(0, colon).toLowerCase())) return {}
      try {
        return new URL(value).hostname === '' ? {} : { value }
      } catch {
        return {}
      }
    },
    show: maskUrl,
    mask: maskUrl,
  }
}

/** `text` with user name, password and query values of a URL replaced: it works for what is no URL, too. */
export function maskUrl(text: string): string {
  const slashes = text.indexOf('//')
  const from = slashes < 0 ? 0 : slashes + 2
  const query = text.indexOf('?', from)
  const head = query < 0 ? text : text.slice(0, query)
  const at = head.lastIndexOf('@')
  const shown = at < from ? head : `${head.slice(0, from)}***@${head.slice(at + 1)}`
  return query < 0 ? shown : `${shown}?***`
}

/** A host name or address, with or without a port: a gRPC target or a UDP address. */
export function hostAndPort(defaultPort: number): Type<string> {
  return {
    expected: 'host or host:port',
    parse(value) {
      const match = /^(\[[0-9a-f:.]+\]|[^\s:/@]+)(?::(\d{1,5}))?$/i.exec(value)
      if (match === null) return {}
      const port = match[2] === undefined ? defaultPort : Number(match[2])
      return port >= 1 && port <= 65535 ? { value: `${match[1]}:${port}` } : {}
    },
    show: value => value,
  }
}

/** A host name or address alone. */
export const hostName: Type<string> = {
  expected: 'a host name or address',
  parse: value => (/^(?:[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*|\[[0-9a-f:.]+\]|[^\s:/@]+)$/i.test(value) ? { value } : {}),
  show: value => value,
}

const httpUrl = url('http', 'https')
const target = hostAndPort(4317)

/** An OTLP endpoint: a URL, or for gRPC a bare host and port. */
export const endpoint: Type<string> = {
  expected: `${httpUrl.expected}, or for grpc host:port`,
  parse: value => (value.includes('://') ? httpUrl.parse(value) : target.parse(value)),
  show: maskUrl,
  mask: maskUrl,
}

/** Where the X-Ray daemon takes segments (UDP) and sampling requests (TCP), each as `host:port`. */
export interface DaemonAddress {
  readonly udp: string
  readonly tcp: string
}

const daemon = hostAndPort(2000)

/** `host:port`, or `udp:host:port tcp:host:port` in either order, as the X-Ray SDKs take it. */
export const daemonAddress: Type<DaemonAddress> = {
  expected: 'host:port, or udp:host:port tcp:host:port',
  parse(value) {
    const parts = value.split(/\s+/)
    if (parts.length === 1) {
      const both = daemon.parse(value).value
      return both === undefined ? {} : { value: Object.freeze({ udp: both, tcp: both }) }
    }
    const found: { udp?: string; tcp?: string } = {}
    for (const part of parts) {
      const kind = part.slice(0, 4).toLowerCase()
      if (kind === 'udp:') found.udp = daemon.parse(part.slice(4)).value
      if (kind === 'tcp:') found.tcp = daemon.parse(part.slice(4)).value
    }
    const { udp, tcp } = found
    return parts.length !== 2 || udp === undefined || tcp === undefined ? {} : { value: Object.freeze({ udp, tcp }) }
  },
  show: ({ udp, tcp }) => (udp === tcp ? udp : `udp:${udp} tcp:${tcp}`),
}
