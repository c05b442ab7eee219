/** For each exporter something that takes what it sends, and finds the ids of the spans in it. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spanIdsOfBatch, spanIdsOfCall } from '../export/thrift-reader'
import type { RunResult } from '../kit/agent'
import { type Protocol, startCollector } from '../kit/collector'
import { startKafkaBroker } from '../kit/kafka'

export interface Sink {
  readonly env: Record<string, string>
  /** Of all spans that came until now, as often as they came. */
  ids(result: RunResult): Promise<string[]>
  /** What the program itself has printed, where the exporter prints, too. */
  own?(result: RunResult): RunResult
  close(): Promise<void>
}

async function otlp(protocol: Protocol): Promise<Sink> {
  const collector = await startCollector({ grpc: protocol === 'grpc' })
  const ids: string[] = []
  return {
    env: collector.env(protocol),
    async ids() {
      ids.push(...(await collector.takeAll()).map(({ spanId }) => spanId))
      return ids
    },
    close: () => collector.close(),
  }
}

async function backend(
  read: (body: Buffer) => string[],
  envFor: (url: string) => Record<string, string>,
  reply = '',
): Promise<Sink> {
  const ids: string[] = []
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    ids.push(...read(Buffer.concat(chunks)))
    response.writeHead(reply === '' ? 202 : 200, { 'content-type': 'application/json' }).end(reply)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    env: envFor(`http://127.0.0.1:${port}`),
    ids: async () => ids,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function kafka(): Promise<Sink> {
  const broker = await startKafkaBroker('zipkin')
  return {
    env: { OTEL_EXPORTER: 'zipkin', OTEL_EXPORTER_ZIPKIN_KAFKA_BROKERS: broker.address },
    ids: async () => broker.produced.flatMap(text => idsIn(text, 'id')),
    close: () => broker.close(),
  }
}

async function udp(
  read: (datagram: Buffer) => string[],
  envFor: (port: number) => Record<string, string>,
): Promise<Sink> {
  const ids: string[] = []
  const socket = createSocket('udp4').on('message', datagram => void ids.push(...read(datagram)))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { env: envFor(socket.address().port), ids: async () => ids, close: async () => void socket.close() }
}

function jaegerAgent(protocol: 'compact' | 'binary'): Promise<Sink> {
  return udp(
    datagram => spanIdsOfCall(datagram, protocol === 'compact'),
    port => ({
      OTEL_EXPORTER: 'jaeger',
      OTEL_EXPORTER_JAEGER_PROTOCOL: `udp/thrift.${protocol}`,
      OTEL_EXPORTER_JAEGER_AGENT_HOST: '127.0.0.1',
      OTEL_EXPORTER_JAEGER_AGENT_PORT: String(port),
    }),
  )
}

async function file(): Promise<Sink> {
  const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-sink-'))
  return {
    env: { OTEL_EXPORTER: 'file', TRACING_AGENT_FILE: join(folder, 'spans-%p.jsonl') },
    ids: async () => readdirSync(folder).flatMap(name => idsIn(readFileSync(join(folder, name), 'utf8'), 'spanId')),
    close: async () => rmSync(folder, { recursive: true }),
  }
}

/** An exporter that writes lines of JSON between those of the program. */
function printing(stream: 'stdout' | 'stderr', env: Record<string, string>): Sink {
  const ours = /^\{"(?:resourceSpans|traceId)":.*\n/gm
  return {
    env,
    ids: async result => idsIn((result[stream].match(ours) ?? []).join(''), 'spanId'),
    own: result => ({ ...result, [stream]: result[stream].replace(ours, '') }),
    close: async () => {},
  }
}

function idsIn(text: string, key: string): string[] {
  return [...text.matchAll(new RegExp(`"${key}":"([0-9a-f]{16})"`, 'g'))].map(([, id]) => id!)
}

/** Ids of the spans: a call without a parent stands inside a segment. */
function idsOfDocument(document: string): string[] {
  const { id, subsegments = [] } = JSON.parse(document) as { id: string; subsegments?: { id: string }[] }
  return [subsegments[0]?.id ?? id]
}

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }

export const SINKS = {
  'OTLP over HTTP': () => otlp('http/protobuf'),
  'OTLP in JSON over HTTP': () => otlp('http/json'),
  'OTLP over gRPC': () => otlp('grpc'),
  'Zipkin over HTTP': () =>
    backend(
      body => idsIn(body.toString(), 'id'),
      url => ({ OTEL_EXPORTER: 'zipkin', OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${url}/api/v2/spans` }),
    ),
  'Zipkin through Kafka': kafka,
  'Jaeger over HTTP': () =>
    backend(spanIdsOfBatch, url => ({
      OTEL_EXPORTER: 'jaeger',
      OTEL_EXPORTER_JAEGER_ENDPOINT: `${url}/api/traces`,
    })),
  'Jaeger over UDP': () => jaegerAgent('compact'),
  'Jaeger over UDP in the binary form': () => jaegerAgent('binary'),
  'X-Ray over UDP': () =>
    udp(
      datagram => idsOfDocument(datagram.toString().split('\n')[1]!),
      port => ({ OTEL_EXPORTER: 'xray', AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${port}` }),
    ),
  'X-Ray by its API': () =>
    backend(
      body =>
        (JSON.parse(body.toString()) as { TraceSegmentDocuments: string[] }).TraceSegmentDocuments.flatMap(
          idsOfDocument,
        ),
      url => ({ OTEL_EXPORTER: 'xray-api', AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_XRAY: url, ...CREDENTIALS }),
      '{"UnprocessedTraceSegments":[]}',
    ),
  'a file': file,
  'the console': async () => printing('stderr', { OTEL_EXPORTER: 'console', TRACING_AGENT_CONSOLE_FORMAT: 'json' }),
  'standard output': async () => printing('stdout', { OTEL_EXPORTER: 'otlp/stdout' }),
} satisfies Record<string, () => Promise<Sink>>
