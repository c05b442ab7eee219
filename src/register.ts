/**
 * The composition root: reads as the story of a start. The only file that may import everything.
 */
import { INSTRUMENTATIONS } from '../instrumentations/index'
import { otherAgent, registerGlobals } from './api'
import { type Config, loadConfig } from './config/load'
import type { Exporter } from './export/contract'
import { hookModules } from './hook'
import type { InstrumentationRow, Tools } from './instrumentation'
import { type Lifecycle, watchExit } from './lifecycle'
import { createLog, type Log } from './log'
import { Patches } from './patch'
import { createPropagator, type Propagator } from './propagation/index'
import type { ProcessResource } from './resource'
import { alwaysOff } from './sampling/always'
import type { Sampler } from './sampling/contract'
import { createSampler } from './sampling/index'
import { createSettings } from './settings'
import { AgentContextManager } from './trace/context'
import { FLAG_RANDOM, type SpanData, type SpanSink } from './trace/data'
import { newSpanId, newTraceId, newXRayTraceId } from './trace/ids'
import { PassThroughProvider } from './trace/passthrough'
import { AgentTracerProvider, type TracerParts } from './trace/tracer'

export const VERSION: string = require('../../package.json').version

/** What `start` returns, and what the exported functions of the package act on. */
export interface Agent {
  flush(): Promise<void>
  stop(): Promise<void>
}

let running: Agent | undefined

/**
 * Starts the agent in this thread. A second call changes nothing.
 *
 * @param overrides options set in code, which win over every variable
 */
export function start(overrides: Partial<Config> = {}): Agent {
  running ??= compose(overrides)
  return running
}

/** The agent of this thread, if it was started and not stopped. */
export function current(): Agent | undefined {
  return running
}

function compose(overrides: Partial<Config>): Agent {
  const { config, problems } = loadConfig(undefined, overrides)
  const log = createLog(config.logLevel)
  for (const { message } of problems) log.warn(message)
  const other = otherAgent()
  if (other !== undefined) {
    log.warn(`stays away: ${other} traces this program already`)
    return { flush: async () => {}, stop: async () => {} }
  }

  const patches = new Patches(log)
  const resource = lazyResource(config, log)
  const facts = {
    log,
    trust: config.trustIncoming,
    fault: (place: string, error: unknown) => patches.fault(`propagator, ${place}`, error),
    get serviceName() {
      return resource().serviceName
    },
  }
  const propagator = createPropagator(config.propagators as any, facts)
  const exporters: Exporter[] = []
  const lifecycle = watchExit(
    {
      pending: () => exporters.some(exporter => exporter.pending > 0),
      deliver: () => deliver(exporters, config.exitTimeoutMs, log),
    },
    patches,
  )
  const parts: Replaceable<TracerParts> = {
    sampler: createSampler(config.sampler as any, config.samplerArg || undefined, facts),
    limits: config,
    sink: fanOut(exporters, lifecycle),
    newTraceId: config.traceIds === 'xray' ? newXRayTraceId : newTraceId,
    newSpanId,
    rootFlags: FLAG_RANDOM,
  }
  const provider = config.disabled ? new PassThroughProvider() : new AgentTracerProvider(parts)
  const unregister = registerGlobals({ trace: provider, context: new AgentContextManager(), propagation: propagator })
  const unhook = instrument(config, provider, propagator, patches, log)

  return {
    async flush() {
      await Promise.all(exporters.map(exporter => exporter.flush()))
    },
    async stop() {
      running = undefined
      // Spans of functions that the program wrapped again, and which therefore still lead through ours.
      parts.sampler = alwaysOff
      unhook()
      unregister()
      await Promise.all(exporters.map(exporter => exporter.stop()))
      patches.undo()
    },
  }
}

/** Who we are is found out when somebody asks: at the earliest with the first batch. */
function lazyResource(config: Config, log: Log): () => ProcessResource {
  let resource: ProcessResource | undefined
  return () => {
    resource ??= (require('./resource') as typeof import('./resource')).createResource(config, log, VERSION)
    return resource
  }
}

/** Patches what the rows name, now or when the program loads it. */
function instrument(
  config: Config,
  provider: AgentTracerProvider | PassThroughProvider,
  propagator: Propagator,
  patches: Patches,
  log: Log,
): () => void {
  const { enabledInstrumentations, disabledInstrumentations } = config
  const settings = createSettings(config)
  const rows = INSTRUMENTATIONS.filter(
    ({ name }) => enabledInstrumentations.includes(name) && !disabledInstrumentations.includes(name),
  )
  const toolsFor = ({ name }: InstrumentationRow): Tools => ({
    tracer: provider.getTracer(`tracing-agent/${name}`, VERSION),
    settings,
    log,
    inject: (context, carrier, setter) => propagator.inject(context, carrier, setter),
    extract: (context, carrier, getter) => propagator.extract(context, carrier, getter),
    injectedHeaders: propagator.injectedHeaders,
    answer: propagator.answer,
    wrap: (target, key, make) => patches.wrap(target, key, make),
    subscribe: (channel, listener) => patches.subscribe(channel, listener),
    guard: fn => patches.guard(fn, `${name}: ${fn.name || 'a callback'}`),
    fault: (place, error) => patches.fault(`${name}: ${place}`, error),
  })
  return hookModules(
    rows,
    (row, exports, file) => {
      try {
        row.load().patch(exports, toolsFor(row), file)
        log.debug(`patched ${row.module} ${file}`)
      } catch (error) {
        patches.fault(`${row.name}: patching ${file || row.module}`, error)
      }
    },
    log,
  )
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

type Replaceable<T> = { -readonly [K in keyof T]: T[K] } & { sampler: Sampler }
