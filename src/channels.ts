/**
 * Notices that a builtin is loaded, however that happens: by `require`, `import`, `process.getBuiltinModule`, or another
 * builtin. While it is loaded it makes its diagnostics channels, and the constructor of a channel assigns its name: an
 * accessor on the prototype of channels, there for as long as it is waited for, sees the assignment.
 */
import { Channel, channel } from 'node:diagnostics_channel'

const waiting = new Map<unknown, () => void>()
/** Thrown to leave the constructor of a channel before the channel is registered. */
const ABSENT = new Error('no such channel')
let asking = false

/** Somebody holds this channel already, or nobody could tell. */
export function isChannelMade(name: string): boolean {
  watch()
  asking = true
  try {
    channel(name)
    return true
  } catch (error) {
    return error !== ABSENT
  } finally {
    asking = false
    if (waiting.size === 0) unwatch()
  }
}

/**
 * Calls `then` once, while the channel is being made: this one must not be subscribed to in there, all others may be.
 *
 * @param then does not throw
 * @returns waits no longer
 */
export function whenChannelIsMade(name: string, then: () => void): () => void {
  waiting.set(name, then)
  watch()
  return () => {
    if (waiting.get(name) === then) stopWaiting(name)
  }
}

function stopWaiting(name: unknown): void {
  waiting.delete(name)
  if (waiting.size === 0) unwatch()
}

function watch(): void {
  if (Object.hasOwn(Channel.prototype, 'name')) return
  Object.defineProperty(Channel.prototype, 'name', {
    configurable: true,
    enumerable: false,
    get: () => undefined,
    set(this: unknown, name: unknown) {
      if (asking) throw ABSENT
      Object.defineProperty(this, 'name', { configurable: true, enumerable: true, writable: true, value: name })
      const then = waiting.get(name)
      if (then === undefined) return
      stopWaiting(name)
      then()
    },
  })
}

function unwatch(): void {
  delete (Channel.prototype as { name?: unknown }).name
}
