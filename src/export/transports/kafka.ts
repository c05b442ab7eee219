/**
 * Messages to a topic of Kafka, through the optional package `@platformatic/kafka`.
 *
 * Its client runs in a thread of ours: its sockets and timers hold the thread that they are in, and it knows no way to take a
 * message back. So a program that has finished ends, its own timers are not the client's, and what the client was given when
 * the program ends is waited for: the thread works on while the one that exits waits.
 */
import { join } from 'node:path'
import type { MessagePort, Worker } from 'node:worker_threads'
import { environmentOfOwnThread } from '../../config/environment'
import { guard, notUnderstood } from '../../guard'
import { stopTimer } from '../../timers'
import type { Recalled, Reply, Transport } from '../contract'
import { describeError, isFinal, limit } from './wire'

/** Zipkin's reporter keeps to half of what a broker takes by default (1 MB). */
const MAX_MESSAGE_BYTES = 500_000

export interface KafkaOptions {
  /** `host:port`. */
  readonly brokers: readonly string[]
  readonly topic: string
}

export interface KafkaThreadData extends KafkaOptions {
  /** Takes tasks, gives answers. */
  readonly port: MessagePort
}

export interface KafkaTask {
  readonly id: number
  readonly body: Uint8Array
  readonly timeoutMs: number
}

export interface KafkaAnswer {
  readonly id: number
  readonly reply: Reply
}

/** A message that the thread was given. */
interface Task {
  reply?: Reply
  readonly settle: (reply: Reply) => void
  readonly fail: (error: Error) => void
}

export function create(options: KafkaOptions): Transport {
  return new KafkaTransport(options)
}

class KafkaTransport implements Transport {
  readonly accepts = ['application/json']
  readonly maxBytes = MAX_MESSAGE_BYTES
  readonly target: string
  private worker: Worker | undefined
  private port: MessagePort | undefined
  private closed = false
  private lastId = 0
  private readonly open = new Map<number, Task>()
  /** By the body that `send` was given; there until that is forgotten, for an answer may have come just now. */
  private readonly tasks = new WeakMap<Uint8Array, Task>()

  constructor(private readonly options: KafkaOptions) {
    this.target = `kafka://${options.brokers.join(',')}/${options.topic}`
  }

  async send(body: Uint8Array, _mediaType: string, timeoutMs = Infinity): Promise<Reply> {
    if (this.closed) return { ok: false, reason: 'was not asked, as it is closed', retry: false }
    try {
      return await this.hand(body, timeoutMs)
    } catch (error) {
      return { ok: false, reason: describeError(error as Error), retry: false }
    }
  }

  private hand(body: Uint8Array, timeoutMs: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const id = ++this.lastId
      const task: Task = {
        settle: reply => {
          if (!this.open.delete(id)) return
          task.reply = reply
          stopTimer(timer)
          resolve(reply)
        },
        fail: reject,
      }
      const tooLate: Reply = { ok: false, reason: 'did not answer in time', retry: false, about: 'time' }
      const guarded = guard(error => {
        stopTimer(timer)
        reject(notUnderstood(error))
      })
      const onTimeout = () => task.settle(tooLate)
      const timer = limit(timeoutMs, guarded(onTimeout))
      this.open.set(id, task)
      try {
        this.startThread().postMessage({ id, body, timeoutMs } satisfies KafkaTask)
        this.tasks.set(body, task)
      } catch (error) {
        task.settle({ ok: false, reason: `no thread could be started: ${(error as Error).message}`, retry: false })
      }
    })
  }

  recall(body: Uint8Array): Recalled {
    this.closed = true
    const task = this.tasks.get(body)
    if (task === undefined) return 'withdrawn'
    this.takeAnswers()
    const { reply } = task
    if (reply !== undefined) return isFinal(reply) ? reply : 'withdrawn'
    const poll = () => {
      this.takeAnswers()
      return task.reply
    }
    return { fd: -1, protocol: 'thread', poll }
  }

  async close(): Promise<void> {
    this.closed = true
    this.endThread('was not answered before the end')
  }

  private startThread(): MessagePort {
    if (this.port !== undefined) return this.port
    const { MessageChannel, Worker } = require('node:worker_threads') as typeof import('node:worker_threads')
    const { port1, port2 } = new MessageChannel()
    const worker = new Worker(join(__dirname, 'kafka-worker.js'), {
      workerData: { ...this.options, port: port2 } satisfies KafkaThreadData,
      transferList: [port2],
      execArgv: [],
      argv: [],
      env: environmentOfOwnThread(),
      stdout: true,
      stderr: true,
    })
    // Whatever of it is still of use: the next message gets another thread.
    const guarded = guard(error => {
      this.port = undefined
      this.worker = undefined
      port1.close()
      void worker.terminate()
      const { open } = this
      for (const [id, { fail }] of open) {
        open.delete(id)
        fail(notUnderstood(error))
      }
    })
    const onError = (error: Error) => this.endThread(`the thread of its client failed: ${error.message}`, worker)
    const onExit = () => this.endThread('the thread of its client ended', worker)
    const onMessage = (answer: KafkaAnswer) => this.take(answer)
    worker.on('error', guarded(onError))
    worker.on('exit', guarded(onExit))
    port1.on('message', guarded(onMessage))
    worker.unref()
    port1.unref()
    this.worker = worker
    this.port = port1
    return port1
  }

  private endThread(reason: string, worker = this.worker): void {
    if (worker !== this.worker || worker === undefined) return
    this.port?.close()
    this.port = undefined
    this.worker = undefined
    void worker.terminate()
    for (const task of this.open.values()) task.settle({ ok: false, reason, retry: false })
  }

  private take({ id, reply }: KafkaAnswer): void {
    this.open.get(id)?.settle(reply)
  }

  /** Synchronously: while this thread ends no event arrives. */
  private takeAnswers(): void {
    if (this.port === undefined) return
    const { receiveMessageOnPort } = require('node:worker_threads') as typeof import('node:worker_threads')
    for (let got = receiveMessageOnPort(this.port); got !== undefined; got = receiveMessageOnPort(this.port)) {
      this.take(got.message as KafkaAnswer)
    }
  }
}
