import type { Baggage, BaggageEntry, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import type { HeaderFormat } from './contract'
import { AgentBaggage } from './entries'
import { joinedValue, trimOws } from './header'
import { allIn, decodePercent, encodePercent, TOKEN } from './percent'

const HEADER = 'baggage'
/** W3C Baggage, section "Limits". */
const MAX_MEMBERS = 180
const MAX_BYTES = 8192

/** 1 for `baggage-octet`: printable ASCII without space, `"`, `,`, `;`, `\`, and without `%`, which begins an escape. */
const OCTET = range(0x21, 0x7e, '",;\\%')
/** Properties go on as they came, with their `;`, `=` and spaces. An escape in them is not ours to escape again. */
const PROPERTY = range(0x20, 0x7e, '",\\')
PROPERTY[0x09] = 1

/**
 * W3C Baggage.
 *
 *     baggage: key=value;property;property=value, key=value …
 *
 * Keys and values are percent-encoded UTF-8. A malformed member is left out, the others stay; of a key that comes twice the
 * last one counts. What goes past 180 members or 8192 bytes is left out, whole members at a time.
 */
export const baggage: HeaderFormat = {
  fields: [HEADER],

  extractBeside<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
    const header = joinedValue(getter.get(carrier, HEADER))
    if (header === undefined) return context
    const entries = parse(header)
    if (entries.size === 0) return context
    return context.withBaggage(AgentBaggage.merge(context.baggage, entries))
  },

  injectBeside<C>(context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
    const text = context.baggage === undefined ? '' : serialize(context.baggage)
    if (text !== '') setter.set(carrier, HEADER, text)
  },
}

function parse(header: string): Map<string, BaggageEntry> {
  const entries = new Map<string, BaggageEntry>()
  let from = 0
  let members = 0
  while (from < header.length && members < MAX_MEMBERS) {
    let comma = header.indexOf(',', from)
    if (comma === -1) comma = header.length
    if (comma > MAX_BYTES) break
    if (comma > from) {
      members++
      parseMember(header.slice(from, comma), entries)
    }
    from = comma + 1
  }
  return entries
}

function parseMember(member: string, entries: Map<string, BaggageEntry>): void {
  const semicolon = member.indexOf(';')
  const pair = semicolon === -1 ? member : member.slice(0, semicolon)
  const equals = pair.indexOf('=')
  if (equals === -1) return
  const key = trimOws(pair.slice(0, equals))
  const value = trimOws(pair.slice(equals + 1))
  if (key === '' || !allIn(key, TOKEN) || !allIn(value, OCTET)) return
  const properties = semicolon === -1 ? '' : trimOws(member.slice(semicolon + 1))
  const entry: BaggageEntry = { value: decodePercent(value) }
  if (properties !== '' && allIn(properties, PROPERTY)) entry.metadata = metadata(properties)
  entries.set(decodePercent(key), entry)
}

/** The header value of an immutable object does not change: made once, however many calls a request makes. */
const serialized = new WeakMap<Baggage, string>()

function serialize(bag: Baggage): string {
  let text = serialized.get(bag)
  if (text === undefined) {
    text = write(bag.getAllEntries())
    serialized.set(bag, text)
  }
  return text
}

function write(entries: readonly [string, BaggageEntry][]): string {
  let text = ''
  let members = 0
  for (const [key, entry] of entries) {
    if (typeof key !== 'string' || key === '' || typeof entry?.value !== 'string') continue
    let member = `${encodePercent(key, TOKEN)}=${encodePercent(entry.value, OCTET)}`
    const properties = entry.metadata === undefined ? '' : trimOws(String(entry.metadata))
    if (properties !== '') member += `;${encodePercent(properties, PROPERTY)}`
    const longer = text === '' ? member : `${text},${member}`
    if (longer.length > MAX_BYTES) continue
    text = longer
    if (++members === MAX_MEMBERS) break
  }
  return text
}

/** What `baggageEntryMetadataFromString` of the API makes; its symbol is of no use to anybody and differs between copies. */
function metadata(text: string): NonNullable<BaggageEntry['metadata']> {
  return { toString: () => text } as NonNullable<BaggageEntry['metadata']>
}

function range(from: number, to: number, without: string): Uint8Array {
  const allowed = new Uint8Array(128)
  allowed.fill(1, from, to + 1)
  for (const character of without) allowed[character.charCodeAt(0)] = 0
  return allowed
}
