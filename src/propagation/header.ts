/**
 * Header values as carriers deliver them. Getters of HTTP give a string, or a list when the header was sent more than
 * once; getters of programs may give anything.
 */

/** The value of a header that may be sent once only: undefined when it is missing, repeated, or not text. */
export function onlyValue(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.length === 1 && typeof value[0] === 'string') return value[0]
  return undefined
}

/** The value of a list header: repeated ones are joined by a comma, empty ones left out (RFC 9110 section 5.3). */
export function joinedValue(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  let joined: string | undefined
  for (const item of value) {
    if (typeof item !== 'string' || item === '') continue
    joined = joined === undefined ? item : `${joined},${item}`
  }
  return joined
}

/** Without spaces and tabs at both ends ("OWS" of RFC 9110). */
export function trimOws(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isOws(text.charCodeAt(from))) from++
  while (to > from && isOws(text.charCodeAt(to - 1))) to--
  return from === 0 && to === text.length ? text : text.slice(from, to)
}

export function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Printable ASCII and tabs: what may stand in a header without opening a second one. */
export function isFieldText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code > 0x7e) return false
  }
  return true
}
