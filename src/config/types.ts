/**
 * The kinds of values that a variable can have. Each parses text and shows what it parsed; none throws.
 * Rules: OpenTelemetry specification, "Environment Variable Specification" and "Common configuration".
 */
import { readFileSync } from 'node:fs'
import { holdsCredentials, maskCredentials } from '../credentials'
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
  /** A raw text that could not be parsed, without credentials. Left out: those of URLs are all that it may hold. */
  mask?(text: string): string
}

/** Largest number of the specification's integers: 2^31 - 1. As milliseconds it is also the longest Node timer. */
const MAX_INTEGER = 2147483647

/** C0 and C1 controls and line separators: no value has use for them, and some end up in headers. */
export const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

export const text: Type<string> = {
  expected: 'text without control characters',
  parse: value => (CONTROL.test(value) ? {} : { value }),
  show: maskCredentials,
}

/** Text that no output may show. */
export const secret: Type<string> = {
  ...text,
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

/**
 * A comma-separated list whose parts are checked one by one; those that are refused are left out.
 *
 * @param expected completes "expected a list of …"
 * @param check the part as it is kept, or undefined when it is refused
 */
export function listOf(expected: string, check: (part: string) => string | undefined): Type<readonly string[]> {
  return {
    expected: `a list of ${expected}`,
    parse(text) {
      const value = new Set<string>()
      const refused: string[] = []
      for (const part of splitList(text)) {
        const kept = CONTROL.test(part) ? undefined : check(part)
        if (kept === undefined) refused.push(part)
        else value.add(kept)
      }
      return {
        value: value.size > 0 ? Object.freeze([...value]) : undefined,
        refused: refused.length > 0 ? refused.join(',') : undefined,
      }
    },
    show: value => value.join(','),
  }
}

/** A file in PEM format, given by its path. It is read to see that it is one. */
export const pemFile: Type<string> = {
  expected: 'the path of a PEM file',
  parse(path) {
    try {
      const content = readFileSync(path, 'latin1')
      return content.includes('-----BEGIN ') ? { value: path } : { reason: 'it has no line -----BEGIN' }
    } catch (error) {
      return { reason: (error as NodeJS.ErrnoException).code ?? String(error) }
    }
  },
  show: value => value,
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

/** Percent-decoded; undefined when it is malformed. */
export function decode(value: string): string | undefined {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}

/** An attribute of the resource. A variable holds text alone, a configuration file has types. */
export type AttributePair = readonly [key: string, value: AttributeContent]
type AttributeContent = string | number | boolean | readonly (string | number | boolean)[]

/** Resource attributes. An error in one part discards the whole list (Resource SDK specification). */
export const attributes: Type<readonly AttributePair[]> = {
  expected: 'key=value pairs separated by commas, values percent-encoded',
  parse(value) {
    const { pairs, wrong } = splitPairs(value, () => true)
    if (wrong === undefined) return { value: Object.freeze(pairs) }
    return { reason: `the mistake is in "${maskPair(wrong)}"` }
  },
  show: value => value.map(([key, content]) => maskPair(`${key}=${encodeListValue(String(content))}`)).join(','),
  mask: value => value.split(',').map(maskPair).join(','),
}

/** `key=value` without the value of a key that is named like a credential. */
export function maskPair(pair: string): string {
  const key = pair.slice(0, Math.max(pair.indexOf('='), 0))
  return holdsCredentials(key.toLowerCase()) ? `${key}=***` : maskCredentials(pair)
}

function encodeListValue(value: string): string {
  return value.replace(/[%,\s\u0000-\u001f]/g, encodeURIComponent)
}
