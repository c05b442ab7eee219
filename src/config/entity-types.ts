/** The variable `OTEL_ENTITIES` (OpenTelemetry specification, "Entity Propagation"). */
import { CONTROL, decode, maskPair, type Pair, type Type } from './types'

/** Something that the process belongs to, such as a service, a host, a pod. */
export interface Entity {
  readonly type: string
  /** What tells it from others of its type. */
  readonly id: readonly Pair[]
  readonly description: readonly Pair[]
  /** Empty: none. */
  readonly schemaUrl: string
}

/** `type{key=value,…}[key=value,…]@schema`; the brackets and the schema may be left out. */
const ENTITY = /^([a-z][\w.-]*)\s*\{([^{}[\]@]*)\}\s*(?:\[([^{}[\]@]*)\])?\s*(?:@(.*))?$/is
const KEY = /^[a-z][\w.-]*$/i

/** Parts that are malformed are left out. Of two that contradict each other the later one counts. */
export const entities: Type<readonly Entity[]> = {
  expected: 'type{key=value,…}[key=value,…]@schema separated by semicolons, values percent-encoded',
  parse(text) {
    const found: Entity[] = []
    const refused: string[] = []
    const reasons = new Set<string>()
    for (const part of text.split(';')) {
      const source = part.trim()
      if (source === '') continue
      const entity = readEntity(source, reasons)
      if (entity === undefined) refused.push(source)
      else add(found, entity, refused, reasons)
    }
    return {
      value: found.length > 0 ? Object.freeze(found) : undefined,
      refused: refused.length > 0 ? refused.map(maskEntity).join(';') : undefined,
      reason: reasons.size > 0 ? [...reasons].join('; ') : undefined,
    }
  },
  show: value => value.map(showEntity).join(';'),
  mask: maskEntity,
}

function readEntity(source: string, reasons: Set<string>): Entity | undefined {
  const match = ENTITY.exec(source)
  if (match === null) {
    reasons.add('a part is malformed')
    return undefined
  }
  const [, type, ids, descriptions = '', schema = ''] = match
  const id = readPairs(ids!)
  const description = readPairs(descriptions)
  if (id === undefined || description === undefined) {
    reasons.add(`${type} has a malformed attribute`)
    return undefined
  }
  if (id.length === 0) {
    reasons.add(`${type} has no identifying attribute`)
    return undefined
  }
  return { type: type!, id, description, schemaUrl: schema.trim() }
}

function readPairs(text: string): Pair[] | undefined {
  const pairs = new Map<string, string>()
  for (const part of text.split(',')) {
    if (part.trim() === '') continue
    const at = part.indexOf('=')
    const key = part.slice(0, Math.max(at, 0)).trim()
    const encoded = part.slice(at + 1).trim()
    const value = encoded.includes('=') ? undefined : decode(encoded)
    if (!KEY.test(key) || value === undefined || CONTROL.test(value)) return undefined
    pairs.set(key, value)
  }
  return [...pairs]
}

/** The rules of "Error Handling": duplicates, conflicting attributes, and a schema that is no URL. */
function add(found: Entity[], entity: Entity, refused: string[], reasons: Set<string>): void {
  let { schemaUrl } = entity
  if (schemaUrl !== '' && !URL.canParse(schemaUrl)) {
    reasons.add(`the schema of ${entity.type} is no URL`)
    refused.push(`@${schemaUrl}`)
    schemaUrl = ''
  }
  for (let i = found.length - 1; i >= 0; i--) {
    const earlier = found[i]!
    if (earlier.type === entity.type && isSameOrContradicts(earlier.id, entity.id)) {
      reasons.add(`${entity.type} is there twice, the last one counts`)
      refused.push(showEntity(earlier))
      found.splice(i, 1)
      continue
    }
    const kept = earlier.description.filter(([key, value]) => !contradicts(entity.description, key, value))
    if (kept.length === earlier.description.length) continue
    reasons.add(`${earlier.type} and ${entity.type} differ in a descriptive attribute, the last one counts`)
    refused.push(...earlier.description.filter(pair => !kept.includes(pair)).map(showPair))
    found[i] = { ...earlier, description: kept }
  }
  found.push({ ...entity, schemaUrl })
}

/** Identical, or with another value for a key of both. */
function isSameOrContradicts(a: readonly Pair[], b: readonly Pair[]): boolean {
  if (a.some(([key, value]) => contradicts(b, key, value))) return true
  return a.length === b.length && a.every(([key]) => b.some(([other]) => other === key))
}

function contradicts(pairs: readonly Pair[], key: string, value: string): boolean {
  return pairs.some(([other, content]) => other === key && content !== value)
}

function showEntity({ description, id, schemaUrl, type }: Entity): string {
  const described = description.length === 0 ? '' : `[${description.map(showPair).join(',')}]`
  return `${type}{${id.map(showPair).join(',')}}${described}${schemaUrl === '' ? '' : `@${schemaUrl}`}`
}

function showPair([key, value]: Pair): string {
  return maskPair(`${key}=${value.replace(/[%{}[\]@;,=\s\u0000-\u001f]/g, encodeURIComponent)}`)
}

/** A raw text without the values of keys that are named like credentials. */
function maskEntity(text: string): string {
  return text.replace(/[^{}[\];,]+/g, maskPair)
}
