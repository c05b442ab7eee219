/** For what is called back by a socket, a thread or a timer of ours: what it throws would be an uncaught exception of the program. */

export type Guard = <A extends unknown[]>(listener: (...about: A) => void) => (...about: A) => void

/** @param onFault is given what a listener throws; nothing catches what it throws itself */
export function guard(onFault: (error: unknown) => void): Guard {
  return listener =>
    (...about) => {
      try {
        listener(...about)
      } catch (error) {
        onFault(error)
      }
    }
}

/** Work that nobody waits for: what it throws would be an unhandled rejection of the program. @param onFault as above */
export function guardAsync(work: () => Promise<void>, onFault: (error: unknown) => void): () => Promise<void> {
  return async () => {
    try {
      await work()
    } catch (error) {
      onFault(error)
    }
  }
}

/** A fault of ours, as an error about the other side; what was thrown need not be one. */
export function notUnderstood(error: unknown): Error {
  return new Error(`was not understood (${(error as Error | undefined)?.message})`)
}
