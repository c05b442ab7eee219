/** Lines at the end of a file. */
import fs from 'node:fs'
import { promisify } from 'node:util'
import type { Reply, Transport } from '../contract'
import { describeError } from './wire'

// Not those of `fs/promises`: a handle of theirs that is lost makes Node warn.
const open = promisify(fs.open)
const write = promisify(fs.write)
const close = promisify(fs.close)

export interface FileOptions {
  readonly path: string
}

export function create({ path }: FileOptions): Transport {
  let file: number | undefined
  let last: Promise<unknown> = Promise.resolve()
  /** What a thread of libuv has: it is written before the process ends. */
  let handedOver: Uint8Array | undefined

  async function append(body: Uint8Array): Promise<Reply> {
    try {
      file ??= await open(path, 'a')
      handedOver = body
      // In one piece, so that it is there as a whole or not at all.
      const { bytesWritten } = await write(file, body)
      if (bytesWritten === body.length) return { ok: true }
      return { ok: false, reason: `took ${bytesWritten} of ${body.length} bytes`, retry: false }
    } catch (error) {
      await letGo()
      return { ok: false, reason: describeError(error as Error), retry: false }
    }
  }

  async function letGo(): Promise<void> {
    const opened = file
    file = undefined
    if (opened !== undefined) await close(opened).catch(() => {})
  }

  return {
    accepts: ['application/jsonl'],
    maxBytes: Infinity,
    target: path,
    /** One message after the other, so that none stands within another. */
    send(body) {
      const mine = last.then(() => append(body))
      last = mine.catch(() => {})
      return mine
    },
    recall: body => (body === handedOver ? { ok: true } : 'withdrawn'),
    async close() {
      await last
      await letGo()
    },
  }
}
