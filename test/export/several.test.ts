/** Several exporters at once, and the table that they come from. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXPORTERS, fanOut, summary } from '../../src/export/index'
import { runAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'
import { assertBalanced, lostOf, rig, spans } from './rig'

describe('several exporters', () => {
  it('each have a queue: one that hangs and one that is away cost the others nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-'))
    const file = join(folder, 'traces.jsonl')
    const collector = await startCollector()
    collector.answerAlways({ hang: true })
    const { exporters } = rig({
      ...collector.env(),
      OTEL_EXPORTER: 'otlp,zipkin,file',
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: 'http://127.0.0.1:1/api/v2/spans',
      TRACING_AGENT_FILE: file,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_BSP_MAX_QUEUE_SIZE: '20',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
    })
    const sink = fanOut(exporters)
    const items = spans(200)
    for (const item of items) {
      sink.push(item)
      if (exporters[2]!.pending >= 10) await exporters[2]!.flush()
    }
    await exporters[2]!.flush()
    const [otlp, zipkin, lines] = exporters
    assert.equal(lines!.counts.sent, 200)
    assert.equal(lostOf(lines!), 0)
    assert.ok(lostOf(otlp!) > 0 && lostOf(zipkin!) > 0)
    for (const exporter of exporters) assertBalanced(exporter)
    const written = readFileSync(file, 'utf8').trimEnd().split('\n')
    const ids = written.flatMap(line => JSON.parse(line).resourceSpans[0].scopeSpans[0].spans.map((s: any) => s.spanId))
    assert.deepEqual(ids.sort(), items.map(({ spanId }) => spanId).sort())
    await Promise.all(exporters.map(exporter => exporter.stop(50)))
    await collector.close()
    rmSync(folder, { recursive: true })
  })

  it('deliver all at the exit of a program', async () => {
    const env = { OTEL_EXPORTER: 'otlp,console' }
    const { spans: received, stderr } = await runAgent('fixtures/export/main.cjs', { env, args: ['exit'] })
    assert.equal(received.length, 11)
    assert.match(stderr, /11 spans/)
  })

  it('of which one cannot be made leave the others', () => {
    const { exporters, said } = rig({ OTEL_EXPORTER: 'otlp,console' }, { otlpEndpoint: 'http://[oops' })
    assert.deepEqual(
      exporters.map(({ name }) => name),
      ['console'],
    )
    assert.match(said[0]!, /^exporter otlp cannot be used: Invalid URL/)
  })
})

describe('the summary of an exporter', () => {
  it('says what was sent, and what was lost and why', async () => {
    const collector = await startCollector()
    collector.answer({}, { status: 400 })
    const { exporter } = rig({ ...collector.env(), OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5', OTEL_BSP_MAX_QUEUE_SIZE: '5' })
    const sink = fanOut([exporter])
    for (const item of spans(7)) sink.push(item)
    await exporter.flush()
    assert.equal(
      summary(exporter),
      `otlp: of 7 finished spans 5 sent to ${collector.httpUrl}/v1/traces, 2 lost (2 queue full)`,
    )
    for (const item of spans(3)) sink.push(item)
    await exporter.stop()
    assert.match(
      summary(exporter),
      /of 10 finished spans 5 sent .*, 5 lost \(2 queue full, 3 answered 400 Bad Request\)$/,
    )
    await collector.takeAll()
    await collector.close()
  })
})

describe('the table of exporters', () => {
  it('has a sentence for the user in each row', () => {
    for (const [name, row] of Object.entries(EXPORTERS)) assert.match(row!.doc, /^[A-Z].{10,}\.$/, name)
  })
})
