import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunOptions, runAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'
import { TLS } from '../kit/peer'

const PROGRAM = 'fixtures/lifecycle/timed.cjs'
const DELAY_MS = 30
const ALL = ['span 0', 'span 1', 'span 2', 'span 3', 'span 4']
/** `TRACING_AGENT_TEST_FINE=1` looks at every moment. */
const isFine = process.env['TRACING_AGENT_TEST_FINE'] === '1'
const TURNS = isFine ? Array.from({ length: 24 }, (_, i) => i) : [1, 3, 6]
const MILLISECONDS = isFine ? Array.from({ length: 24 }, (_, i) => i - 4) : [-1, 2, 12]

type Moment = readonly [unit: 'turns' | 'ms', amount: number]
const MOMENTS: Moment[] = [
  ...TURNS.map(turns => ['turns', turns] as const),
  ...MILLISECONDS.map(ms => ['ms', ms] as const),
]

interface Wire {
  readonly name: string
  readonly env: Record<string, string>
  /** Names of the spans that came. */
  takeAll(): Promise<string[]>
}

/** Runs the program once for each moment, two at a time, and takes what came after each. */
async function endAt(moments: readonly Moment[], kilobytes: number, open: () => Promise<Wire & { close(): unknown }>) {
  const queue = [...moments]
  const wrong: string[] = []
  const work = async () => {
    for (let moment = queue.shift(); moment !== undefined; moment = queue.shift()) {
      const wire = await open()
      const options: RunOptions = {
        coverage: false,
        how: 'require',
        env: { ...wire.env, OTEL_BSP_SCHEDULE_DELAY: String(DELAY_MS) },
        args: [...moment.map(String), String(DELAY_MS), String(kilobytes)],
      }
      const { code, stderr } = await runAgent(PROGRAM, options)
      const came = await wire.takeAll()
      if (came.sort().join() !== ALL.join() || code !== 0 || stderr !== '') {
        wrong.push(`${wire.name}, ${moment[1]} ${moment[0]}: ${came.join()}; exit code ${code} ${stderr}`)
      }
      await wire.close()
    }
  }
  await Promise.all([work(), work()])
  assert.deepEqual(wrong, [])
}

async function otlp(protocol: 'http/protobuf' | 'grpc', delayMs: number, isTls = false) {
  const tls = isTls ? { key: TLS.key, cert: TLS.cert } : undefined
  const collector = await startCollector({ grpc: protocol === 'grpc', tls })
  collector.answerAlways({ delayMs })
  return {
    name: protocol,
    env: { ...collector.env(protocol), ...(isTls ? { OTEL_EXPORTER_OTLP_CERTIFICATE: TLS.certFile } : {}) },
    async takeAll() {
      // What was answered late, or was sent twice, is on its way.
      await sleep(delayMs + 20)
      return (await collector.takeAll()).map(({ name }) => name)
    },
    close: () => collector.close(),
  }
}

/** Reads nothing before that many milliseconds are over: a client that is gone by then has sent nothing. */
async function zipkin(delayMs: number) {
  const names: string[] = []
  let inHand = 0
  const server = http.createServer(async (request, response) => {
    inHand++
    await sleep(delayMs)
    let text = ''
    try {
      for await (const chunk of request) text += chunk
      for (const { name } of JSON.parse(text)) names.push(name)
      response.writeHead(202).end()
    } catch {
      // Broken off: not received.
    }
    inHand--
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    name: 'zipkin',
    env: {
      OTEL_EXPORTER: 'zipkin',
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: `http://127.0.0.1:${port}/api/v2/spans`,
    },
    async takeAll() {
      await sleep(20)
      while (inHand > 0) await sleep(5)
      return names
    },
    close: () => new Promise(done => server.close(done)),
  }
}

describe('a program that ends while a batch is on its way', function () {
  this.timeout(300_000)

  const wires: Record<string, () => Promise<Wire & { close(): unknown }>> = {
    'OTLP over HTTP': () => otlp('http/protobuf', 0),
    'OTLP over HTTP, answered after 200 ms': () => otlp('http/protobuf', 200),
    'OTLP over HTTPS': () => otlp('http/protobuf', 20, true),
    'OTLP over gRPC': () => otlp('grpc', 0),
    'OTLP over gRPC, answered after 200 ms': () => otlp('grpc', 200),
    'OTLP over gRPC with TLS': () => otlp('grpc', 20, true),
    Zipkin: () => zipkin(0),
    'Zipkin, read after 200 ms': () => zipkin(200),
  }
  for (const [name, open] of Object.entries(wires)) {
    it(`delivers every span once, whenever that is: ${name}`, () => endAt(MOMENTS, 0, open))
  }
  for (const protocol of ['http/protobuf', 'grpc'] as const) {
    it(`delivers every span once when a message does not fit into the connection at once: ${protocol}`, () =>
      endAt(
        MOMENTS.filter((_, i) => i % 2 === 1),
        1024,
        () => otlp(protocol, 50),
      ))
  }
})
