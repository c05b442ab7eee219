/**
 * Registers the agent with @opentelemetry/api.
 *
 * Every copy of the API finds its globals under one symbol, with the version of the copy that registered them. We write that
 * object ourselves: to load the API costs more than all the rest of a start, and most programs never use it.
 */
import type { ContextManager, TextMapPropagator, TracerProvider } from '@opentelemetry/api'

/** The version of the API whose globals these are: older copies of the same major accept it. */
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

/** @returns takes the globals away again */
export function registerGlobals(globals: Globals): () => void {
  holder[KEY] ??= { version: API_VERSION }
  const api = holder[KEY]
  Object.assign(api, globals)
  return () => {
    for (const [name, instance] of Object.entries(globals)) if (api[name] === instance) delete api[name]
  }
}
