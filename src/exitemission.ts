/**
 * Calls a function when all listeners of `exit` have run, without being one of them for anybody who looks.
 *
 * `emit` of process, which Node.js and `process.exit()` read when the time has come, is an accessor. While the process
 * exits it lets two listeners of ours stand around the program's own. The first one takes both away again before anybody
 * can see them: an emission that goes on works with its own copy of the list.
 */
import { EventEmitter } from 'node:events'

type Listener = (...args: unknown[]) => void

/** What Node.js itself and every emitter's subclass work with. */
interface ProcessInternals {
  _exiting?: boolean
  _events: { exit?: Listener | Listener[] }
  emit: unknown
}

/**
 * @param fn guarded
 * @param guard for what is called when somebody else reads `process.emit`
 * @returns gives `process.emit` back as it was
 */
export function afterExitListeners(fn: () => void, guard: (fn: () => void) => () => void): () => void {
  const internals = process as unknown as ProcessInternals
  const prototype = Object.getPrototypeOf(process) as object
  const own = Object.getOwnPropertyDescriptor(process, 'emit')
  /** What somebody assigned to `process.emit`; until then it is inherited. */
  let assigned: unknown = own?.value
  let isAssigned = own !== undefined
  let phase: 'running' | 'about to emit' | 'listeners run' = 'running'

  function get(this: unknown): unknown {
    if (this === process && internals._exiting === true) exiting()
    return isAssigned ? assigned : EventEmitter.prototype.emit
  }

  const exiting = guard(function exiting() {
    if (phase === 'running') {
      phase = 'about to emit'
      surround()
    } else if (phase === 'listeners run') {
      // A listener threw, and the error is about to be told: the last listener will not be called.
      fn()
    }
  })

  function surround(): void {
    const events = internals._events
    const { exit } = events
    const first = guard(function first() {
      if (exit === undefined) delete events.exit
      else events.exit = exit
      phase = 'listeners run'
    })
    events.exit = [first, ...(exit === undefined ? [] : typeof exit === 'function' ? [exit] : exit), fn]
  }

  /** An assignment makes an own property, as it would without us; a package that patches `emit` keeps what it assigned. */
  function set(this: unknown, value: unknown): void {
    if (this !== process) {
      Object.defineProperty(this, 'emit', { configurable: true, enumerable: true, writable: true, value })
      return
    }
    assigned = value
    if (!isAssigned) Object.defineProperty(process, 'emit', { configurable: true, enumerable: true, get, set })
    isAssigned = true
  }

  if (own === undefined) Object.defineProperty(prototype, 'emit', { configurable: true, enumerable: false, get, set })
  else Object.defineProperty(process, 'emit', { configurable: true, enumerable: own.enumerable, get, set })

  return () => {
    if (own === undefined) delete (prototype as { emit?: unknown }).emit
    if (isAssigned) {
      const { enumerable } = Object.getOwnPropertyDescriptor(process, 'emit')!
      Object.defineProperty(process, 'emit', { configurable: true, enumerable, writable: true, value: assigned })
    }
  }
}
