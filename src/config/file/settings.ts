/** Values of the table of options, as a configuration file gives them: with the parsers of the variables. */
import { defaultText } from '../load'
import { OPTIONS, type OptionName } from '../options'
import { refusal } from '../problem'
import type { Row } from '../row'
import type { Type } from '../types'
import type { Place } from './place'

/** A value and the place that it comes from. */
export interface Setting {
  readonly value: unknown
  /** `otel.yaml: tracer_provider.sampler` */
  readonly place: string
}

export class Settings {
  readonly values = new Map<OptionName, Setting>()

  /** Reads a scalar as the option would be read from a variable. Null and the empty text leave it open. */
  read(option: OptionName, place: Place | undefined): void {
    if (place === undefined) return
    const type = (OPTIONS[option] as Row<unknown>).type
    const text = place.scalar(type.expected)?.text.trim()
    if (text !== undefined && text !== '') this.parse(option, place, text)
  }

  /** The same with a text that was made of what is there. */
  parse(option: OptionName, place: Place, text: string): void {
    const row = OPTIONS[option] as Row<unknown>
    const value = parseWith(row.type, place, text, defaultText(row))
    if (value !== undefined) this.set(option, place, value)
  }

  set(option: OptionName, place: Place, value: unknown): void {
    this.values.set(option, { value, place: place.name })
  }
}

/** What a type makes of a text; what is refused is said. */
export function parseWith<T>(type: Type<T>, place: Place, text: string, instead: string): T | undefined {
  const parsed = type.parse(text)
  if (parsed.value === undefined || parsed.refused !== undefined) {
    const used = parsed.value === undefined ? instead : type.show(parsed.value)
    place.add(refusal(place.name, text, type, parsed, used))
  }
  return parsed.value
}

/** A scalar that is read with a type of its own; undefined when it is missing, null or refused. */
export function readScalar<T>(type: Type<T>, place: Place | undefined, instead: string): T | undefined {
  const text = place?.scalar(type.expected)?.text.trim()
  return place === undefined || text === undefined || text === '' ? undefined : parseWith(type, place, text, instead)
}
