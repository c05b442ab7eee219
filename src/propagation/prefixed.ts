import type { BaggageEntry, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { AgentBaggage } from './entries'
import { onlyValue } from './header'

/** Baggage in one header for each entry, as OpenTracing tracers sent it; the limits are those of W3C Baggage. */
const MAX_ENTRIES = 180
const MAX_BYTES = 8192

/** Adds the entries of all headers whose name begins with `prefix`; `read` gives undefined for a value that is none. */
export function extractPrefixed<C>(
  context: AgentContext,
  carrier: C,
  getter: TextMapGetter<C>,
  prefix: string,
  read: (text: string) => string | undefined,
): AgentContext {
  let entries: Map<string, BaggageEntry> | undefined
  let bytes = 0
  for (const name of getter.keys(carrier)) {
    if (name.length <= prefix.length || !name.toLowerCase().startsWith(prefix)) continue
    const text = onlyValue(getter.get(carrier, name))
    if (text === undefined) continue
    bytes += name.length + text.length
    if (bytes > MAX_BYTES) break
    const key = read(name.slice(prefix.length))
    const value = read(text)
    if (key === undefined || value === undefined) continue
    entries ??= new Map()
    entries.set(key, { value })
    if (entries.size === MAX_ENTRIES) break
  }
  return entries === undefined ? context : context.withBaggage(AgentBaggage.merge(context.baggage, entries))
}

/** Writes a header for each entry; `write` gives undefined for text that the format cannot carry. */
export function injectPrefixed<C>(
  context: AgentContext,
  carrier: C,
  setter: TextMapSetter<C>,
  prefix: string,
  write: (text: string, isName: boolean) => string | undefined,
): void {
  if (context.baggage === undefined) return
  let entries = 0
  let bytes = 0
  for (const [key, entry] of context.baggage.getAllEntries()) {
    if (typeof key !== 'string' || key === '' || typeof entry?.value !== 'string') continue
    const name = write(key, true)
    const value = write(entry.value, false)
    if (name === undefined || value === undefined) continue
    bytes += prefix.length + name.length + value.length
    if (bytes > MAX_BYTES || ++entries > MAX_ENTRIES) return
    setter.set(carrier, prefix + name, value)
  }
}
