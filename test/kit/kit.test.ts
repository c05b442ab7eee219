import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as grpc from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { runBare, startBare } from './agent'
import { type Collector, startCollector } from './collector'
import { decodeJson, TRACE_SERVICE_PROTO } from './otlp'

const SPAN = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  name: 'GET',
  kind: 3,
  startTimeUnixNano: '1700000000000001500',
  endTimeUnixNano: '1700000000000002500',
  attributes: [
    { key: 'text', value: { stringValue: 'ü' } },
    { key: 'whole', value: { intValue: '42' } },
    { key: 'half', value: { doubleValue: 0.5 } },
    { key: '__proto__', value: { arrayValue: { values: [{ boolValue: true }, {}] } } },
  ],
  status: { code: 2, message: 'no' },
}
const REQUEST = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
      scopeSpans: [{ scope: { name: 'scope', version: '1' }, spans: [SPAN] }],
    },
  ],
}

function encodeByProto(): Buffer {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) =>
    target.startsWith('/') ? target : join(TRACE_SERVICE_PROTO, '../../../../../../', target)
  root.loadSync(TRACE_SERVICE_PROTO)
  const type = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest')
  const request = structuredClone(REQUEST) as any
  const span = request.resourceSpans[0].scopeSpans[0].spans[0]
  span.traceId = Buffer.from(span.traceId, 'hex')
  span.spanId = Buffer.from(span.spanId, 'hex')
  return Buffer.from(type.encode(type.fromObject(request)).finish())
}

function post(collector: Collector, type: string, body: Buffer, headers: Record<string, string> = {}) {
  const url = `${collector.httpUrl}/v1/traces`
  return fetch(url, { method: 'POST', headers: { 'content-type': type, ...headers }, body: new Uint8Array(body) })
}

describe('the test kit', () => {
  let collector: Collector

  before(async () => {
    collector = await startCollector({ grpc: true })
  })
  after(() => collector.close())

  it('reads the same span from protobuf, gzipped protobuf, JSON and gRPC', async () => {
    const bytes = encodeByProto()
    await post(collector, 'application/x-protobuf', bytes)
    await post(collector, 'application/x-protobuf', gzipSync(bytes), { 'content-encoding': 'gzip' })
    await post(collector, 'application/json', Buffer.from(JSON.stringify(REQUEST)))
    const client = new grpc.Client(`127.0.0.1:${collector.grpcPort}`, grpc.credentials.createInsecure())
    const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
    const same = (value: Buffer) => value
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(path, same, same, bytes, error => (error ? reject(error) : resolve()))
    })
    client.close()
    const spans = await collector.take(4)
    const [span] = spans
    for (const other of spans) assert.deepEqual(other, span)
    assert.equal(span.traceId, SPAN.traceId)
    assert.equal(span.parentSpanId, '')
    assert.equal(span.kind, 'CLIENT')
    assert.equal(span.startMicros, 1700000000000001.5)
    assert.deepEqual(Object.entries(span.attributes), [
      ['text', 'ü'],
      ['whole', 42],
      ['half', 0.5],
      ['__proto__', [true, null]],
    ])
    assert.deepEqual(span.status, { code: 'ERROR', message: 'no' })
    assert.deepEqual(span.resource, { 'service.name': 'shop' })
    assert.deepEqual(
      collector.requests.map(request => request.protocol),
      ['http/protobuf', 'http/protobuf', 'http/json', 'grpc'],
    )
  })

  it('answers as planned, and counts only accepted spans as received', async () => {
    const bytes = encodeByProto()
    collector.answer({ status: 503, retryAfter: '1', message: 'busy' }, { reset: true }, { reset: 'mid-body' })
    const refused = await post(collector, 'application/x-protobuf', bytes)
    assert.equal(refused.status, 503)
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.match(await refused.text(), /busy/)
    await assert.rejects(post(collector, 'application/x-protobuf', bytes))
    await assert.rejects(async () => (await post(collector, 'application/x-protobuf', bytes)).arrayBuffer())
    assert.equal((await collector.takeAll()).length, 1)
  })

  it('notices a span that nobody reads and a message that breaks OTLP', async () => {
    const strict = await startCollector()
    await post(strict, 'application/x-protobuf', encodeByProto())
    await strict.waitForRequests(1)
    assert.throws(() => strict.assertNoneLeft(), /spans that nobody expected\n {2}CLIENT GET/)
    await post(strict, 'application/json', Buffer.from(JSON.stringify(REQUEST).replace('traceId', 'trace_id')))
    assert.throws(() => strict.assertNoneLeft(), /camelCase/)
    await strict.close()
    assert.throws(() => decodeJson(JSON.stringify(REQUEST).replace(SPAN.traceId, 'qg==')), /hex/)
  })

  describe('with child programs', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-kit-'))
    const file = join(folder, 'program.cjs')
    after(() => rmSync(folder, { recursive: true }))

    it('tells output, exit code and signal, and gives a command that does the same', async () => {
      writeFileSync(file, 'console.log(process.env.GREETING); console.error("e"); process.exit(3)')
      const { stdout, stderr, code, signal, command } = await runBare(file, { env: { GREETING: "it's" } })
      assert.deepEqual([stdout, stderr, code, signal], ["it's\n", 'e\n', 3, null])
      assert.match(command, /env 'GREETING=it'\\''s' .*program\.cjs$/)
    })

    it('kills what does not end', async () => {
      writeFileSync(file, 'setInterval(() => {}, 1000)')
      await assert.rejects(runBare(file, { timeoutMs: 300 }), /did not end within 300 ms/)
    })

    it('keeps the coverage tool out of a child on demand', async () => {
      writeFileSync(file, 'console.log(Object.keys(process.env).sort().join(), process.listenerCount("SIGTERM"))')
      const { stdout } = await runBare(file, { coverage: false })
      assert.doesNotMatch(stdout, /NYC|NODE_OPTIONS/)
      assert.match(stdout, / 0\n$/)
    })

    it('waits for output and sends signals', async () => {
      writeFileSync(file, 'setInterval(() => {}, 1000); console.log("ready")')
      const running = startBare(file, { coverage: false })
      await running.output('ready')
      running.kill('SIGTERM')
      const { signal, code } = await running.finished
      assert.deepEqual([code, signal], [null, 'SIGTERM'])
    })
  })
})
