/** Hears the signals that end a process, without a listener on `process`. */
import { createHook, type HookCallbacks } from 'node:async_hooks'

/** Signals whose default action ends the program and that are sent to ask for that. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
type Signal = (typeof SIGNALS)[number]
/** The same on all systems of Node.js: `os.constants` need not be loaded for them. */
const NUMBERS: Readonly<Record<Signal, number>> = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1 }

/** Node's own handle of a signal, as `process.on(signal)` makes one. */
interface SignalHandle {
  onsignal: (signal: number) => void
  start(signal: number): number
  stop(): void
  unref(): void
  close(): void
}

/** Handles of our own, one for each signal. They are at work only while something waits to be sent. */
export class SignalHandles {
  private readonly handles = new Map<Signal, SignalHandle>()
  /** Undefined in a worker thread, where no signal arrives. */
  private readonly Handle = signalHandleClass()
  private readonly kill = process.kill
  private listening = false

  /** The handles are made at start: one that is made later would keep the context of whoever was active then. */
  constructor(
    private readonly deliver: () => void,
    private readonly guard: (fn: (about: unknown) => void, place: string) => (about: unknown) => void,
  ) {
    for (const signal of SIGNALS) this.make(signal)
  }

  /** Begins to follow the program's own listeners. @returns ends that, and all else */
  watch(): () => void {
    if (this.Handle === undefined) return () => {}
    const following = (added: boolean) =>
      this.guard(name => this.listenersChanged(name, added), 'following the listeners of signals')
    const unfollowAdded = follow('newListener', 'startListeningIfSignal', following(true))
    const unfollowGone = follow('removeListener', 'stopListeningIfSignal', following(false))
    // Without them a signal that the program listens for could not be told from one that it does not.
    if (unfollowAdded === undefined || unfollowGone === undefined) this.handles.clear()
    return () => {
      this.idle()
      unfollowAdded?.()
      unfollowGone?.()
    }
  }

  busy(): void {
    if (this.listening) return
    this.listening = true
    for (const signal of SIGNALS) if (process.listenerCount(signal) === 0) this.listen(signal)
  }

  idle(): void {
    if (!this.listening) return
    this.listening = false
    for (const handle of this.handles.values()) handle.stop()
  }

  /**
   * The program is about to send a signal, perhaps to itself. It would be dead when that function returns: our handle would
   * hear of it later, or never, when nothing else keeps the program alive.
   */
  beforeKill(pid: unknown, number: unknown): void {
    if (!this.listening || (pid !== process.pid && pid !== 0 && pid !== -process.pid)) return
    const signal = SIGNALS.find(name => NUMBERS[name] === number)
    if (signal === undefined || !this.handles.has(signal) || process.listenerCount(signal) > 0) return
    this.deliver()
    this.idle()
  }

  /**
   * A signal that the program listens for is none of our business, and our handle must not even see it: a `once` listener is
   * gone when it is called, so we would find a signal without listeners. A fresh handle does not see what was sent before.
   */
  private listenersChanged(name: unknown, added: boolean): void {
    const signal = SIGNALS.find(known => known === name)
    if (signal === undefined || !this.handles.has(signal)) return
    if (added) this.handles.get(signal)!.stop()
    else if (process.listenerCount(signal) === 0) {
      this.handles.get(signal)!.close()
      this.make(signal)
      if (this.listening) this.listen(signal)
    }
  }

  private listen(signal: Signal): void {
    this.handles.get(signal)?.start(NUMBERS[signal])
  }

  private make(signal: Signal): void {
    if (this.Handle === undefined) return
    const handle = new this.Handle()
    handle.unref()
    const onSignal = () => {
      try {
        this.deliver()
        this.idle()
      } finally {
        this.kill.call(process, process.pid, signal)
      }
    }
    handle.onsignal = this.guard(onSignal, 'a signal')
    this.handles.set(signal, handle)
  }
}

/**
 * Lets `then` follow Node's own listener that starts or stops the handle of a signal: the function takes its place, so that
 * nobody counts one listener more.
 *
 * @returns undoes it; undefined when this Node.js has no such listener
 */
function follow(event: string, listenerName: string, then: (name: unknown) => void): (() => void) | undefined {
  const original = process.listeners(event as any).find(({ name }) => name === listenerName) as Function | undefined
  if (original === undefined) return undefined
  const follower = (name: unknown) => {
    Reflect.apply(original, process, [name])
    then(name)
  }
  Object.defineProperty(follower, 'name', { configurable: true, value: listenerName })
  replaceListener(event, original, follower)
  return () => replaceListener(event, follower, original)
}

/** In the place where it is: removed and added again, it would change the order of listeners and of `process.eventNames()`. */
function replaceListener(event: string, one: Function, other: Function): void {
  const events = (process as unknown as { _events: Record<string, Function | Function[] | undefined> })._events
  const present = events[event]
  if (present === one) events[event] = other
  else if (Array.isArray(present) && present.includes(one)) present[present.indexOf(one)] = other
}

/**
 * The class of these handles has no public name: it is the constructor of the resource that an async hook sees when
 * somebody listens for a signal.
 *
 * @returns undefined in a worker thread, where signals do not arrive
 */
function signalHandleClass(): (new () => SignalHandle) | undefined {
  let resource: object | undefined
  const hook = createHook({
    // Known to newer versions: promises stay as fast as they are.
    trackPromises: false,
    init(_id: number, type: string, _trigger: number, created: object) {
      if (type === 'SIGNALWRAP') resource ??= created
    },
  } as HookCallbacks)
  // Ignored by default, so that nothing is lost if one arrives just now.
  const probe = 'SIGWINCH'
  const listener = () => {}
  hook.enable()
  process.on(probe, listener)
  process.removeListener(probe, listener)
  hook.disable()
  return resource?.constructor as (new () => SignalHandle) | undefined
}
