/**
 * Runs the services of the demo under the agent, sends them requests of which one fails, and tells what came of it: what
 * OTLP brought is the measure of the other backends.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AgentResult, type ReceivedSpan, ROOT_FOLDER, type Running, startAgent } from '../kit/agent'
import { type Collector, startCollector } from '../kit/collector'
import { decodeJson } from '../kit/otlp'

/** What a backend gives back of a span, in its own words translated to these. */
export interface StoredSpan {
  traceId: string
  spanId: string
  /** Empty for a root. */
  parentSpanId: string
  name?: string
  service: string
  /** `CLIENT`, `SERVER`, or undefined where the format has no word for it. */
  kind?: string
  startMicros: number
  durationMicros: number
  failed: boolean
}

/** Spans of the three requests: twelve each. */
const SPANS = 36

/** The spans that the OTLP receiver got; the exporter under test got the same. */
export async function feed(exporter: string, env: Record<string, string>): Promise<ReceivedSpan[]> {
  const collector = await startCollector()
  try {
    await runDemo(collector, { OTEL_EXPORTER: `otlp,${exporter}`, ...env })
    const spans = await collector.takeAll()
    assert.equal(spans.length, SPANS)
    return spans
  } finally {
    // After a failure, spans that were not looked at must not hide it.
    await collector.takeAll()
    await collector.close()
  }
}

/** The same for an exporter that takes the variables of OTLP for itself: what the exporter `file` wrote is the measure. */
export async function feedAlone(exporter: string, env: Record<string, string>): Promise<ReceivedSpan[]> {
  const folder = mkdtempSync(join(tmpdir(), 'traces-'))
  // The kit wants a collector; nothing is sent to it.
  const collector = await startCollector()
  try {
    await runDemo(collector, {
      OTEL_EXPORTER: `${exporter},file`,
      TRACING_AGENT_FILE: join(folder, '%p.jsonl'),
      ...env,
    })
    const lines = readdirSync(folder).flatMap(name => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    const spans = lines.flatMap(line => decodeJson(line))
    assert.equal(spans.length, SPANS)
    return spans
  } finally {
    await collector.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runDemo(collector: Collector, env: Record<string, string>): Promise<void> {
  const running: Running<AgentResult>[] = []
  const start = async (service: string, file: string, more: Record<string, string>): Promise<string> => {
    // A client of Kafka is loaded, connects and makes its topic at the end of the program: on a busy machine that takes long.
    const patience = { TRACING_AGENT_EXIT_TIMEOUT: '20000' }
    const variables = { OTEL_SERVICE_NAME: service, ...patience, ...more, ...env }
    const options = { collector, how: 'import' as const, timeoutMs: 60_000, env: variables }
    const child = await startAgent(join(ROOT_FOLDER, 'examples', file), options)
    running.push(child)
    const output = await child.output(/^listening on (\S+)$/m)
    return /^listening on (\S+)$/m.exec(output)![1]!
  }
  const store = await start('store', 'store.cjs', {})
  const web = await start('web', 'web.mjs', { STORE: store })
  const gateway = await start('gateway', 'gateway.cjs', { WEB: web })
  for (const item of ['apple', 'pear', 'unicorn']) await (await fetch(`${gateway}/shop/${item}`)).text()
  // /home does not wait for /async: the last one may still be at work.
  await sleep(1000)
  for (const child of running) {
    child.kill('SIGTERM')
    const { stderr, command } = await child.finished
    const complaints = stderr.split('\n').filter(line => line.startsWith('tracing-agent:'))
    assert.deepEqual(complaints, [], `the agent has nothing to complain about: ${command}`)
  }
}

export function traceIds(spans: readonly ReceivedSpan[]): string[] {
  return [...new Set(spans.map(span => span.traceId))]
}

export function serviceOf(span: ReceivedSpan): string {
  return span.resource['service.name']
}

/** Every span is there once, with its parent, service, times and outcome. */
export function assertSame(expected: readonly ReceivedSpan[], stored: readonly StoredSpan[]): void {
  const key = (span: { traceId: string; spanId: string }) => `${span.traceId}/${span.spanId}`
  const byId = new Map(stored.map(span => [key(span), span]))
  assert.equal(stored.length, expected.length, 'as many spans as OTLP brought')
  assert.equal(byId.size, expected.length, 'none twice')
  for (const span of expected) {
    const twin = byId.get(key(span))
    assert.ok(twin, `${span.kind} ${span.name} arrived`)
    assert.equal(twin.parentSpanId, span.parentSpanId, `parent of ${span.name}`)
    assert.equal(twin.service, serviceOf(span))
    if (twin.name !== undefined) assert.equal(twin.name, span.name)
    if (twin.kind !== undefined) assert.equal(twin.kind, span.kind)
    const startsApart = Math.abs(twin.startMicros - span.startMicros)
    assert.ok(startsApart <= 1, `start of ${span.name}: ${twin.startMicros} ${span.startMicros}`)
    const duration = span.endMicros - span.startMicros
    const durationsApart = Math.abs(twin.durationMicros - duration)
    assert.ok(durationsApart <= 1.5, `duration of ${span.name}: ${twin.durationMicros} ${duration}`)
    assert.equal(twin.failed, span.status.code === 'ERROR', `outcome of ${span.kind} ${span.name}`)
  }
}
