/** Lines at the end of a file. */
import { type FileHandle, open } from 'node:fs/promises'
import type { Reply, Transport } from '../contract'

export interface FileOptions {
  readonly path: string
}

export function create({ path }: FileOptions): Transport {
  let file: Promise<FileHandle> | undefined
  let last: Promise<Reply> = Promise.resolve({ ok: true })

  async function append(body: Uint8Array): Promise<Reply> {
    try {
      file ??= open(path, 'a')
      await (await file).appendFile(body)
      return { ok: true }
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
    async close() {
      await last
      const opened = await file?.catch(() => undefined)
      file = undefined
      await opened?.close()
    },
  }
}
