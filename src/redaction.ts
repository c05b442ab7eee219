/** Parameters whose values are credentials (semantic conventions for HTTP, "url.full"). Case-sensitive, as they are there. */
export const SENSITIVE_PARAMETERS = [
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
  'X-Goog-Signature',
] as const

const REDACTED = 'REDACTED'
const PERCENT = 37
const PLUS = 43
const UPPER_A = 65
const UPPER_Z = 90

/**
 * Makes the function that replaces the values of sensitive query parameters by `REDACTED` and keeps all else, byte for
 * byte. It is called for every request: a key is compared by its length first, and a query without a sensitive key is
 * returned as it is.
 *
 * @param extra more names, in any case; `*` for all
 */
export function createRedactor(extra: readonly string[]): (query: string) => string {
  const all = extra.includes('*')
  const lengths: boolean[] = []
  for (const name of [...SENSITIVE_PARAMETERS, ...extra]) lengths[name.length] = true
  const exact = new Set<string>(SENSITIVE_PARAMETERS)
  const anyCase = new Set(extra.map(name => name.toLowerCase()))

  /** The key is `query.slice(from, to)`, as it stands in the URL. */
  const isSensitive = (query: string, from: number, to: number): boolean => {
    if (all) return true
    let escaped = false
    let upper = false
    for (let i = from; i < to; i++) {
      const code = query.charCodeAt(i)
      if (code === PERCENT || code === PLUS) escaped = true
      else if (code >= UPPER_A && code <= UPPER_Z) upper = true
    }
    if (!escaped && lengths[to - from] !== true) return false
    const key = escaped ? decodeKey(query.slice(from, to)) : query.slice(from, to)
    if (exact.has(key)) return true
    if (anyCase.size === 0) return false
    return anyCase.has(escaped || upper ? key.toLowerCase() : key)
  }

  return query => {
    let redacted = ''
    let copied = 0
    let from = 0
    while (from < query.length) {
      let end = query.indexOf('&', from)
      if (end < 0) end = query.length
      const equals = query.indexOf('=', from)
      if (equals >= 0 && equals < end && equals + 1 < end && isSensitive(query, from, equals)) {
        redacted += query.slice(copied, equals + 1) + REDACTED
        copied = end
      }
      from = end + 1
    }
    return copied === 0 ? query : redacted + query.slice(copied)
  }
}

/** `X%2DAmz%2DSignature` is the same key to the other side. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}
