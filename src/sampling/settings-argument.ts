import type { Log } from '../log'

/** A key of a `key=value,…` argument: reads the value, undefined when it is wrong. */
export interface ArgumentKey<T> {
  readonly read: (text: string) => T | undefined
  /** What is expected, as in "expected …". */
  readonly expected: string
  readonly fallback: T
}

type Keys = Readonly<Record<string, ArgumentKey<unknown>>>
export type Values<K extends Keys> = { -readonly [N in keyof K]: K[N] extends ArgumentKey<infer T> ? T : never }

/** Reads an `OTEL_TRACES_SAMPLER_ARG` of the form `key=value,key=value`. What is wrong is said, and its default used. */
export function readArgument<K extends Keys>(argument: string | undefined, keys: K, log: Log): Values<K> {
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(keys)) values[name] = keys[name]?.fallback
  for (const part of (argument ?? '').split(',')) {
    if (part.trim() === '') continue
    const equals = part.indexOf('=')
    const name = part.slice(0, equals === -1 ? part.length : equals).trim()
    const key = Object.hasOwn(keys, name) ? keys[name] : undefined
    if (key === undefined || equals === -1) {
      const expected = Object.keys(keys).join('=…, ')
      log.warn(`OTEL_TRACES_SAMPLER_ARG: "${part.trim()}" is not understood, expected ${expected}=…; it is ignored.`)
      continue
    }
    const text = part.slice(equals + 1).trim()
    const value = key.read(text)
    if (value !== undefined) values[name] = value
    else log.warn(`OTEL_TRACES_SAMPLER_ARG: ${name}="${text}", expected ${key.expected}; ${key.fallback} is used.`)
  }
  return values as Values<K>
}

/** An http or https address; without a scheme it is http. */
export function readHttpUrl(text: string): string | undefined {
  if (text === '') return undefined
  try {
    const url = new URL(text.includes('://') ? text : `http://${text}`)
    return (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '' ? url.href : undefined
  } catch {
    return undefined
  }
}
