/** `resource`: attributes, and which detectors look for more. */
import { DETECTORS, type DetectorName } from '../names'
import { type AttributePair, attributes, oneOf } from '../types'
import { type Fields, isScalar, type Place } from './place'
import { readScalar, type Settings } from './settings'

/** What a detector of the schema is here. */
const SCHEMA_DETECTORS: Readonly<Record<string, readonly DetectorName[]>> = {
  container: ['container'],
  host: ['host', 'os'],
  process: ['process'],
  service: ['serviceinstance'],
}

/** The detectors that were named, by their names here. */
export function readResource(place: Place, settings: Settings): ReadonlySet<string> {
  const fields = place.map({
    known: ['attributes', 'attributes_list', 'detection/development', 'detectors'],
    silent: key => key === 'schema_url',
  })
  readAttributes(fields, settings)
  const detection = fields.at('detection/development')
  const detectors = fields.at('detectors')
  const found = detection === undefined ? new Set<string>() : readDetection(detection)
  // A release candidate had the list of attributes here, and the list of detectors is often put here by mistake.
  detectors?.say('is not known and changes nothing; did you mean detection/development?')
  settings.set('resourceDetectors', detection ?? place, Object.freeze([...found].filter(name => name !== 'service')))
  return found
}

/** `attributes` win over `attributes_list`. */
function readAttributes(fields: Fields, settings: Settings): void {
  const list = fields.at('attributes_list')
  const own = fields.at('attributes')
  const all = new Map<string, AttributePair>()
  for (const pair of (list && readScalar(attributes, list, 'nothing')) ?? []) all.set(pair[0], pair)
  for (const item of own?.list() ?? []) {
    const pair = readAttribute(item)
    if (pair !== undefined) all.set(pair[0], pair)
  }
  const place = own ?? list
  if (place !== undefined && all.size > 0) settings.set('resourceAttributes', place, Object.freeze([...all.values()]))
}

const TYPES = oneOf(['string', 'bool', 'int', 'double', 'string_array', 'bool_array', 'int_array', 'double_array'])

function readAttribute(place: Place): AttributePair | undefined {
  const fields = place.map({ known: ['name', 'value', 'type'] })
  const name = fields.at('name')?.scalar('text')?.text.trim()
  if (name === undefined || name === '') {
    place.say('has no name: expected name and value; using nothing')
    return undefined
  }
  const value = fields.at('value')
  if (value === undefined || value.isNull) return undefined
  const type = readScalar(TYPES, fields.at('type'), 'string') ?? 'string'
  const isArray = type.endsWith('_array')
  const kind = type.replace('_array', '')
  const items = isArray ? value.list() : [value]
  const read = items.map(item => convert(item, kind))
  const found = read.filter(item => item !== undefined) as string[]
  if (found.length < read.length || (isArray && found.length === 0)) return undefined
  return [name, isArray ? found : found[0]!]
}

/** A scalar as the type of the attribute says. What is of another type is said. */
function convert(place: Place, kind: string): string | number | boolean | undefined {
  const scalar = isScalar(place.tree) ? place.tree : undefined
  const { text = '', value = null } = scalar ?? {}
  if (scalar !== undefined) {
    if (kind === 'string') return text
    if (kind === 'bool' && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
    const number = typeof value === 'number' ? value : /^[-+]?[\d.]/.test(text) ? Number(text) : Number.NaN
    if (kind === 'int' && Number.isSafeInteger(number)) return number
    if (kind === 'double' && !Number.isNaN(number)) return number
  }
  place.say(`expected a value of the type ${kind}; using nothing`, `a value of the type ${kind}`)
  return undefined
}

function readDetection(place: Place): Set<string> {
  const found = new Set<string>()
  const fields = place.map({ known: ['detectors'], unsupported: ['attributes'] })
  const names = [...Object.keys(SCHEMA_DETECTORS), ...DETECTORS]
  for (const item of fields.at('detectors')?.list() ?? []) {
    const choice = item.choice(names.join(', '))
    if (choice === undefined) continue
    const [name] = choice
    if (name === 'service') found.add('service')
    if (Object.hasOwn(SCHEMA_DETECTORS, name)) for (const own of SCHEMA_DETECTORS[name]!) found.add(own)
    else if ((DETECTORS as readonly string[]).includes(name)) found.add(name)
    else item.unknown(name, names)
  }
  found.delete('none')
  return found
}
