/** Runs the shop under the agent with several exporters at once: what OTLP brought is the measure of the others. */
import assert from 'node:assert/strict'
import { type ReceivedSpan, ROOT_FOLDER, startAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'

export const SERVICE = 'shop'

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

/** The spans that the OTLP receiver got; the exporter under test got the same. */
export async function feed(exporter: string, env: Record<string, string>): Promise<ReceivedSpan[]> {
  const collector = await startCollector()
  try {
    const running = await startAgent('backends/programs/shop.cjs', {
      collector,
      cwd: ROOT_FOLDER,
      env: { OTEL_EXPORTER: `otlp,${exporter}`, OTEL_SERVICE_NAME: SERVICE, ...env },
    })
    const result = await running.finished
    const spans = await collector.takeAll()
    assert.equal(result.code, 0, `${result.stderr}\n${result.command}`)
    const complaints = result.stderr.split('\n').filter(line => line.startsWith('tracing-agent:'))
    assert.deepEqual(complaints, [], 'the agent has nothing to complain about')
    assert.ok(spans.length >= 18, `${spans.length} spans of the shop`)
    return spans
  } finally {
    await collector.close()
  }
}

export function traceIds(spans: readonly ReceivedSpan[]): string[] {
  return [...new Set(spans.map(span => span.traceId))]
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
    assert.equal(twin.service, SERVICE)
    if (twin.name !== undefined) assert.equal(twin.name, span.name)
    if (twin.kind !== undefined) assert.equal(twin.kind, span.kind)
    assert.ok(
      Math.abs(twin.startMicros - span.startMicros) <= 1,
      `start of ${span.name}: ${twin.startMicros} ${span.startMicros}`,
    )
    const duration = span.endMicros - span.startMicros
    assert.ok(
      Math.abs(twin.durationMicros - duration) <= 1.5,
      `duration of ${span.name}: ${twin.durationMicros} ${duration}`,
    )
    assert.equal(twin.failed, span.status.code === 'ERROR', `outcome of ${span.kind} ${span.name}`)
  }
}
