/** The standard streams of this process. */
import fs from 'node:fs'
import { guard } from '../../guard'
import { now, startTimer } from '../../timers'
import type { Recalled, Reply, Transport } from '../contract'

/** Wait for a reader that is behind. */
const FULL_PIPE_MS = 10

export interface StreamOptions {
  /** 1 or 2. */
  readonly fd: number
}

export function create({ fd }: StreamOptions): Transport {
  return new StreamTransport(fd)
}

class StreamTransport implements Transport {
  readonly accepts = ['text/plain', 'application/jsonl']
  readonly maxBytes = Infinity
  readonly target: string
  private last: Promise<unknown> = Promise.resolve()
  /** The message that is being written, how much of it is, and whether a thread of libuv has the rest. */
  private current: Uint8Array | undefined
  private written = 0
  private handedOver = false
  private closed = false

  constructor(private readonly fd: number) {
    this.target = fd === 1 ? 'stdout' : 'stderr'
  }

  /** One message after the other, so that none stands within another. */
  send(body: Uint8Array, _mediaType: string, timeoutMs = Infinity): Promise<Reply> {
    const mine = this.last.then(() => this.write(body, now() + timeoutMs))
    this.last = mine.catch(() => {})
    return mine
  }

  /** What a thread of libuv has is written before the process ends. What a full pipe left over is written now or never. */
  recall(body: Uint8Array): Recalled {
    this.closed = true
    if (body !== this.current) return 'withdrawn'
    if (this.handedOver) return { ok: true }
    try {
      for (let at = this.written; at < body.length; ) at += fs.writeSync(this.fd, body, at)
      return { ok: true }
    } catch (error) {
      return failure(error as NodeJS.ErrnoException)
    }
  }

  async close(): Promise<void> {
    this.closed = true
    await this.last
  }

  private async write(body: Uint8Array, deadlineMs: number): Promise<Reply> {
    this.current = body
    this.written = 0
    while (this.written < body.length) {
      this.handedOver = true
      const result = await write(this.fd, body, this.written)
      this.handedOver = false
      if (typeof result === 'number') this.written += result
      else if (result.code !== 'EAGAIN' || this.closed || now() > deadlineMs) return failure(result)
      else await new Promise<void>(resolve => void startTimer(resolve, FULL_PIPE_MS).unref())
    }
    return { ok: true }
  }
}

function failure({ code, message }: NodeJS.ErrnoException): Reply {
  return { ok: false, reason: code === 'EAGAIN' ? 'has a reader that does not read' : message, retry: false }
}

function write(fd: number, bytes: Uint8Array, offset: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve, reject) => {
    const onWritten = (error: NodeJS.ErrnoException | null, written: number) => resolve(error ?? written)
    fs.write(fd, bytes, offset, guard(reject)(onWritten))
  })
}
