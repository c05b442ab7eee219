/**
 * The composition root: reads as the story of a start. The only file that may import everything.
 */
import { INSTRUMENTATIONS } from '../instrumentations/index'
import { registerGlobals } from './api'
import type { Exporter } from './export/contract'
import { hookModules } from './hook'
import type { InstrumentationRow, Settings, Tools } from './instrumentation'
import { createLog } from './log'
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
  const parts = {
    sampler: parentBasedAlwaysOn as Sampler,
    limits: DEFAULT_LIMITS,
    sink: fanOut(exporters),
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

function fanOut(exporters: readonly Exporter[]): SpanSink {
  return {
    push(span: SpanData) {
      for (let i = 0; i < exporters.length; i++) exporters[i]!.push(span)
    },
  }
}

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
