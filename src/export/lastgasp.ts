/**
 * Sends what is unsent when the event loop will not turn again: in another thread, while this one waits.
 */
import path from 'node:path'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { environmentOfOwnThread } from '../config/environment'
import type { Log } from '../log'
import type { Exporter, Reply, Unsent } from './contract'

/** What the exit worker is given. */
export interface LastGaspData {
  readonly messages: readonly Unsent[]
  /** Takes an `Answer` for each message. */
  readonly port: MessagePort
  /** Shared memory: the number of answers so far, for a thread that waits gets no events. */
  readonly answered: Int32Array
}

export interface Answer {
  /** Index of the message. */
  readonly of: number
  readonly reply: Reply
}

/**
 * Takes what the exporters have not sent and sends it, blocking for at most `timeoutMs` (0: not at all). All of it is
 * settled afterwards, as sent or as lost.
 *
 * @param others messages of other threads, whose exporters cannot be told any more
 */
export function deliverNow(
  exporters: readonly Exporter[],
  others: readonly Unsent[],
  timeoutMs: number,
  log: Log,
): void {
  const messages: Unsent[] = [...others]
  const owners: (Exporter | undefined)[] = others.map(() => undefined)
  for (const exporter of exporters) {
    for (const unsent of exporter.takeUnsent()) {
      messages.push(unsent)
      owners.push(exporter)
    }
  }
  if (messages.length === 0) return
  let replies: (Reply | undefined)[] = []
  let reason = `not answered within the ${timeoutMs} ms of TRACING_AGENT_EXIT_TIMEOUT`
  try {
    replies = sendAndWait(messages, timeoutMs)
  } catch (error) {
    reason = `no thread could be started to send them: ${(error as Error).message}`
  }
  for (let i = 0; i < messages.length; i++) {
    const reply = replies[i] ?? { ok: false, reason, retry: false }
    const owner = owners[i]
    if (owner !== undefined) owner.settle(messages[i]!, reply)
    else if (!reply.ok) log.warn(`${messages[i]!.spans} spans of a worker thread are lost: ${reply.reason}`)
  }
}

/**
 * The transports are made again in the worker, which has none of the program's flags and preloads.
 *
 * @returns a reply for each message that was answered or given up in time
 * @throws if no thread can be started
 */
function sendAndWait(messages: readonly Unsent[], timeoutMs: number): (Reply | undefined)[] {
  const replies: (Reply | undefined)[] = new Array(messages.length)
  if (timeoutMs === 0) return replies
  const deadline = performance.now() + timeoutMs
  const { port1, port2 } = new MessageChannel()
  const answered = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(path.join(__dirname, 'exit-worker.js'), {
    workerData: { messages, port: port2, answered } satisfies LastGaspData,
    transferList: [port2],
    execArgv: [],
    argv: [],
    env: environmentOfOwnThread(),
  })
  for (let seen = 0; seen < messages.length; seen = Atomics.load(answered, 0)) {
    const leftMs = deadline - performance.now()
    if (leftMs <= 0 || Atomics.wait(answered, 0, seen, leftMs) === 'timed-out') break
  }
  for (let got = receiveMessageOnPort(port1); got !== undefined; got = receiveMessageOnPort(port1)) {
    const { of, reply } = got.message as Answer
    replies[of] = reply
  }
  // It may still hold a connection open; nobody waits for it.
  port1.close()
  worker.unref()
  return replies
}
