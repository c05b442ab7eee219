/** Lines at the end of a file. */
import { type FileHandle, open } from 'node:fs/promises'
import type { Reply, Transport } from '../contract'

export interface FileOptions {
  readonly path: string
}

export function create({ path }: FileOptions): Transport {
  let file: Promise<FileHandle> | undefined
  let last: Promise<Reply> = Promise.resolve({ ok: true })
  /** What a thread of libuv has: it is written before the process ends. */
  let handedOver: Uint8Array | undefined

  async function append(body: Uint8Array): Promise<Reply> {
    try {
      file ??= open(path, 'a')
      const opened = await file
      handedOver = body
      // In one piece, so that it is there as a whole or not at all.
      const { bytesWritten } = await opened.write(body)
      if (bytesWritten === body.length) return { ok: true }
      return { ok: false, reason: `took ${bytesWritten} of ${body.length} bytes`, retry: false }
    } catch (error) {
      file = undefined
      return { ok: false, reason: (error as Error).message, retry: false }
    }
  }

  return {
    accepts: ['application/jsonl'],
    maxBytes: Infinity,
    target: path,
    /** One message after the other, so that none stands within another. */
    send(body) {
      last = last.then(() => append(body))
      return last
    },
    recall: body => (body === handedOver ? { ok: true } : 'withdrawn'),
    async close() {
      await last
      const opened = await file?.catch(() => undefined)
      file = undefined
      await opened?.close()
    },
  }
}
