import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReceivedSpan } from '../kit/agent'
import { decodeJson } from '../kit/otlp'
import { collectorBinary } from './cache'
import { assertSame, feed, type StoredSpan, serviceOf } from './feed'
import { eventually, freePorts, type Server, startServer } from './process'

function toStored(span: ReceivedSpan): StoredSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    service: span.resource['service.name'],
    startMicros: span.startMicros,
    durationMicros: span.endMicros - span.startMicros,
    failed: span.status.code === 'ERROR',
  }
}

describe('OpenTelemetry Collector', function () {
  // What is not there yet is built or fetched in here, which takes minutes.
  this.timeout(600_000)
  let collector: Server
  let folder: string
  let file: string
  let ports: {
    http: number
    grpc: number
    zipkin: number
    thrift: number
    compact: number
    binary: number
    xray: number
  }

  before(async function () {
    const made = collectorBinary()
    if ('missing' in made) {
      console.log(`      skipped: ${made.missing}`)
      return this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'otelcol-'))
    file = join(folder, 'spans.jsonl')
    const [http, grpc, zipkin, thrift, compact, binary, xray, proxy] = (await freePorts(8)) as number[]
    ports = {
      http: http!,
      grpc: grpc!,
      zipkin: zipkin!,
      thrift: thrift!,
      compact: compact!,
      binary: binary!,
      xray: xray!,
    }
    const at = (port: number | undefined) => ({ endpoint: `127.0.0.1:${port}` })
    const settings = {
      receivers: {
        otlp: { protocols: { http: at(http), grpc: at(grpc) } },
        zipkin: at(zipkin),
        jaeger: { protocols: { thrift_http: at(thrift), thrift_compact: at(compact), thrift_binary: at(binary) } },
        awsxray: {
          ...at(xray),
          transport: 'udp',
          proxy_server: { ...at(proxy), region: 'eu-west-1', local_mode: true },
        },
      },
      exporters: { file: { path: file } },
      service: {
        telemetry: { metrics: { level: 'none' } },
        pipelines: { traces: { receivers: ['otlp', 'zipkin', 'jaeger', 'awsxray'], exporters: ['file'] } },
      },
    }
    const settingsFile = join(folder, 'settings.json')
    writeFileSync(settingsFile, JSON.stringify(settings))
    collector = await startServer(made.path, ['--config', settingsFile], {
      ports: [http!, grpc!, zipkin!, thrift!],
      env: { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' },
    })
  })

  beforeEach(() => {
    if (existsSync(file)) writeFileSync(file, '')
  })

  after(async () => {
    await collector?.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  async function stored(count: number): Promise<ReceivedSpan[]> {
    return eventually('the spans in the file of the collector', async () => {
      if (!existsSync(file)) return undefined
      const text = readFileSync(file, 'utf8')
        .split('\n')
        .filter(line => line !== '' && !line.startsWith('\0'))
      const spans = text.map(line => line.replaceAll('\0', '')).flatMap(line => decodeJson(line))
      return spans.length >= count ? spans : undefined
    })
  }

  const WAYS: [string, string, () => Record<string, string>][] = [
    [
      'Zipkin JSON',
      'zipkin',
      () => ({ OTEL_EXPORTER_ZIPKIN_ENDPOINT: `http://127.0.0.1:${ports.zipkin}/api/v2/spans` }),
    ],
    [
      'Jaeger Thrift over HTTP',
      'jaeger',
      () => ({ OTEL_EXPORTER_JAEGER_ENDPOINT: `http://127.0.0.1:${ports.thrift}/api/traces` }),
    ],
    [
      'Jaeger Thrift in compact datagrams',
      'jaeger',
      () => ({ OTEL_EXPORTER_JAEGER_AGENT_HOST: '127.0.0.1', OTEL_EXPORTER_JAEGER_AGENT_PORT: String(ports.compact) }),
    ],
    [
      'Jaeger Thrift in binary datagrams',
      'jaeger',
      () => ({
        OTEL_EXPORTER_JAEGER_AGENT_HOST: '127.0.0.1',
        OTEL_EXPORTER_JAEGER_AGENT_PORT: String(ports.binary),
        OTEL_EXPORTER_JAEGER_PROTOCOL: 'udp/thrift.binary',
      }),
    ],
  ]
  for (const [what, exporter, env] of WAYS) {
    it(`understands ${what}: the same spans as OTLP brought`, async () => {
      const expected = await feed(exporter, env())
      assertSame(expected, (await stored(expected.length)).map(toStored))
    })
  }

  it('understands X-Ray documents from datagrams: the same spans, segments named after the service', async () => {
    const expected = await feed('xray', { AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${ports.xray}` })
    const spans = await stored(expected.length)
    // A call that nothing stands above is two documents in one: the service and the call.
    const own = spans.filter(span => expected.some(({ spanId }) => spanId === span.spanId))
    assert.equal(own.length, expected.length)
    for (const span of own) {
      const twin = expected.find(({ spanId }) => spanId === span.spanId)!
      assert.equal(span.traceId, twin.traceId)
      if (twin.parentSpanId !== '') assert.equal(span.parentSpanId, twin.parentSpanId)
      if (twin.kind === 'SERVER') assert.equal(span.name, serviceOf(twin))
      if (twin.kind === 'CLIENT') assert.equal(span.name, twin.attributes['server.address'])
      // The receiver reads seconds as a double: tenths of a microsecond are lost.
      assert.ok(Math.abs(span.startMicros - twin.startMicros) <= 2)
      assert.ok(Math.abs(span.endMicros - twin.endMicros) <= 2)
    }
    const parents = new Set(spans.map(span => span.spanId))
    for (const span of spans)
      if (span.parentSpanId !== '') assert.ok(parents.has(span.parentSpanId), 'every parent is there')
    // The receiver writes the older names of the conventions.
    const broken = own.find(span => span.attributes['http.status_code'] === 500)
    assert.ok(broken, 'the failed request kept its status')
  })
})
