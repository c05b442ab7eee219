/**
 * node build/bench/block.js: how long encoding a full batch keeps the event loop from turning, for each encoding: the
 * longest stretch between two turns. Each is measured in processes of its own: with the first batch there is, and with later
 * ones. Medians go to bench/results.json.
 */
import { spawnSync } from 'node:child_process'
import type { Encoding, OpenMessage, Transport } from '../src/export/contract'
import { Pipe } from '../src/export/pipe'
import { Portion } from '../src/export/portion'
import { createSampler } from '../src/sampling/index'
import { ROOT as NO_CONTEXT } from '../src/trace/context'
import { type AttributeList, FLAG_RANDOM, type Resource, SERVER, type SpanData } from '../src/trace/data'
import { newSpanId, newTraceId } from '../src/trace/ids'
import { DEFAULT_LIMITS } from '../src/trace/limits'
import { AgentTracerProvider } from '../src/trace/tracer'
import { pinned } from './child'
import { type Block, load, median, save } from './results'

/** `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` by default. */
const BATCH = 512
const LATER_BATCHES = 100
const PROCESSES = 9

const xray = () => require('../src/export/encodings/xray') as typeof import('../src/export/encodings/xray')
const jaeger = () =>
  require('../src/export/encodings/jaeger-thrift') as typeof import('../src/export/encodings/jaeger-thrift')
const otlpJson = () =>
  require('../src/export/encodings/otlp-json') as typeof import('../src/export/encodings/otlp-json')
const XRAY_OPTIONS = { annotations: [], serviceName: '', warn: () => {} }

const ENCODINGS: Readonly<Record<string, () => Encoding>> = {
  'OTLP protobuf': () =>
    (require('../src/export/encodings/otlp-protobuf') as typeof import('../src/export/encodings/otlp-protobuf'))
      .otlpProtobuf,
  'OTLP JSON': () => otlpJson().otlpJson,
  'OTLP JSON lines (file)': () => otlpJson().otlpJsonLines,
  'Zipkin JSON': () =>
    (require('../src/export/encodings/zipkin-json') as typeof import('../src/export/encodings/zipkin-json')).zipkinJson,
  'Jaeger Thrift, binary': () => jaeger().jaegerThriftBinary,
  'Jaeger Thrift, compact': () => jaeger().jaegerThriftCompact,
  'X-Ray, daemon': () => xray().xrayDaemon(XRAY_OPTIONS),
  'X-Ray, API': () => xray().xrayApi(XRAY_OPTIONS),
  'console, tree': () =>
    (
      require('../src/export/encodings/console-tree') as typeof import('../src/export/encodings/console-tree')
    ).consoleTree({ colours: false }),
  'console, JSON': () =>
    (require('../src/export/encodings/console-json') as typeof import('../src/export/encodings/console-json'))
      .consoleJson,
}

const RESOURCE: Resource = { attributes: ['service.name', 'bench', 'telemetry.sdk.name', 'tracing-agent'] }

/** What a server span holds; the path is another one each time, as the ids of users are. */
function describe(n: number): AttributeList {
  return [
    'http.request.method',
    'GET',
    'url.path',
    `/api/users/${n}`,
    'url.scheme',
    'http',
    'server.address',
    'shop.example.com',
    'server.port',
    443,
    'client.address',
    `10.0.${n & 255}.7`,
    'network.peer.address',
    '127.0.0.1',
    'network.peer.port',
    40_000 + n,
    'network.protocol.version',
    '1.1',
    'user_agent.original',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
    'http.response.status_code',
    200,
    'http.route',
    '/api/users/:id',
  ]
}

function createBatch(): SpanData[] {
  const batch: SpanData[] = []
  const provider = new AgentTracerProvider({
    sampler: createSampler('parentbased_always_on', undefined, {} as never),
    limits: DEFAULT_LIMITS,
    sink: { push: span => void batch.push(span) },
    newTraceId,
    newSpanId,
    rootFlags: FLAG_RANDOM,
  })
  const tracer = provider.getTracer('bench', '1')
  for (let n = 0; n < BATCH; n++) tracer.start('GET /api/users/:id', SERVER, NO_CONTEXT, describe, n).end()
  return batch
}

/** Stretches of work between two turns of the event loop, in milliseconds. */
class Stopwatch {
  longest = 0
  private turn = 0
  private startedInTurn = -1
  private startedAt = 0
  private stopped = false

  constructor() {
    const next = () => {
      this.turn++
      if (!this.stopped) setImmediate(next)
    }
    setImmediate(next)
  }

  begin(): void {
    if (this.startedInTurn === this.turn) return
    this.startedInTurn = this.turn
    this.startedAt = performance.now()
  }

  end(): void {
    this.longest = Math.max(this.longest, performance.now() - this.startedAt)
  }

  stop(): void {
    this.stopped = true
  }
}

/** The encoding, watched at each of its steps. */
function watched(encoding: Encoding, watch: Stopwatch): Encoding {
  return {
    ...encoding,
    open: encoding.open && (() => watchedMessage(encoding.open!(), watch)),
    *encode(batch, resource) {
      watch.begin()
      const steps = encoding.encode(batch, resource)
      for (;;) {
        watch.begin()
        const step = steps.next()
        watch.end()
        if (step.done) return step.value
        yield
      }
    },
  }
}

function watchedMessage(message: OpenMessage, watch: Stopwatch): OpenMessage {
  const timed = <R>(work: () => R): R => {
    watch.begin()
    try {
      return work()
    } finally {
      watch.end()
    }
  }
  return {
    get count() {
      return message.count
    },
    add: spans => timed(() => message.add(spans)),
    finish: resource => timed(() => message.finish(resource)),
  }
}

/** Like every transport it answers in a later turn. */
const NOWHERE: Transport = {
  accepts: [],
  maxBytes: Infinity,
  target: 'nowhere',
  send: () => new Promise(resolve => setImmediate(resolve, { ok: true })),
  close: async () => {},
}

/** Milliseconds of the longest stretch: with the first batch, and with each of the later ones. */
async function measureHere(name: string): Promise<{ first: number; later: number[] }> {
  const encoding = ENCODINGS[name]!()
  const all: number[] = []
  for (let n = 0; n <= LATER_BATCHES; n++) {
    const batch = createBatch()
    const watch = new Stopwatch()
    await new Promise(resolve => setImmediate(resolve))
    const watching = watched(encoding, watch)
    await new Pipe(watching, NOWHERE, RESOURCE, Infinity).send(Portion.of(batch, watching))
    watch.stop()
    all.push(watch.longest)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { first: all[0]!, later: all.slice(LATER_BATCHES / 2) }
}

function main(): void {
  const blocks: Block[] = []
  for (const name of Object.keys(ENCODINGS)) {
    const first: number[] = []
    const later: number[] = []
    for (let n = 0; n < PROCESSES; n++) {
      const [command, ...args] = pinned([process.execPath, __filename, name])
      const { stdout, stderr } = spawnSync(command!, args, { encoding: 'utf8' })
      if (stdout === '') throw new Error(stderr)
      const measured = JSON.parse(stdout) as { first: number; later: number[] }
      first.push(measured.first)
      later.push(median(measured.later))
    }
    const block = { name, firstMs: median(first), laterMs: median(later) }
    blocks.push(block)
    console.log(`${name}: first ${block.firstMs.toFixed(2)} ms, later ${block.laterMs.toFixed(2)} ms`)
  }
  save({ ...load(), blocks })
}

const [, , name] = process.argv
if (name === undefined) main()
else void measureHere(name).then(measured => console.log(JSON.stringify(measured)))
