import type { Attributes, AttributeValue } from '@opentelemetry/api'
import type { AttributeList } from './data'

/** How much one span may hold (OpenTelemetry SDK specification, "Span Limits"). Zero allows none, Infinity any. */
export interface Limits {
  readonly attributeCount: number
  /** Characters of a string value, and of each string in an array. */
  readonly attributeValueLength: number
  readonly eventCount: number
  readonly linkCount: number
  readonly eventAttributeCount: number
  readonly linkAttributeCount: number
}

export const DEFAULT_LIMITS: Limits = {
  attributeCount: 128,
  attributeValueLength: Infinity,
  eventCount: 128,
  linkCount: 128,
  eventAttributeCount: 128,
  linkAttributeCount: 128,
}

/** True for a value that the specification allows: a primitive, or an array of one kind of primitive (holes are null). */
export function isAttributeValue(value: unknown): value is AttributeValue {
  const type = typeof value
  if (type === 'string' || type === 'number' || type === 'boolean') return true
  return Array.isArray(value) && isHomogeneous(value)
}

function isHomogeneous(values: unknown[]): boolean {
  let kind = ''
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value === null || value === undefined) continue
    const type = typeof value
    if (type !== 'string' && type !== 'number' && type !== 'boolean') return false
    if (kind === '') kind = type
    else if (kind !== type) return false
  }
  return true
}

/** The value as it is kept: strings cut to the limit, arrays copied so that the program may go on changing its own. */
export function keepValue(value: AttributeValue, maxLength: number): AttributeValue {
  if (typeof value === 'string') return value.length > maxLength ? cut(value, maxLength) : value
  if (!Array.isArray(value)) return value
  const copy = value.slice()
  for (let i = 0; i < copy.length; i++) {
    const item = copy[i]
    if (item === undefined) copy[i] = null
    else if (typeof item === 'string' && item.length > maxLength) copy[i] = cut(item, maxLength)
  }
  return copy as AttributeValue
}

/** The first `length` UTF-16 units, one less where that would leave half a surrogate pair. */
function cut(text: string, length: number): string {
  const last = length > 0 ? text.charCodeAt(length - 1) : 0
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length)
}

/** A checked copy of attributes that come from a program, and how many of them found no room. Invalid ones are left out. */
export function keepAttributes(
  source: Attributes | undefined,
  maxCount: number,
  maxLength: number,
): { list: AttributeList; dropped: number } {
  const list: AttributeList = []
  let dropped = 0
  if (source === undefined || source === null || typeof source !== 'object') return { list, dropped }
  for (const key of Object.keys(source)) {
    const value = source[key]
    if (key === '' || !isAttributeValue(value)) continue
    if (list.length >= maxCount * 2) dropped++
    else list.push(key, keepValue(value, maxLength))
  }
  return { list, dropped }
}
