import type { Reply, Transport } from './contract'
import { now, startTimer, stopTimer } from './timers'

const FIRST_DELAY_MS = 500
/** Longer waits would leave too few attempts within the default timeout of ten seconds. */
const MAX_DELAY_MS = 5000

/**
 * A transport that tries again while the reply allows it: exponential backoff with jitter, or as long as the backend
 * asked to wait, all attempts together within the time that the caller gives. The last reply is the reply.
 */
export function retrying(transport: Transport): Transport {
  const sleeping = new Set<() => void>()
  let closed = false

  /** Resolves after `delayMs`, or at once when the transport is closed. */
  function sleep(delayMs: number): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        stopTimer(timer)
        sleeping.delete(wake)
        resolve()
      }
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
      for (let attempt = 0; ; attempt++) {
        const reply = await transport.send(body, mediaType, deadline - now())
        if (reply.ok || !reply.retry || closed) return reply
        const delayMs = delayBefore(attempt, reply.afterMs)
        if (now() + delayMs >= deadline) return reply
        await sleep(delayMs)
        if (closed) return reply
      }
    },
    async close() {
      closed = true
      for (const wake of sleeping) wake()
      await transport.close()
    },
  }
}

/** Never less than the backend asked for; a little more, so that many processes do not come back at the same moment. */
function delayBefore(attempt: number, afterMs: number | undefined): number {
  if (afterMs !== undefined) return afterMs * (1 + Math.random() / 10)
  return Math.min(FIRST_DELAY_MS * 2 ** attempt, MAX_DELAY_MS) * (0.5 + Math.random())
}
