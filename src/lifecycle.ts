/**
 * Delivers spans at every end of a thread that can still run code, and lets it end as it would have without us.
 *
 * No listener is added to `process`: a listener for a signal takes the default action away, a program can count them all,
 * and a wrapped function stands in the stack of every error. Instead
 * - `process.emit` becomes an accessor: who reads it while the process exits is about to emit `exit` (exitemission.ts);
 * - `process._fatalException` is wrapped: what a listener for uncaught exceptions throws ends the process with exit code 7,
 *   without another line of code, and without `exit`;
 * - `process.reallyExit`, to which `process.exit()` comes in the end, is wrapped;
 * - while spans wait to be sent, and only then, a signal that nobody listens for arrives at a handle of our own, which sends
 *   them, goes, and raises the signal again (signals.ts); `process._kill` is wrapped for those that the program sends itself.
 *
 * What runs no code loses what was not sent: SIGKILL, `process.abort()`, `worker.terminate()`, an out-of-memory crash, and a
 * signal during an endless loop, which has to wait for it (that is why the handles go as soon as nothing waits).
 */
import { afterExitListeners } from './exitemission'
import type { Patches } from './patch'
import { SignalHandles } from './signals'

export interface ExitWork {
  /** Nobody caught this; the program has not been told yet. */
  uncaught(error: unknown): void
  /** Ends what is still open. */
  finish(): void
  /** Something waits to be sent. */
  pending(): boolean
  /** Sends it, blocking. */
  deliver(): void
  /** Nothing will be sent any more. */
  report(): void
}

export interface Lifecycle {
  /** Something waits to be sent from now on. Cheap when that was known. */
  busy(): void
  /** Nothing waits any more. */
  idle(): void
}

export function watchExit(work: ExitWork, patches: Patches): Lifecycle {
  const deliver = patches.guard(() => {
    work.finish()
    if (work.pending()) work.deliver()
    work.report()
  }, 'sending the last spans')
  patches.onUndo(afterExitListeners(deliver, fn => patches.guard(fn)))
  // `process.exit()` inside an exit listener comes here at once.
  patches.wrap(process as any, 'reallyExit', original => {
    // A method, since the original is no constructor either.
    const { reallyExit } = {
      reallyExit(this: unknown) {
        deliver()
        return Reflect.apply(original, this, arguments)
      },
    }
    return reallyExit
  })
  const hear = patches.guard((error: unknown) => work.uncaught(error), 'an uncaught exception')
  patches.wrap(process as any, '_fatalException', original => {
    // V8 names the frame of a function without a name after the enumerable property of its receiver that holds it.
    const receiver = Object.create(process, { _fatalException: { enumerable: true, value: original } })
    const { _fatalException } = {
      _fatalException(this: unknown, error: unknown) {
        hear(error)
        let returned = false
        // No `catch`: what is thrown again is printed with the line that threw it again.
        try {
          const handled = Reflect.apply(original, receiver, arguments)
          returned = true
          return handled
        } finally {
          if (!returned) deliver()
        }
      },
    }
    return _fatalException
  })
  const signals = new SignalHandles(deliver, (fn, place) => patches.guard(fn, place))
  patches.onUndo(signals.watch())
  // To which `process.kill()` comes. A native function, and no constructor either.
  patches.wrap(process as any, '_kill', original => {
    const { _kill } = {
      _kill(this: unknown, pid: unknown, signal: unknown) {
        signals.beforeKill(pid, signal)
        return Reflect.apply(original, this, arguments)
      },
    }
    return _kill
  })
  return signals
}
