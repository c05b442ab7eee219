import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ReceivedSpan, runAgent } from '../kit/agent'
import { kafkaJars, zipkinJar } from './cache'
import { assertSame, feed, type StoredSpan, traceIds } from './feed'
import { eventually, freePorts, type Server, startServer } from './process'

interface ZipkinSpan {
  traceId: string
  id: string
  parentId?: string
  name?: string
  kind?: string
  timestamp: number
  duration: number
  localEndpoint: { serviceName: string }
  remoteEndpoint?: { serviceName?: string }
  annotations?: { value: string }[]
  tags?: Record<string, string>
}

/** All spans of these traces, once there are as many as expected. */
async function query(port: number, expected: readonly ReceivedSpan[]): Promise<ZipkinSpan[]> {
  return eventually('the traces in Zipkin', async () => {
    const found: ZipkinSpan[] = []
    for (const traceId of traceIds(expected)) {
      const reply = await fetch(`http://127.0.0.1:${port}/api/v2/trace/${traceId}`)
      if (reply.ok) found.push(...((await reply.json()) as ZipkinSpan[]))
    }
    return found.length >= expected.length ? found : undefined
  })
}

function toStored(span: ZipkinSpan): StoredSpan {
  return {
    traceId: span.traceId,
    spanId: span.id,
    parentSpanId: span.parentId ?? '',
    service: span.localEndpoint.serviceName,
    kind: span.kind ?? 'INTERNAL',
    startMicros: span.timestamp,
    durationMicros: span.duration,
    failed: span.tags?.['error'] !== undefined,
  }
}

function assertZipkin(expected: readonly ReceivedSpan[], stored: readonly ZipkinSpan[]): void {
  assertSame(expected, stored.map(toStored))
  for (const span of stored) {
    const twin = expected.find(({ spanId }) => spanId === span.id)!
    assert.equal(span.name, twin.name.toLowerCase(), 'Zipkin stores names in lower case')
    assert.equal(span.tags?.['http.response.status_code'], text(twin.attributes['http.response.status_code']))
    assert.equal(span.tags?.['http.route'], twin.attributes['http.route'])
    assert.equal(span.annotations?.length ?? 0, twin.events.length)
    if (twin.kind === 'CLIENT') assert.equal(span.remoteEndpoint?.serviceName, twin.attributes['server.address'])
  }
}

const text = (value: unknown) => (value === undefined ? undefined : String(value))

/** All that is in the topic, once there are that many spans and a second more. */
async function spanIds(kafkaPort: number, topic: string, expected: number): Promise<string[]> {
  const { Consumer } = await import('@platformatic/kafka')
  const consumer = new Consumer({
    groupId: `read-${topic}`,
    clientId: 'test',
    bootstrapBrokers: [`127.0.0.1:${kafkaPort}`],
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
  const ids: string[] = []
  stream.on('data', ({ value }) => {
    for (const { id } of JSON.parse(String(value)) as { id: string }[]) ids.push(id)
  })
  await eventually('the spans in the topic', async () => (ids.length >= expected ? true : undefined))
  await sleep(1000)
  await consumer.close(true)
  return ids
}

describe('Zipkin', function () {
  // What is not there yet is built or fetched in here, which takes minutes.
  this.timeout(600_000)
  let zipkin: Server
  let port: number

  before(async function () {
    const jar = zipkinJar()
    if ('missing' in jar) {
      console.log(`      skipped: ${jar.missing}`)
      return this.skip()
    }
    ;[port] = (await freePorts(1)) as [number]
    zipkin = await startServer('java', ['-Xmx256m', '-jar', jar.path], {
      ports: [port],
      env: { QUERY_PORT: String(port) },
    })
  })

  after(() => zipkin?.stop())

  it('stores over HTTP the spans that OTLP brought: ids, parents, kinds, durations, tags, annotations, errors', async () => {
    const expected = await feed('zipkin', { OTEL_EXPORTER_ZIPKIN_ENDPOINT: `http://127.0.0.1:${port}/api/v2/spans` })
    assertZipkin(expected, await query(port, expected))
  })

  it('knows the services', async () => {
    const services = (await (await fetch(`http://127.0.0.1:${port}/api/v2/services`)).json()) as string[]
    assert.deepEqual(services.sort(), ['gateway', 'store', 'web'])
  })
})

describe('Zipkin behind Kafka', function () {
  this.timeout(240_000)
  const servers: Server[] = []
  let folder: string
  let kafkaPort: number
  let zipkinPort: number

  before(async function () {
    const jar = zipkinJar()
    const kafka = kafkaJars()
    const missing = 'missing' in jar ? jar.missing : 'missing' in kafka ? kafka.missing : undefined
    if (missing !== undefined || 'missing' in jar || 'missing' in kafka) {
      console.log(`      skipped: ${missing}`)
      return this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'kafka-'))
    const [broker, controller, query] = (await freePorts(3)) as [number, number, number]
    kafkaPort = broker
    zipkinPort = query
    const properties = join(folder, 'server.properties')
    writeFileSync(
      properties,
      [
        'process.roles=broker,controller',
        'node.id=1',
        `controller.quorum.voters=1@127.0.0.1:${controller}`,
        `listeners=PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}`,
        `advertised.listeners=PLAINTEXT://127.0.0.1:${broker}`,
        'controller.listener.names=CONTROLLER',
        'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        `log.dirs=${join(folder, 'logs')}`,
        'offsets.topic.replication.factor=1',
        'transaction.state.log.replication.factor=1',
        'transaction.state.log.min.isr=1',
        'group.initial.rebalance.delay.ms=0',
        'num.partitions=1',
      ].join('\n'),
    )
    const classpath = join(kafka.path, '*')
    const format = [
      '-cp',
      classpath,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      'MkU3OEVBNTcwNTJENDM2Qk',
      '-c',
      properties,
    ]
    const formatted = spawnSync('java', format, { encoding: 'utf8', timeout: 60_000 })
    assert.equal(formatted.status, 0, formatted.stderr + formatted.stdout)
    servers.push(
      await startServer('java', ['-Xmx512m', '-cp', classpath, 'kafka.Kafka', properties], { ports: [broker] }),
    )
    servers.push(
      await startServer('java', ['-Xmx256m', '-jar', jar.path], {
        ports: [query],
        env: { QUERY_PORT: String(query), KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${broker}` },
      }),
    )
  })

  after(async () => {
    for (const server of servers.reverse()) await server.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  for (const end of ['itself', 'process.exit']) {
    it(`loses nothing and stores nothing twice of a program that ends by ${end} while batches are on their way`, async () => {
      const topic = `ends-by-${end}`
      const env = {
        OTEL_TRACES_EXPORTER: 'zipkin',
        OTEL_EXPORTER_ZIPKIN_KAFKA_BROKERS: `127.0.0.1:${kafkaPort}`,
        OTEL_EXPORTER_ZIPKIN_KAFKA_TOPIC: topic,
        OTEL_BSP_SCHEDULE_DELAY: '100',
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '100',
        TRACING_AGENT_EXIT_TIMEOUT: '10000',
      }
      for (const turns of ['40', '5', '100']) {
        const { code, stdout, stderr } = await runAgent('fixtures/export/busy.cjs', { env, args: [turns, end] })
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'done\n', stderr: '' })
      }
      const ids = await spanIds(kafkaPort, topic, 1450)
      assert.equal(ids.length, 1450)
      assert.equal(new Set(ids).size, 1450)
    })
  }

  it('stores what came through the topic zipkin', async () => {
    const expected = await feed('zipkin', { OTEL_EXPORTER_ZIPKIN_KAFKA_BROKERS: `127.0.0.1:${kafkaPort}` })
    assertZipkin(expected, await query(zipkinPort, expected))
  })
})
