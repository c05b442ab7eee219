/** A queue with a transport that answers as the test says. */
import { BatchExporter, type BatchOptions } from '../../src/export/batch'
import type { Encoding, Reply } from '../../src/export/contract'
import { Notices } from '../../src/export/notices'
import { Pipe } from '../../src/export/pipe'
import { FakeTransport, listen } from './rig'
import { RESOURCE } from './spans'

export const OK: Reply = { ok: true }
export const BAD: Reply & { ok: false } = { ok: false, reason: 'answered 400 Bad Request', retry: false }
export const AWAY: Reply & { ok: false } = { ok: false, reason: 'connect ECONNREFUSED', retry: true }

/** One byte for each span. */
export const dots: Encoding = {
  mediaType: 'text/plain',
  maxSpans: Infinity,
  *encode(batch) {
    for (const _ of batch) yield
    return Buffer.alloc(batch.length, '.')
  },
}

export function makeBatch(reply: FakeTransport['reply'], options: Partial<BatchOptions> = {}, encoding = dots) {
  const transport = new FakeTransport(reply)
  const said: string[] = []
  const pipe = new Pipe(encoding, transport, RESOURCE, 1000)
  const advice = { address: 'ENDPOINT selects the address', credentials: 'HEADERS holds the credentials' }
  const all = {
    name: 'test',
    transport: { file: 'fake', options: {} },
    maxQueueSpans: 2048,
    maxBatchSpans: 512,
    delayMs: 5000,
    ...options,
  }
  const notices = new Notices(listen(said), all.name, pipe.target, advice, all.maxQueueSpans)
  const exporter = new BatchExporter(pipe, all, notices)
  return { exporter, transport, said, sizes: () => transport.messages.map(({ length }) => length) }
}
