import assert from 'node:assert/strict'
import type { ReceivedSpan } from '../kit/agent'
import { jaegerBinary } from './cache'
import { assertSame, feed, feedAlone, type StoredSpan, serviceOf, traceIds } from './feed'
import { eventually, freePorts, type Server, startServer } from './process'

interface JaegerSpan {
  traceID: string
  spanID: string
  operationName: string
  references: { refType: string; spanID: string }[]
  startTime: number
  duration: number
  tags: { key: string; type: string; value: unknown }[]
  logs: { fields: { key: string; value: unknown }[] }[]
  processID: string
}

interface JaegerTrace {
  spans: JaegerSpan[]
  processes: Record<string, { serviceName: string }>
}

const tag = (span: JaegerSpan, key: string) => span.tags.find(each => each.key === key)?.value

function toStored(span: JaegerSpan, trace: JaegerTrace): StoredSpan {
  return {
    traceId: span.traceID.padStart(32, '0'),
    spanId: span.spanID.padStart(16, '0'),
    parentSpanId: span.references.find(({ refType }) => refType === 'CHILD_OF')?.spanID.padStart(16, '0') ?? '',
    name: span.operationName,
    service: trace.processes[span.processID]!.serviceName,
    kind: String(tag(span, 'span.kind') ?? 'internal').toUpperCase(),
    startMicros: span.startTime,
    durationMicros: span.duration,
    failed: tag(span, 'error') === true,
  }
}

describe('Jaeger', function () {
  // What is not there yet is built or fetched in here, which takes minutes.
  this.timeout(600_000)
  let jaeger: Server
  let ports: { query: number; http: number; otlp: number; otlpGrpc: number }

  before(async function () {
    const binary = jaegerBinary()
    if ('missing' in binary) {
      console.log(`      skipped: ${binary.missing}`)
      return this.skip()
    }
    const [query, http, otlp, otlpGrpc, grpc, queryGrpc, admin] = (await freePorts(7)) as number[]
    ports = { query: query!, http: http!, otlp: otlp!, otlpGrpc: otlpGrpc! }
    const at = (port: number | undefined) => `127.0.0.1:${port}`
    jaeger = await startServer(
      binary.path,
      [
        `--query.http-server.host-port=${at(query)}`,
        `--query.grpc-server.host-port=${at(queryGrpc)}`,
        `--collector.http-server.host-port=${at(http)}`,
        `--collector.grpc-server.host-port=${at(grpc)}`,
        `--collector.otlp.http.host-port=${at(otlp)}`,
        `--collector.otlp.grpc.host-port=${at(otlpGrpc)}`,
        `--admin.http.host-port=${at(admin)}`,
      ],
      { ports: [query!, http!, otlp!] },
    )
  })

  after(() => jaeger?.stop())

  async function query(expected: readonly ReceivedSpan[]): Promise<{ trace: JaegerTrace; span: JaegerSpan }[]> {
    return eventually('the traces in Jaeger', async () => {
      const found: { trace: JaegerTrace; span: JaegerSpan }[] = []
      for (const traceId of traceIds(expected)) {
        const reply = await fetch(`http://127.0.0.1:${ports.query}/api/traces/${traceId}`)
        if (!reply.ok) return undefined
        const { data } = (await reply.json()) as { data: JaegerTrace[] }
        for (const trace of data) for (const span of trace.spans) found.push({ trace, span })
      }
      return found.length >= expected.length ? found : undefined
    })
  }

  async function assertStored(env: Record<string, string>): Promise<void> {
    const expected = await feed('jaeger', env)
    const stored = await query(expected)
    assertSame(
      expected,
      stored.map(({ span, trace }) => toStored(span, trace)),
    )
    for (const { span } of stored) {
      const twin = expected.find(({ spanId }) => spanId === span.spanID.padStart(16, '0'))!
      assert.equal(tag(span, 'http.response.status_code'), twin.attributes['http.response.status_code'])
      assert.equal(tag(span, 'rpc.status_code'), twin.attributes['rpc.status_code'])
      assert.equal(span.logs.length, twin.events.length)
    }
  }

  it('stores what Thrift over HTTP brings as it stores what OTLP brings: a collector is named', () =>
    assertStored({ OTEL_EXPORTER_JAEGER_ENDPOINT: `http://127.0.0.1:${ports.http}/api/traces` }))

  it('stores OTLP when no variable of Jaeger is set', () =>
    assertAlone({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${ports.otlp}` }))

  it('stores OTLP over gRPC', () =>
    assertAlone({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${ports.otlpGrpc}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    }))

  /** Both exporters would go to the same address here, so the file is the measure. */
  async function assertAlone(env: Record<string, string>): Promise<void> {
    const expected = await feedAlone('jaeger', env)
    const stored = await query(expected)
    assertSame(
      expected,
      stored.map(({ span, trace }) => toStored(span, trace)),
    )
    assert.deepEqual([...new Set(expected.map(serviceOf))].sort(), ['gateway', 'store', 'web'])
  }
})
