/** The standard streams of this process. */
import fs from 'node:fs'
import type { Reply, Transport } from '../contract'
import { now, startTimer } from '../timers'

/** Wait for a reader that is behind. */
const FULL_PIPE_MS = 10

export interface StreamOptions {
  /** 1 or 2. */
  readonly fd: number
}

export function create({ fd }: StreamOptions): Transport {
  let last: Promise<Reply> = Promise.resolve({ ok: true })
  let closed = false

  async function writeAll(bytes: Uint8Array, timeoutMs: number): Promise<Reply> {
    const deadline = now() + timeoutMs
    for (let at = 0; at < bytes.length; ) {
      const result = await write(fd, bytes.subarray(at))
      if (typeof result === 'number') at += result
      else if (result.code !== 'EAGAIN') return { ok: false, reason: result.message, retry: false }
      else if (closed || now() > deadline) {
        return { ok: false, reason: 'has a reader that does not read', retry: false }
      } else await new Promise<void>(resolve => void startTimer(resolve, FULL_PIPE_MS).unref())
    }
    return { ok: true }
  }

  return {
    accepts: ['text/plain', 'application/jsonl'],
    maxBytes: Infinity,
    target: fd === 1 ? 'stdout' : 'stderr',
    /** One message after the other, so that none stands within another. */
    send(body, _mediaType, timeoutMs = Infinity) {
      last = last.then(() => writeAll(body, timeoutMs))
      return last
    },
    async close() {
      closed = true
      await last
    },
  }
}

function write(fd: number, bytes: Uint8Array): Promise<number | NodeJS.ErrnoException> {
  return new Promise(resolve => fs.write(fd, bytes, (error, written) => resolve(error ?? written)))
}
