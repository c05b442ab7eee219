/** Exporters in the process of the test, made from variables as the agent makes them. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Config, loadConfig } from '../../src/config/load'
import type { Exporter, Transport } from '../../src/export/contract'
import { createExporters } from '../../src/export/index'
import { createLog, type Log } from '../../src/log'
import type { SpanData } from '../../src/trace/data'
import { RESOURCE, span } from './spans'

export interface Rig {
  readonly exporter: Exporter
  readonly exporters: Exporter[]
  /** Lines that were said, without the prefix. */
  readonly said: string[]
}

const open = new Set<Exporter>()

/** @param env variables; the exporter is `otlp` unless they say otherwise */
export function rig(env: Record<string, string>, overrides: Partial<Config> = {}): Rig {
  const said: string[] = []
  const log = listen(said)
  const { config, origins, problems } = loadConfig(env, overrides, { path: '', variables: {} })
  for (const { message } of problems) log.warn(message)
  const exporters = createExporters({ config, origins, log, version: '9.9.9' }, RESOURCE)
  for (const exporter of exporters) open.add(exporter)
  return { exporter: exporters[0]!, exporters, said }
}

export function listen(said: string[]): Log {
  return createLog('info', line => void said.push(line.replace(/^tracing-agent: |\n$/g, '')))
}

let serial = 0

/** Spans with names and ids of their own. */
export function spans(count: number, changes: Partial<SpanData> = {}): SpanData[] {
  return Array.from({ length: count }, () => {
    const spanId = (++serial).toString(16).padStart(16, '0')
    return span({ traceId: spanId + spanId, spanId, name: `span ${serial}`, ...changes })
  })
}

export function pushAll(exporter: Exporter, items: readonly SpanData[]): void {
  for (const item of items) exporter.push(item)
}

/** Every finished span is sent, lost, or pending. */
export function assertBalanced(exporter: Exporter): void {
  const { finished, sent } = exporter.counts
  assert.equal(finished, sent + lostOf(exporter) + exporter.pending, JSON.stringify([...exporter.counts.lost]))
}

export function lostOf({ counts }: Exporter): number {
  let sum = 0
  for (const spans of counts.lost.values()) sum += spans
  return sum
}

/** Waits until `condition` holds. */
export async function until(what: string, condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`not within ${timeoutMs} ms: ${what}`)
    await sleep(5)
  }
}

/** A transport without a world: it keeps what it is given and answers as the test says. */
export class FakeTransport implements Transport {
  accepts: readonly string[] = []
  maxBytes = Infinity
  target = 'fake'
  closed = false
  readonly messages: Buffer[] = []
  inFlight = 0
  mostInFlight = 0
  constructor(public reply: (body: Buffer, call: number) => ReturnType<Transport['send']>) {}

  async send(body: Uint8Array): ReturnType<Transport['send']> {
    const bytes = Buffer.from(body)
    this.messages.push(bytes)
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
    try {
      return await this.reply(bytes, this.messages.length)
    } finally {
      this.inFlight--
    }
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

/** Whatever a test left open is closed after it. */
if (typeof afterEach === 'function') {
  afterEach('exporters are stopped', async () => {
    const left = [...open]
    open.clear()
    await Promise.all(left.map(exporter => exporter.stop(100)))
  })
}
