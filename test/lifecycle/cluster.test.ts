/** A cluster loses nothing and ends as it would have, whatever ends its workers and whichever exporter sends. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { spanIdsOfCall } from '../export/thrift-reader'
import { type RunOptions, type RunResult, runAgent, runBare } from '../kit/agent'
import { startCollector } from '../kit/collector'

const PROGRAM = 'fixtures/lifecycle/cluster.cjs'
const ALONE: RunOptions = { coverage: false, env: { OTEL_BSP_SCHEDULE_DELAY: '60000' }, how: 'node-options' }

/** How the workers end, and the number of requests that were served until then. */
const WAYS = {
  'workers disconnect': 4,
  'workers exit': 4,
  'the primary kills the workers': 4,
  'the primary kills the processes of the workers': 4,
  'cluster.disconnect': 4,
  'a worker crashes and is forked again': 7,
}

/** Takes what an exporter sends. */
interface Sink {
  readonly env: Record<string, string>
  /** Of all spans that came, as often as they came. */
  ids(): Promise<string[]>
  close(): Promise<void>
}

async function otlp(protocol: 'http/protobuf' | 'grpc'): Promise<Sink> {
  const collector = await startCollector({ grpc: protocol === 'grpc' })
  return {
    env: collector.env(protocol),
    ids: async () => (await collector.takeAll()).map(({ spanId }) => spanId),
    close: () => collector.close(),
  }
}

async function zipkin(): Promise<Sink> {
  const ids: string[] = []
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    ids.push(...(JSON.parse(Buffer.concat(chunks).toString()) as { id: string }[]).map(({ id }) => id))
    response.writeHead(202).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    env: { OTEL_EXPORTER: 'zipkin', OTEL_EXPORTER_ZIPKIN_ENDPOINT: `http://127.0.0.1:${port}/api/v2/spans` },
    ids: async () => [...ids],
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
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
  return { env: envFor(socket.address().port), ids: async () => [...ids], close: async () => void socket.close() }
}

async function file(): Promise<Sink> {
  const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-cluster-'))
  const idsOf = (line: string) => [...line.matchAll(/"spanId":"([0-9a-f]{16})"/g)].map(([, id]) => id!)
  return {
    env: { OTEL_EXPORTER: 'file', TRACING_AGENT_FILE: join(folder, 'spans-%p.jsonl') },
    ids: async () => readdirSync(folder).flatMap(name => idsOf(readFileSync(join(folder, name), 'utf8'))),
    close: async () => rmSync(folder, { recursive: true }),
  }
}

const SINKS: Record<string, () => Promise<Sink>> = {
  'OTLP over HTTP': () => otlp('http/protobuf'),
  'OTLP over gRPC': () => otlp('grpc'),
  'Zipkin over HTTP': zipkin,
  'Jaeger over UDP': () =>
    udp(
      datagram => spanIdsOfCall(datagram, true),
      port => ({
        OTEL_EXPORTER: 'jaeger',
        OTEL_EXPORTER_JAEGER_AGENT_HOST: '127.0.0.1',
        OTEL_EXPORTER_JAEGER_AGENT_PORT: String(port),
      }),
    ),
  'X-Ray over UDP': () =>
    udp(
      datagram => [JSON.parse(datagram.toString().split('\n')[1]!).id],
      port => ({ OTEL_EXPORTER: 'xray', AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${port}` }),
    ),
  'a file': file,
}

describe('a cluster', () => {
  for (const [way, requests] of Object.entries(WAYS)) {
    describe(`of which ${way}`, () => {
      let bare: RunResult

      before(async () => {
        bare = await runBare(PROGRAM, { ...ALONE, args: [way] })
      })

      for (const [name, start] of Object.entries(SINKS)) {
        it(`ends as it would have, and each span arrives once: ${name}`, async () => {
          const sink = await start()
          const env = { ...ALONE.env, ...sink.env }
          const traced = await runAgent(PROGRAM, { ...ALONE, env, args: [way] })
          const ids = await sink.ids()
          // Datagrams are read a turn later.
          for (let i = 0; i < 100 && ids.length < requests; i++) {
            await sleep(10)
            ids.splice(0, name.startsWith('OTLP') ? 0 : Infinity, ...(await sink.ids()))
          }
          await sink.close()
          assert.deepEqual(ending(traced), ending(bare))
          assert.equal(ids.length, requests)
          assert.equal(new Set(ids).size, requests)
        })
      }
    })
  }
})

/** Frames of Node.js itself, in one of which the agent stands. */
const FRAMES = /^ +at .*(?:\(node:|\/build\/(?:agent|instrumentations)\/).*\n/gm

function ending({ code, signal, stdout, stderr }: RunResult) {
  return { code, signal, stdout, stderr: stderr.replace(FRAMES, '') }
}
