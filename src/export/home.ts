import { AsyncResource } from 'node:async_hooks'
import { ROOT, runInContext, SUPPRESSED } from '../trace/context'

/**
 * Where the work of exporters happens: outside of every context of the program, so that a timer or a socket of ours does
 * not keep alive what a request left in its AsyncLocalStorage.
 */
const home = new AsyncResource('TRACING_AGENT_EXPORT', { requireManualDestroy: true })

export function atHome<R>(fn: (...args: any[]) => R, thisArg: unknown, ...args: unknown[]): R {
  return home.runInAsyncScope(runInContext as any, undefined, ROOT, fn, thisArg, args) as R
}

/** For packages that make requests of their own: nothing that `fn` starts is traced, now or later. */
export function suppressed<R>(fn: () => R): R {
  return runInContext(SUPPRESSED, fn, undefined, [])
}
