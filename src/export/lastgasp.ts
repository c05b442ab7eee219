/**
 * Sends what is unsent when the event loop will not turn again: in another thread, while this one waits.
 */
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Unsent } from './contract'

/** Room for the reason of a loss, as UTF-8. */
export const REASON_BYTES = 500
/** Becomes 1 when all messages were answered or given up. */
export const SLOT_STATE = 0
export const SLOT_SENT = 1
export const SLOT_LOST = 2
export const SLOT_REASON_LENGTH = 3
const SLOTS = 4

/** What the exit worker is given. `slots` and `reason` are shared memory: no message can reach a thread that waits. */
export interface LastGaspData {
  readonly messages: readonly Unsent[]
  readonly slots: Int32Array
  readonly reason: Uint8Array
}

export interface LastGaspResult {
  readonly sent: number
  readonly lost: number
  /** Why the first of the lost ones was lost; empty when nothing was. */
  readonly reason: string
}

/**
 * Blocks until every message was answered or given up, at most `timeoutMs` (0: without a limit). The transports are made
 * again in the worker, which has none of the program's flags, environment or preloads.
 *
 * @throws if no thread can be started
 */
export function sendAndWait(messages: readonly Unsent[], timeoutMs: number): LastGaspResult {
  const slots = new Int32Array(new SharedArrayBuffer(SLOTS * 4))
  const reason = new Uint8Array(new SharedArrayBuffer(REASON_BYTES))
  const worker = new Worker(path.join(__dirname, 'exit-worker.js'), {
    workerData: { messages, slots, reason } satisfies LastGaspData,
    execArgv: [],
    env: {},
    argv: [],
  })
  const outcome = Atomics.wait(slots, SLOT_STATE, 0, timeoutMs === 0 ? Infinity : timeoutMs)
  // It may still hold a connection open; nobody waits for it.
  worker.unref()
  let total = 0
  for (const message of messages) total += message.spans
  const sent = Atomics.load(slots, SLOT_SENT)
  const length = Atomics.load(slots, SLOT_REASON_LENGTH)
  const why = Buffer.from(reason.slice(0, length)).toString()
  if (outcome === 'timed-out') return { sent, lost: total - sent, reason: why || `no answer within ${timeoutMs} ms` }
  return { sent, lost: total - sent, reason: why }
}
