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
 * @returns takes the globals away again
 */
export function registerGlobals(globals: Globals, program: string): () => void {
  holder[KEY] ??= { version: versionFor(program) }
  const api = holder[KEY]
  Object.assign(api, globals)
  return () => {
    for (const [name, instance] of Object.entries(globals)) if (api[name] === instance) delete api[name]
  }
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
