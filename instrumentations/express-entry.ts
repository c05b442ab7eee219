/** The package entry that is loading the file of `exports` right now. */
import { dirname, join } from 'node:path'
import type { Tools } from '../src/instrumentation'

/**
 * Calls `patch` with the exports of the package's `index.js`, one folder above the file that exported `exports`, right after
 * that was evaluated and before anybody receives them.
 *
 * An ES module that imports a CommonJS package loads the entry past `require`, so no hook sees it; the files that the entry
 * requires are seen, while the entry is still being evaluated. Node sets `loaded` on a module when that is over: the next
 * statement of the program comes after it.
 */
export function findEntryModule(exports: unknown, patch: (entryExports: unknown) => void, tools: Tools): void {
  const file = Object.keys(require.cache).find(name => require.cache[name]?.exports === exports)
  if (file === undefined) return
  const entry = require.cache[join(dirname(dirname(file)), 'index.js')]
  if (entry === undefined || entry.loaded) return
  let loaded = false
  const onLoaded = (value: boolean) => {
    loaded = value
    Object.defineProperty(entry, 'loaded', { configurable: true, enumerable: true, writable: true, value })
    patch(entry.exports)
  }
  const set = tools.guard(onLoaded)
  Object.defineProperty(entry, 'loaded', { configurable: true, enumerable: true, get: () => loaded, set })
}
