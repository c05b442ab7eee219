/**
 * Sends what is unsent when the event loop will not turn again: in another thread, while this one waits.
 */
import path from 'node:path'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { environmentOfOwnThread } from '../config/environment'
import type { Log } from '../log'
import { now } from '../timers'
import type { Exporter, Reply, Unsent } from './contract'
import { LastWords } from './lastword'

/** Between two looks at the connections of messages that were handed over. */
const LOOK_MS = 5

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
    for (const unsent of exporter.takeUnsent(true)) {
      messages.push(unsent)
      owners.push(exporter)
    }
  }
  if (messages.length === 0) return
  const replies: (Reply | undefined)[] = new Array(messages.length).fill(undefined)
  let reason = `not answered within the ${timeoutMs} ms of TRACING_AGENT_EXIT_TIMEOUT`
  try {
    replyToAll(messages, timeoutMs, replies)
  } catch (error) {
    reason = `no thread could be started to send them: ${(error as Error | undefined)?.message}`
    if (!replies.includes(undefined)) log.warn(`fault while sending the last spans, all are sent: ${error}`)
  }
  for (let i = 0; i < messages.length; i++) {
    const reply = replies[i] ?? { ok: false, reason, retry: false }
    const owner = owners[i]
    if (owner !== undefined) owner.settle(messages[i]!, reply)
    else if (!reply.ok) log.warn(`${messages[i]!.spans} spans of a worker thread are lost: ${reply.reason}`)
  }
}

/**
 * Messages that were handed over are waited for; the others are sent, and those whose connection broke are sent again.
 *
 * @param replies takes one for each message that was answered or given up in time
 * @throws if no thread can be started
 */
function replyToAll(messages: readonly Unsent[], timeoutMs: number, replies: (Reply | undefined)[]): void {
  const deadlineMs = now() + timeoutMs
  const words = new LastWords(messages)
  words.look()
  /** A connection that the other side had closed before is known by now. */
  const broken = () => {
    const again: number[] = []
    for (const [index, reply] of words.replies) {
      if (!reply.ok && reply.retry) again.push(index)
      else replies[index] = reply
      words.replies.delete(index)
    }
    return again
  }
  const first = [...messages.keys()].filter(index => messages[index]!.handedOver === undefined)
  sendAndWait(messages, [...first, ...broken()], deadlineMs, words, replies)
  words.wait(deadlineMs)
  words.giveUp(timeoutMs === 0)
  sendAndWait(messages, broken(), deadlineMs, words, replies)
}

/** The transports are made again in the worker, which has none of the program's flags and preloads. */
function sendAndWait(
  messages: readonly Unsent[],
  chosen: readonly number[],
  deadlineMs: number,
  words: LastWords,
  replies: (Reply | undefined)[],
): void {
  if (chosen.length === 0 || now() >= deadlineMs) return
  const { port1, port2 } = new MessageChannel()
  const answered = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(path.join(__dirname, 'exit-worker.js'), {
    workerData: {
      messages: chosen.map(index => ({ ...messages[index]!, handedOver: undefined })),
      port: port2,
      answered,
    } satisfies LastGaspData,
    transferList: [port2],
    execArgv: [],
    argv: [],
    env: environmentOfOwnThread(),
  })
  for (let seen = 0; seen < chosen.length; seen = Atomics.load(answered, 0)) {
    const leftMs = deadlineMs - now()
    if (leftMs <= 0) break
    Atomics.wait(answered, 0, seen, words.isWaiting ? Math.min(leftMs, LOOK_MS) : leftMs)
    words.look()
  }
  for (let got = receiveMessageOnPort(port1); got !== undefined; got = receiveMessageOnPort(port1)) {
    const { of, reply } = got.message as Answer
    replies[chosen[of]!] = reply
  }
  // It may still hold a connection open; nobody waits for it.
  port1.close()
  worker.unref()
}
