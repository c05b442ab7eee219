/**
 * Percent-encoding of UTF-8 (RFC 3986 section 2.1) that takes and gives any string: `encodeURIComponent` throws for half a
 * surrogate pair, and `decodeURIComponent` for a stray `%`.
 */

const PERCENT = 0x25

/** 1 for what may stand in a header name as it is (`token` of RFC 9110); `%` may as well, but it begins an escape here. */
export const TOKEN = table("!#$&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

/** True when all characters are in the table, or `%`. */
export function allIn(text: string, allowed: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== PERCENT && !(code < 128 && allowed[code] === 1)) return false
  }
  return true
}

function table(characters: string): Uint8Array {
  const allowed = new Uint8Array(128)
  for (const character of characters) allowed[character.charCodeAt(0)] = 1
  return allowed
}

/** @param allowed 1 for each ASCII character that stays as it is */
export function encodePercent(text: string, allowed: Uint8Array): string {
  let i = 0
  while (i < text.length) {
    const code = text.charCodeAt(i)
    if (!(code < 128 && allowed[code] === 1)) break
    i++
  }
  if (i === text.length) return text
  let encoded = text.slice(0, i)
  for (const byte of Buffer.from(text.slice(i), 'utf8')) {
    encoded += byte < 128 && allowed[byte] === 1 ? String.fromCharCode(byte) : escaped(byte)
  }
  return encoded
}

function escaped(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`
}

/** A `%` that begins no escape stays; bytes that are not UTF-8 become U+FFFD (W3C Baggage, "value"). */
export function decodePercent(text: string): string {
  if (text.indexOf('%') === -1) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return decodeLoosely(text)
  }
}

function decodeLoosely(text: string): string {
  const source = Buffer.from(text, 'utf8')
  const bytes = Buffer.alloc(source.length)
  let length = 0
  for (let i = 0; i < source.length; i++) {
    const high = source[i] === PERCENT ? hexValue(source[i + 1]) : -1
    const low = high === -1 ? -1 : hexValue(source[i + 2])
    if (low === -1) bytes[length++] = source[i] as number
    else {
      bytes[length++] = high * 16 + low
      i += 2
    }
  }
  return bytes.toString('utf8', 0, length)
}

function hexValue(code: number | undefined): number {
  if (code === undefined) return -1
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
