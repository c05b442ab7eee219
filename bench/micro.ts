/**
 * node build/bench/micro.js: what the pieces cost, each called in a loop of its own, beside an empty loop (which is taken
 * off) and beside those of OpenTelemetry's SDK. Nanoseconds of CPU, the least of several runs.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Encoding } from '../src/export/contract'
import { consoleJson } from '../src/export/encodings/console-json'
import { jaegerThriftBinary } from '../src/export/encodings/jaeger-thrift'
import { otlpJson } from '../src/export/encodings/otlp-json'
import { otlpProtobuf } from '../src/export/encodings/otlp-protobuf'
import { zipkinJson } from '../src/export/encodings/zipkin-json'
import { encodeWhole } from '../src/export/pipe'
import { createPropagator } from '../src/propagation/index'
import { createSampler } from '../src/sampling/index'
import { AgentContextManager, activeContext, ROOT, runInContext } from '../src/trace/context'
import { type AttributeList, FLAG_RANDOM, type Resource, SERVER, type SpanData } from '../src/trace/data'
import { newSpanId, newTraceId } from '../src/trace/ids'
import { DEFAULT_LIMITS } from '../src/trace/limits'
import { AgentTracerProvider } from '../src/trace/tracer'
import { AGENTS } from './agents'
import { load, type Piece, save } from './results'
import { scratchOf } from './scratch'

const RUNS = 7
const RUN_MS = 150
const BATCH = 512

const ATTRIBUTES = {
  'url.scheme': 'http',
  'network.protocol.version': '1.1',
  'http.request.method': 'GET',
  'url.path': '/hello',
  'server.address': '127.0.0.1',
  'server.port': 8080,
  'client.address': '127.0.0.1',
  'network.peer.address': '127.0.0.1',
  'network.peer.port': 40_000,
  'user_agent.original': 'bench',
  'http.response.status_code': 200,
}
const LIST = Object.entries(ATTRIBUTES).flat() as AttributeList
const RESOURCE: Resource = { attributes: ['service.name', 'bench', 'telemetry.sdk.name', 'bench'] }
const HEADERS: Record<string, string> = {
  host: 'localhost',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'a=1,b=2',
}
const GETTER = {
  get: (carrier: Record<string, string>, key: string) => carrier[key],
  keys: (carrier: Record<string, string>) => Object.keys(carrier),
}
const SETTER = {
  set: (carrier: Record<string, string>, key: string, value: string) => {
    carrier[key] = value
  },
}

/** What the loops leave behind, so that nothing of them is taken for useless. */
let sink: unknown

/** Nanoseconds for one call of `fn`. */
function cost(fn: () => unknown): number {
  let calls = 1
  let least = Infinity
  for (let run = 0; run < RUNS; ) {
    const before = process.cpuUsage()
    for (let i = 0; i < calls; i++) sink = fn()
    const { user, system } = process.cpuUsage(before)
    const micros = user + system
    if (micros < RUN_MS * 1000) {
      // Not counted: it found out how many calls it takes, and warmed up.
      calls *= 2
      continue
    }
    least = Math.min(least, (micros * 1000) / calls)
    run++
  }
  return least
}

const EMPTY = cost(() => sink)
const net = (fn: () => unknown) => Math.max(cost(fn) - EMPTY, 0)

function ours(): Record<string, number> {
  const finished: SpanData[] = []
  const collect = {
    push(span: SpanData) {
      finished.length = 0
      finished.push(span)
    },
  }
  const provider = new AgentTracerProvider({
    sampler: createSampler('parentbased_always_on', undefined, {} as never),
    limits: DEFAULT_LIMITS,
    sink: collect,
    newTraceId,
    newSpanId,
    rootFlags: FLAG_RANDOM,
  })
  const tracer = provider.getTracer('bench', '1')
  const describe = (list: AttributeList) => list.slice()
  const propagator = createPropagator(['tracecontext', 'baggage'], {} as never)
  const span = tracer.start('GET', SERVER, ROOT, describe, LIST)
  const context = ROOT.withEntry(span)
  const manager = new AgentContextManager()
  const batch = Array.from({ length: BATCH }, () => {
    const one = tracer.start('GET', SERVER, ROOT, describe, LIST)
    one.end()
    return finished[0]!
  })
  const perSpan = (encoding: Encoding, spans = batch) =>
    net(() => encodeWhole(encoding, spans, RESOURCE)) / spans.length
  let turn = 0
  return {
    'span: start with 11 attributes, end': net(() => tracer.start('GET', SERVER, ROOT, describe, LIST).end()),
    'span of the API: startSpan, end': net(() => tracer.startSpan('work').end()),
    setAttribute: net(() => span.setAttribute('key', turn++)),
    'inject (traceparent, baggage)': net(() => {
      const carrier = {}
      propagator.inject(context, carrier, SETTER)
      return carrier
    }),
    'extract (traceparent, tracestate, baggage)': net(() => propagator.extract(ROOT, HEADERS, GETTER)),
    'context: run': net(() => runInContext(context, activeContext, undefined, [])),
    'context of the API: with': net(() => manager.with(context, activeContext as never)),
    'OTLP protobuf, a span': perSpan(otlpProtobuf),
    'OTLP JSON, a span': perSpan(otlpJson),
    'Zipkin JSON, a span': perSpan(zipkinJson),
    'Jaeger Thrift, a span': perSpan(jaegerThriftBinary),
    'console JSON, a span': perSpan(consoleJson),
  }
}

function openTelemetry(): Record<string, number> {
  const folder = scratchOf(AGENTS.find(({ name }) => name.startsWith('OpenTelemetry'))!)
  const peer = createRequire(join(folder, 'package.json'))
  const api = peer('@opentelemetry/api')
  const { BasicTracerProvider } = peer('@opentelemetry/sdk-trace-base')
  const { AsyncLocalStorageContextManager } = peer('@opentelemetry/context-async-hooks')
  const { W3CTraceContextPropagator, W3CBaggagePropagator, CompositePropagator } = peer('@opentelemetry/core')
  const { ProtobufTraceSerializer, JsonTraceSerializer } = peer('@opentelemetry/otlp-transformer')
  const finished: unknown[] = []
  const provider = new BasicTracerProvider({
    spanProcessors: [
      {
        onStart() {},
        onEnd(span: unknown) {
          finished.length = 0
          finished.push(span)
        },
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  })
  const tracer = provider.getTracer('bench', '1')
  const propagator = new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  })
  const root = api.ROOT_CONTEXT
  const options = { kind: api.SpanKind.SERVER, attributes: ATTRIBUTES }
  const span = tracer.startSpan('GET', options, root)
  const context = api.trace.setSpan(root, span)
  const manager = new AsyncLocalStorageContextManager().enable()
  const active = () => manager.active()
  const batch = Array.from({ length: BATCH }, () => {
    tracer.startSpan('GET', options, root).end()
    return finished[0]
  })
  let turn = 0
  return {
    'span: start with 11 attributes, end': net(() => tracer.startSpan('GET', options, root).end()),
    'span of the API: startSpan, end': net(() => tracer.startSpan('work', {}, root).end()),
    setAttribute: net(() => span.setAttribute('key', turn++)),
    'inject (traceparent, baggage)': net(() => {
      const carrier = {}
      propagator.inject(context, carrier, SETTER)
      return carrier
    }),
    'extract (traceparent, tracestate, baggage)': net(() => propagator.extract(root, HEADERS, GETTER)),
    'context: run': net(() => manager.with(context, active)),
    'context of the API: with': net(() => manager.with(context, active)),
    'OTLP protobuf, a span': net(() => ProtobufTraceSerializer.serializeRequest(batch)) / BATCH,
    'OTLP JSON, a span': net(() => JsonTraceSerializer.serializeRequest(batch)) / BATCH,
  }
}

const own = ours()
const other = openTelemetry()
const pieces: Piece[] = Object.keys(own).map(name => ({ name, ours: own[name]!, openTelemetry: other[name] }))
for (const { name, ours: mine, openTelemetry: theirs } of pieces) {
  console.log(`${name}: ${mine.toFixed(0)} ns, OpenTelemetry ${theirs?.toFixed(0) ?? '-'}`)
}
save({ ...load(), pieces })
