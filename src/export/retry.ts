import { guard } from '../guard'
import { now, startTimer, stopTimer } from '../timers'
import type { Reply, Transport } from './contract'

const FIRST_DELAY_MS = 500
/** Longer waits would leave too few attempts within the default timeout of ten seconds. */
const MAX_DELAY_MS = 5000
/** The first wait when the backend names a time, even if that is none. */
const MIN_DELAY_MS = 50
/** Who waits for an answer without a limit still wants to know that there is none. */
const MAX_RETRYING_MS = 10_000

/**
 * A transport that tries again while the reply allows it: exponential backoff with jitter, or as long as the backend
 * asked to wait, all attempts together within the time that the caller gives. The last reply is the reply.
 *
 * @param onUnreachable is told at once, and each time, that the address cannot be reached
 */
export function retrying(
  transport: Transport,
  onUnreachable: (reply: Reply & { ok: false }) => void = () => {},
): Transport {
  const sleeping = new Set<() => void>()
  let closed = false

  /** Resolves after `delayMs`, or at once when the transport is closed. */
  function sleep(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = guard(reject)(() => {
        stopTimer(timer)
        sleeping.delete(wake)
        resolve()
      })
      const timer = startTimer(wake, delayMs)
      timer.unref()
      sleeping.add(wake)
    })
  }

  return {
    accepts: transport.accepts,
    maxBytes: transport.maxBytes,
    target: transport.target,
    async send(body, mediaType, timeoutMs = Infinity): Promise<Reply> {
      const deadline = now() + timeoutMs
      const lastStart = now() + Math.min(timeoutMs, MAX_RETRYING_MS)
      for (let attempt = 0; ; attempt++) {
        const reply = await transport.send(body, mediaType, deadline - now()).catch(failed)
        if (reply.ok || !reply.retry || closed) return reply
        if (reply.about === 'address') onUnreachable(reply)
        const delayMs = delayBefore(attempt, reply.afterMs)
        if (now() + delayMs >= lastStart) return reply
        await sleep(delayMs)
        if (closed) return reply
      }
    },
    recall(body) {
      closed = true
      return transport.recall?.(body) ?? 'withdrawn'
    },
    async close() {
      closed = true
      for (const wake of sleeping) wake()
      await transport.close()
    },
  }
}

/** A fault of a transport, whose `send` should not reject. */
function failed(error: unknown): Reply {
  return { ok: false, reason: `was not asked (${(error as Error)?.message})`, retry: false }
}

/**
 * Never less than the backend asked for; a little more, so that many processes do not come back at the same moment. Also
 * not at once when it says "now" again and again.
 */
function delayBefore(attempt: number, afterMs: number | undefined): number {
  if (afterMs !== undefined) {
    return Math.max(afterMs, Math.min(MIN_DELAY_MS * 2 ** attempt, MAX_DELAY_MS)) * (1 + Math.random() / 10)
  }
  return Math.min(FIRST_DELAY_MS * 2 ** attempt, MAX_DELAY_MS) * (0.5 + Math.random())
}
