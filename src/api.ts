/**
 * Registers the agent with @opentelemetry/api.
 *
 * Every copy of the API finds its globals under one symbol, with the version of the copy that registered them. We write that
 * object ourselves: to load the API costs more than all the rest of a start, and most programs never use it.
 */

import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { ContextManager, TextMapPropagator, TracerProvider } from '@opentelemetry/api'

/** The version of the API that has these globals, if the program has no copy of its own. */
export const API_VERSION = '1.10.0'
const KEY = Symbol.for('opentelemetry.js.api.1')

interface Globals {
  readonly trace: TracerProvider
  readonly context: ContextManager
  readonly propagation: TextMapPropagator
}

const holder = globalThis as unknown as Record<symbol, Record<string, unknown> | undefined>

/** Somebody registered a tracer provider already. */
export function hasProvider(): boolean {
  return holder[KEY]?.trace !== undefined
}

/**
 * A copy reads globals of its own minor version and above, and adds some (for metrics, for logs) only to those of exactly its
 * own version. So they get the version of the program's copy.
 *
 * @param program file or folder of the program
 * @param onRefused is told that one of them was to be registered anew, which the API refuses
 * @returns takes the globals away again
 */
export function registerGlobals(
  globals: Globals,
  program: string,
  onRefused: (name: keyof Globals) => void,
): () => void {
  const others = holder[KEY]
  const api = others ?? { version: versionFor(program) }
  Object.assign(api, globals)
  const endWatch = others === undefined ? watchRegistrations(api, onRefused) : () => {}
  return () => {
    endWatch()
    for (const [name, instance] of Object.entries(globals)) if (api[name] === instance) delete api[name]
  }
}

/** Whoever starts another agent does so long before; after that a read costs 10 ns less. */
const WATCHED_READS = 10_000

/**
 * Every copy of the API begins a registration by writing the object back to where it found it; then it reads the global that is
 * to be, and if there is none, the version. That is the same from 1.0.0 to 1.10.0, and nothing else writes there. Of a refusal
 * nobody else hears: the return value is seldom looked at, and the log of the API is off.
 *
 * @param onRefused once, and with that the watch is over
 * @returns ends the watch: all are ordinary properties again
 */
function watchRegistrations(api: Record<string, unknown>, onRefused: (name: keyof Globals) => void): () => void {
  const values = { ...api }
  let isRegistering = false
  let isWatching = true
  let reads = 0
  const end = () => {
    if (!isWatching) return
    isWatching = false
    if (holder[KEY] === api) define(globalThis, KEY, { writable: true, value: api })
    for (const [name, value] of Object.entries(values)) {
      if (api[name] === value) define(api, name, { writable: true, value })
    }
  }
  for (const [name, value] of Object.entries(values)) {
    define(api, name, {
      get() {
        if (isRegistering) {
          isRegistering = false
          if (isWatching && name !== 'version') {
            end()
            onRefused(name as keyof Globals)
          }
        }
        return value
      },
      set: to => define(api, name, { writable: true, value: to }),
    })
  }
  define(globalThis, KEY, {
    get() {
      if (isWatching && ++reads > WATCHED_READS) end()
      return api
    },
    set(to) {
      if (to === api) isRegistering = isWatching
      else define(globalThis, KEY, { writable: true, value: to })
    },
  })
  return end
}

function define(target: object, key: PropertyKey, descriptor: PropertyDescriptor): void {
  Object.defineProperty(target, key, { configurable: true, enumerable: true, ...descriptor })
}

function versionFor(program: string): string {
  for (let folder = path.resolve(program); ; folder = path.dirname(folder)) {
    const version = readVersion(path.join(folder, 'node_modules/@opentelemetry/api/package.json'))
    if (version !== undefined) return version
    if (path.dirname(folder) === folder) return API_VERSION
  }
}

function readVersion(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  try {
    const { version } = JSON.parse(readFileSync(file, 'utf8'))
    return typeof version === 'string' && version.startsWith('1.') ? version : undefined
  } catch {
    return undefined
  }
}
