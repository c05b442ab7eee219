import type { SpanContext } from '@opentelemetry/api'

export const ZERO_TRACE_ID = '00000000000000000000000000000000'
export const ZERO_SPAN_ID = '0000000000000000'

/** 1 for `0`-`9` and `a`-`f`: a lookup costs less than two comparisons, and much less than a regular expression. */
const LOWER = new Uint8Array(128)
for (const digit of '0123456789abcdef') LOWER[digit.charCodeAt(0)] = 1

/** True when the characters `from` (included) to `to` (excluded) are lower-case hex digits. */
export function isLowerHex(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    // Also false past the end of the text, where the code is not a number.
    if (!(code < 128) || LOWER[code] === 0) return false
  }
  return true
}

/** The value of one lower-case hex digit. */
export function hexDigit(code: number): number {
  return code <= 0x39 ? code - 0x30 : code - 0x57
}

/** Lower-case ids of the right length that are not zero: what every format can write. */
export function isValidContext(span: SpanContext | undefined): span is SpanContext {
  if (span === undefined || span === null) return false
  const { spanId, traceId } = span
  return (
    typeof traceId === 'string' &&
    traceId.length === 32 &&
    typeof spanId === 'string' &&
    spanId.length === 16 &&
    traceId !== ZERO_TRACE_ID &&
    spanId !== ZERO_SPAN_ID &&
    isLowerHex(traceId, 0, 32) &&
    isLowerHex(spanId, 0, 16)
  )
}

/**
 * An id of formats that shorten: `text` (1 to `digits` hex digits in either case) in lower case with leading zeros;
 * undefined when it is none, or zero.
 */
export function paddedId(text: string, digits: 16 | 32): string | undefined {
  if (text.length === 0 || text.length > digits) return undefined
  const id = (isLowerHex(text, 0, text.length) ? text : text.toLowerCase()).padStart(digits, '0')
  if (!isLowerHex(id, 0, digits)) return undefined
  return id === ZERO_TRACE_ID || id === ZERO_SPAN_ID ? undefined : id
}
