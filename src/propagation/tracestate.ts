import type { TraceState } from '@opentelemetry/api'
import { isOws } from './header'

/** W3C Trace Context level 2, section "tracestate Header Field Values". */
const MAX_MEMBERS = 32
const MAX_KEY = 256
const MAX_VALUE = 256
/** The longest list without optional white space. More can only be white space or invalid, so nobody has to read it. */
const MAX_LENGTH = MAX_MEMBERS * (MAX_KEY + 1 + MAX_VALUE + 1)

const NOTHING: ReadonlyMap<string, string> = new Map()

/** 1 for the characters of a key: `a`-`z`, digits, `_`, `-`, `*`, `/`, `@`. The first one must be a letter or a digit. */
const KEY = new Uint8Array(128)
for (const character of 'abcdefghijklmnopqrstuvwxyz0123456789_-*/@') KEY[character.charCodeAt(0)] = 1

/**
 * The `tracestate` of a caller (W3C Trace Context level 2): a list `key=value,…` in which the member that was changed
 * last stands first. Immutable. It is parsed when somebody asks, and it is written as it came when nobody changed it.
 *
 *     list    = list-member 0*31( OWS "," OWS list-member )      a member may be empty; empty ones do not count
 *     key     = ( lcalpha / DIGIT ) 0*255( lcalpha / DIGIT / "_" / "-" / "*" / "/" / "@" )
 *     value   = 0*255( chr ) nblk-chr                            printable ASCII without "," and "="
 *
 * A list that breaks a rule, also that of one entry for a key, is empty: the specification lets nobody guess.
 */
export class HeaderTraceState implements TraceState {
  private constructor(
    private text: string | undefined,
    private members: ReadonlyMap<string, string> | undefined,
  ) {}

  /** @param header the header value, or all of them joined by commas; undefined is returned when it is surely useless */
  static fromHeader(header: string): HeaderTraceState | undefined {
    return header.length === 0 || header.length > MAX_LENGTH ? undefined : new HeaderTraceState(header, undefined)
  }

  get(key: string): string | undefined {
    return this.read().get(key)
  }

  /** The entry comes to the front. A key or value that a header could not hold changes nothing. */
  set(key: string, value: string): HeaderTraceState {
    if (typeof key !== 'string' || typeof value !== 'string') return this
    if (!isKey(key, 0, key.length) || !isValue(value, 0, value.length)) return this
    if (value.charCodeAt(value.length - 1) === 0x20) return this
    const members = new Map([[key, value]])
    for (const [other, old] of this.read()) {
      if (members.size === MAX_MEMBERS) break
      if (other !== key) members.set(other, old)
    }
    return new HeaderTraceState(undefined, members)
  }

  unset(key: string): HeaderTraceState {
    const old = this.read()
    if (!old.has(key)) return this
    const members = new Map(old)
    members.delete(key)
    return new HeaderTraceState(undefined, members)
  }

  /** The header value; empty when there is nothing to say. */
  serialize(): string {
    if (this.members === undefined) this.read()
    this.text ??= this.write()
    return this.text
  }

  private write(): string {
    let text = ''
    for (const [key, value] of this.read()) text += text === '' ? `${key}=${value}` : `,${key}=${value}`
    return text
  }

  private read(): ReadonlyMap<string, string> {
    if (this.members === undefined) {
      this.members = parse(this.text as string)
      if (this.members.size === 0) this.text = ''
      // White space may be a tab, which metadata of gRPC cannot hold.
      else if (this.text?.includes('\t')) this.text = undefined
    }
    return this.members
  }
}

function parse(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>()
  let from = 0
  while (from <= text.length) {
    let comma = text.indexOf(',', from)
    if (comma === -1) comma = text.length
    let to = comma
    while (from < to && isOws(text.charCodeAt(from))) from++
    while (to > from && isOws(text.charCodeAt(to - 1))) to--
    if (from < to) {
      const equals = text.indexOf('=', from)
      if (equals === -1 || equals >= to) return NOTHING
      if (!isKey(text, from, equals) || !isValue(text, equals + 1, to)) return NOTHING
      const key = text.slice(from, equals)
      if (members.has(key) || members.size === MAX_MEMBERS) return NOTHING
      members.set(key, text.slice(equals + 1, to))
    }
    from = comma + 1
  }
  return members
}

function isKey(text: string, from: number, to: number): boolean {
  if (to <= from || to - from > MAX_KEY) return false
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if (code > 127 || KEY[code] === 0) return false
  }
  const first = text.charCodeAt(from)
  return (first >= 0x61 && first <= 0x7a) || (first >= 0x30 && first <= 0x39)
}

function isValue(text: string, from: number, to: number): boolean {
  if (to <= from || to - from > MAX_VALUE) return false
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === 0x2c || code === 0x3d) return false
  }
  return true
}
