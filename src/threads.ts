/**
 * What the threads of a process tell each other. The end of a thread is the end of all threads that it started, and these
 * run no code then: so a thread says when it has something to send, and hands it over when its parent is about to end.
 *
 * A thread that is stopped while it computes, or by `worker.terminate()`, hands over nothing.
 */
import type { BroadcastChannel, Worker } from 'node:worker_threads'
import type { Unsent } from './export/contract'
import type { Patches } from './patch'
import { monotonicMillis } from './trace/clock'

/** From a thread to its parent. */
interface Report {
  readonly from: number
  /** It has something to send, or no more. */
  readonly pending?: boolean
  /** What it had; it sends nothing any more. */
  readonly unsent?: readonly Unsent[]
}

/** From a parent to these of its threads: hand over what you have. */
interface Demand {
  readonly handOver: readonly number[]
}

const CHANNEL = 'tracing-agent threads'
/** A thread answers within a millisecond or two, unless it computes. */
const MAX_WAIT_MS = 200

export interface ThreadWork {
  /** Synchronously takes all that this thread, and the threads below it, have not sent. */
  takeUnsent(): Unsent[]
  /** A thread below has something to send (again). */
  busy(): void
  /** None has any more. */
  idle(): void
}

export class Threads {
  /** Only where a thread was started, or in one that was. */
  private channel: BroadcastChannel | undefined
  /** Threads that this one started, with their ids, which they lose when they end. */
  private readonly children = new Map<Worker, number>()
  /** Ids of the threads below that have something to send. */
  private readonly busyIds = new Set<number>()
  /** 0 is the main thread. */
  private ownId = 0

  constructor(
    private readonly work: ThreadWork,
    patches: Patches,
  ) {
    // Node publishes each new Worker here: nobody has to load worker_threads before the program does.
    patches.subscribe('worker_threads', ({ worker }: { worker: Worker }) => this.adopt(worker))
    patches.onUndo(() => this.channel?.close())
    // Only worker threads lack this function; the main thread is spared the loading of worker_threads.
    if ((process.abort as { disabled?: boolean }).disabled !== undefined) this.open()
  }

  /** This thread has something to send, or no more. */
  report(pending: boolean): void {
    if (this.ownId !== 0) this.post({ from: this.ownId, pending })
  }

  /** A thread below has something to send. */
  get pending(): boolean {
    this.readAll()
    this.forgetEnded()
    return this.busyIds.size > 0
  }

  /** What the threads below have not sent. Blocks until they have answered, at most `timeoutMs`. */
  collect(timeoutMs: number): Unsent[] {
    if (!this.pending) return []
    const waiting = new Set(this.busyIds)
    this.post({ handOver: [...waiting] })
    const unsent: Unsent[] = []
    const deadline = monotonicMillis() + Math.min(timeoutMs, MAX_WAIT_MS)
    const clock = new Int32Array(new SharedArrayBuffer(4))
    while (waiting.size > 0 && monotonicMillis() < deadline) {
      for (const report of this.readAll()) {
        if (report.unsent === undefined || !waiting.delete(report.from)) continue
        unsent.push(...report.unsent)
        this.busyIds.delete(report.from)
      }
      if (waiting.size > 0) Atomics.wait(clock, 0, 0, 1)
    }
    return unsent
  }

  private adopt(worker: Worker): void {
    this.children.set(worker, worker.threadId)
    if (this.channel === undefined) this.open()
  }

  private open(): void {
    const threads = require('node:worker_threads') as typeof import('node:worker_threads')
    this.channel = new threads.BroadcastChannel(CHANNEL)
    this.channel.onmessage = event => this.receive((event as { data: Report | Demand }).data)
    ;(this.channel as unknown as { unref(): void }).unref()
    if (!threads.isMainThread) this.ownId = threads.threadId
  }

  private post(message: Report | Demand): void {
    this.channel?.postMessage(message)
  }

  private receive(message: Report | Demand): void {
    if ('handOver' in message) {
      if (message.handOver.includes(this.ownId)) this.post({ from: this.ownId, unsent: this.work.takeUnsent() })
      return
    }
    if (message.pending === undefined || !this.isBelow(message.from)) return
    if (message.pending) {
      this.busyIds.add(message.from)
      this.work.busy()
    } else if (this.busyIds.delete(message.from) && this.busyIds.size === 0) this.work.idle()
  }

  /** Synchronously: while this thread ends no event arrives. @returns the reports among what was read */
  private readAll(): Report[] {
    if (this.channel === undefined) return []
    const { receiveMessageOnPort } = require('node:worker_threads') as typeof import('node:worker_threads')
    const reports: Report[] = []
    for (;;) {
      const got = receiveMessageOnPort(this.channel as never)
      if (got === undefined) return reports
      const message = got.message as Report | Demand
      this.receive(message)
      if (!('handOver' in message)) reports.push(message)
    }
  }

  /** Below the main thread are all. */
  private isBelow(id: number): boolean {
    if (this.ownId === 0) return true
    for (const child of this.children.values()) if (child === id) return true
    return false
  }

  /** What a thread had when it ended, it has sent or lost. */
  private forgetEnded(): void {
    for (const [worker, id] of this.children) {
      if (worker.threadId >= 0) continue
      this.children.delete(worker)
      this.busyIds.delete(id)
    }
  }
}
