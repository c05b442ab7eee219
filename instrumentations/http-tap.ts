/**
 * Hears of the first write to a stream, or of its end without one.
 *
 * Neither passes a channel, and a listener could be counted. The functions that both pass belong to a prototype, mostly that of
 * `net.Socket`: while a stream is listened to, others stand in their place there, and pass on what is none of our business.
 *
 * @see RATIONALE.md, "How does the agent hear of the answer to a handshake?"
 */

import type { Tools } from '../src/instrumentation'

/** One of the two is called, once. */
export interface Listener {
  /** @param chunk the first of what is written */
  written(chunk: unknown): void
  destroyed(error: unknown): void
}

/** The functions, and what their first argument tells. */
const HEARD: Readonly<Record<string, (listener: Listener, argument: any) => void>> = {
  _write: (listener, chunk) => listener.written(chunk),
  _writev: (listener, chunks) => listener.written(chunks?.[0]?.chunk),
  _destroy: (listener, error) => listener.destroyed(error),
}

/** By the object that has the functions. */
const taps = new Map<object, Tap>()

export function listen(stream: object, listener: Listener, tools: Tools): void {
  for (const key of Object.keys(HEARD)) {
    const owner = ownerOf(stream, key)
    if (owner === undefined) continue
    if (!taps.has(owner)) taps.set(owner, new Tap(owner, tools))
    taps.get(owner)!.listeners.set(stream, listener)
  }
}

function unlisten(stream: object): void {
  for (const [owner, { listeners, restores }] of taps) {
    if (!listeners.delete(stream) || listeners.size > 0) continue
    taps.delete(owner)
    for (const restore of restores) restore()
  }
}

class Tap {
  readonly listeners = new Map<object, Listener>()
  readonly restores: (() => void)[]

  constructor(
    private readonly owner: object,
    private readonly tools: Tools,
  ) {
    this.restores = Object.keys(HEARD).map(key => this.replace(key))
  }

  private replace(key: string): () => void {
    const { owner, listeners, tools } = this
    const before = Object.getOwnPropertyDescriptor(owner, key)
    if (typeof before?.value !== 'function' || !before.writable) return () => {}
    const tell = HEARD[key]!
    const hear = (stream: object, argument: unknown) => {
      const listener = listeners.get(stream)
      if (listener === undefined) return
      unlisten(stream)
      tell(listener, argument)
    }
    const value = passingOn(before.value, tools.guard(hear))
    Object.defineProperty(owner, key, { ...before, value })
    return () => {
      // Where somebody has put another one in front of it, ours stays below, and tells nobody.
      if (Object.getOwnPropertyDescriptor(owner, key)?.value === value) Object.defineProperty(owner, key, before)
    }
  }
}

/** Whoever has the function that `stream[key]` is. */
function ownerOf(stream: object, key: string): object | undefined {
  for (let owner: object | null = stream; owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (Object.hasOwn(owner, key)) return owner
  }
  return undefined
}

/** Like the original to look at; those of sockets are, as they stand here. */
function passingOn(original: Function, hear: (stream: object, argument: unknown) => void): Function {
  const value =
    original.length === 3
      ? function (this: object, chunk: unknown, _encoding: unknown, _done: unknown) {
          hear(this, chunk)
          return Reflect.apply(original, this, arguments)
        }
      : function (this: object, about: unknown, _done: unknown) {
          hear(this, about)
          return Reflect.apply(original, this, arguments)
        }
  for (const key of ['name', 'length'] as const) {
    if (value[key] !== original[key]) Object.defineProperty(value, key, { configurable: true, value: original[key] })
  }
  return value
}
