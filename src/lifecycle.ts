/**
 * Delivers spans at every end of a thread that can still run code, and lets it end as it would have without us.
 *
 * No listener is added to `process`: a listener for a signal takes the default action away, and a program can count them
 * all. Instead
 * - `process.emit` and `process.reallyExit` are wrapped: behind the program's own `exit` listeners comes ours;
 * - while spans wait to be sent, and only then, a signal that nobody listens for arrives at a handle of our own, which sends
 *   them, goes, and raises the signal again.
 *
 * What runs no code loses what was not sent: SIGKILL, `process.abort()`, `worker.terminate()`, an out-of-memory crash, and a
 * signal during an endless loop, which has to wait for it (that is why the handles go as soon as nothing waits).
 */
import { createHook, type HookCallbacks } from 'node:async_hooks'
import { constants } from 'node:os'
import type { Patches } from './patch'

/** Signals whose default action ends the program and that are sent to ask for that. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
type Signal = (typeof SIGNALS)[number]

export interface ExitWork {
  /** Something waits to be sent. */
  pending(): boolean
  /** Sends it, blocking. */
  deliver(): void
}

export interface Lifecycle {
  /** Something waits to be sent from now on. Cheap when that was known. */
  busy(): void
  /** Nothing waits any more. */
  idle(): void
}

export function watchExit(work: ExitWork, patches: Patches): Lifecycle {
  const deliver = patches.guard(() => {
    if (work.pending()) work.deliver()
  }, 'sending the last spans')
  const signals = new SignalHandles(deliver)
  const listenersChanged = patches.guard((event: unknown, name: unknown) => {
    if (isSignal(name)) signals.listenersChanged(name, event === 'newListener')
  }, 'following the listeners of signals')

  // An own property when somebody was here before us; the inherited method otherwise, so that process keeps its own keys.
  const holder = Object.hasOwn(process, 'emit') ? process : Object.getPrototypeOf(process)
  patches.wrap(
    holder,
    'emit',
    original =>
      function emit(this: unknown, event: unknown, name: unknown) {
        if (this !== process) return Reflect.apply(original, this, arguments)
        if (event === 'exit') {
          try {
            return Reflect.apply(original, this, arguments)
          } finally {
            // A program may emit the event by hand and go on.
            if ((process as any)._exiting !== false) deliver()
          }
        }
        const result = Reflect.apply(original, this, arguments)
        if (event === 'newListener' || event === 'removeListener') listenersChanged(event, name)
        return result
      },
  )
  // `process.exit()` inside an exit listener comes here at once.
  patches.wrap(
    process as any,
    'reallyExit',
    original =>
      function reallyExit(this: unknown) {
        deliver()
        return Reflect.apply(original, this, arguments)
      },
  )
  patches.onUndo(() => signals.idle())
  return signals
}

/** Node's own handle of a signal, as `process.on(signal)` makes one. */
interface SignalHandle {
  onsignal: (signal: number) => void
  start(signal: number): number
  stop(): void
  unref(): void
  close(): void
}

class SignalHandles implements Lifecycle {
  private readonly handles = new Map<Signal, SignalHandle>()
  /** Undefined in a worker thread, where no signal arrives. */
  private readonly Handle = signalHandleClass()
  private readonly kill = process.kill
  private listening = false

  /** The handles are made at start: one that is made later would keep the context of whoever was active then. */
  constructor(private readonly deliver: () => void) {
    for (const signal of SIGNALS) this.make(signal)
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
   * A signal that the program listens for is none of our business, and our handle must not even see it: a `once` listener is
   * gone when it is called, so we would find a signal without listeners. A fresh handle does not see what was sent before.
   */
  listenersChanged(signal: Signal, added: boolean): void {
    if (added) this.handles.get(signal)?.stop()
    else if (process.listenerCount(signal) === 0) {
      this.handles.get(signal)?.close()
      this.make(signal)
      if (this.listening) this.listen(signal)
    }
  }

  private listen(signal: Signal): void {
    this.handles.get(signal)?.start(constants.signals[signal])
  }

  private make(signal: Signal): void {
    if (this.Handle === undefined) return
    const handle = new this.Handle()
    handle.unref()
    handle.onsignal = () => {
      this.deliver()
      this.idle()
      this.kill.call(process, process.pid, signal)
    }
    this.handles.set(signal, handle)
  }
}

function isSignal(name: unknown): name is Signal {
  return SIGNALS.includes(name as Signal)
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
