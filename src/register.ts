/**
 * The composition root: reads as the story of a start. The only file that may import everything.
 */
import { INSTRUMENTATIONS } from '../instrumentations/index'
import { registerGlobals } from './api'
import type { Exporter } from './export/contract'
import { hookModules } from './hook'
import type { InstrumentationRow, Settings, Tools } from './instrumentation'
import { type Lifecycle, watchExit } from './lifecycle'
import { createLog, type Log } from './log'
import { Patches } from './patch'
import { alwaysOff, alwaysOn } from './sampling/always'
import type { Sampler } from './sampling/contract'
import { AgentContextManager } from './trace/context'
import { FLAG_RANDOM, type SpanData, type SpanSink } from './trace/data'
import { newSpanId, newTraceId } from './trace/ids'
import { DEFAULT_LIMITS } from './trace/limits'
import { AgentTracerProvider, type TracerParts } from './trace/tracer'

export const VERSION: string = require('../../package.json').version

/** What `start` returns, and what the exported functions of the package act on. */
export interface Agent {
  flush(): Promise<void>
  stop(): Promise<void>
}

let running: Agent | undefined

/** Starts the agent in this thread. A second call changes nothing. */
export function start(): Agent {
  running ??= compose()
  return running
}

/** The agent of this thread, if it was started and not stopped. */
export function current(): Agent | undefined {
  return running
}

function compose(): Agent {
  const log = createLog('warn')
  const patches = new Patches(log)
  const exporters: Exporter[] = []
  const lifecycle = watchExit(
    {
      pending: () => exporters.some(exporter => exporter.pending > 0),
      deliver: () => deliver(exporters, DEFAULT_EXIT_TIMEOUT_MS, log),
    },
    patches,
  )
  const parts = {
    sampler: parentBasedAlwaysOn as Sampler,
    limits: DEFAULT_LIMITS,
    sink: fanOut(exporters, lifecycle),
    newTraceId,
    newSpanId,
    rootFlags: FLAG_RANDOM,
  } satisfies TracerParts
  const provider = new AgentTracerProvider(parts)
  const unregister = registerGlobals({ trace: provider, context: new AgentContextManager() })

  const toolsFor = (row: InstrumentationRow): Tools => ({
    tracer: provider.getTracer(`tracing-agent/${row.name}`, VERSION),
    settings: DEFAULT_SETTINGS,
    log,
    inject: () => {},
    extract: context => context,
    injectedHeaders: [],
    answer: undefined,
    wrap: (target, key, make) => patches.wrap(target, key, make),
    subscribe: (channel, listener) => patches.subscribe(channel, listener),
    guard: fn => patches.guard(fn, `${row.name}: ${fn.name}`),
    fault: (place, error) => patches.fault(`${row.name}: ${place}`, error),
  })
  const unhook = hookModules(
    INSTRUMENTATIONS,
    (row, exports, file) => {
      try {
        row.load().patch(exports, toolsFor(row), file)
      } catch (error) {
        patches.fault(`${row.name}: patching ${file || row.module}`, error)
      }
    },
    log,
  )

  return {
    async flush() {
      await Promise.all(exporters.map(exporter => exporter.flush()))
    },
    async stop() {
      running = undefined
      parts.sampler = alwaysOff
      unhook()
      patches.undo()
      unregister()
      await Promise.all(exporters.map(exporter => exporter.stop()))
    },
  }
}

const parentBasedAlwaysOn: Sampler = {
  readsAttributes: false,
  shouldSample: (parent, traceId, name, kind, attributes) =>
    (parent === undefined || parent.traceFlags & 1 ? alwaysOn : alwaysOff).shouldSample(
      parent,
      traceId,
      name,
      kind,
      attributes,
    ),
  toString: () => 'ParentBased{root=AlwaysOnSampler}',
}

/** Gives each span to every exporter, and lets signals be watched while one of them has something to send. */
function fanOut(exporters: readonly Exporter[], lifecycle: Lifecycle): SpanSink {
  for (const exporter of exporters) {
    exporter.onIdle = () => {
      if (exporters.every(({ pending }) => pending === 0)) lifecycle.idle()
    }
  }
  return {
    push(span: SpanData) {
      for (let i = 0; i < exporters.length; i++) exporters[i]!.push(span)
      lifecycle.busy()
    },
  }
}

/** Sends what is unsent while this thread waits: it is about to end. */
function deliver(exporters: readonly Exporter[], timeoutMs: number, log: Log): void {
  const unsent = exporters.flatMap(exporter => exporter.takeUnsent())
  if (unsent.length === 0) return
  const { sendAndWait } = require('./export/lastgasp') as typeof import('./export/lastgasp')
  const { lost, reason } = sendAndWait(unsent, timeoutMs)
  if (lost > 0) log.warn(`${lost} spans were lost at the end of the program: ${reason}`)
}

const DEFAULT_EXIT_TIMEOUT_MS = 2000

const DEFAULT_SETTINGS: Settings = {
  knownMethods: new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'TRACE', 'PATCH', 'QUERY']),
  ignoreIncoming: undefined,
  ignoreOutgoing: undefined,
  mayInject: undefined,
  redactQuery: query => query,
  serverRequestHeaders: [],
  serverResponseHeaders: [],
  clientRequestHeaders: [],
  clientResponseHeaders: [],
  grpcServerRequestMetadata: [],
  grpcServerResponseMetadata: [],
  grpcClientRequestMetadata: [],
  grpcClientResponseMetadata: [],
  serverErrorStatus: status => status >= 500,
  clientErrorStatus: status => status >= 400,
  expressSpans: 'handler',
}
