/**
 * The composition root: reads as the story of a start. The only file that may import everything.
 */
import { INSTRUMENTATIONS } from '../instrumentations/index'
import { otherAgent, registerGlobals } from './api'
import { type Config, loadConfig } from './config/load'
import type { Exporter } from './export/contract'
import { createExporters, fanOut } from './export/index'
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
import { type AttributeList, FLAG_RANDOM, type Resource, type SpanData, type SpanSink } from './trace/data'
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
  const { config, origins, problems } = loadConfig(undefined, overrides)
  const log = createLog(config.logLevel)
  for (const { message } of problems) log.warn(message)
  const other = otherAgent()
  if (other !== undefined) {
    log.warn(`stays away: ${other} traces this program already`)
    return { flush: async () => {}, stop: async () => {} }
  }

  const patches = new Patches(log)
  const resource = new LazyResource(config, log)
  const facts = {
    log,
    trust: config.trustIncoming,
    fault: (place: string, error: unknown) => patches.fault(`propagator, ${place}`, error),
    get serviceName() {
      return resource.serviceName
    },
  }
  const propagator = createPropagator(config.propagators as any, facts)
  // Before anything is patched: what they send is none of the program's calls.
  const exporters = config.disabled ? [] : createExporters({ config, origins, log, version: VERSION }, resource)
  const lifecycle = watchExit(
    {
      pending: () => exporters.some(exporter => exporter.pending > 0),
      deliver: () => {
        const { deliverNow } = require('./export/lastgasp') as typeof import('./export/lastgasp')
        deliverNow(exporters, config.exitTimeoutMs)
      },
    },
    patches,
  )
  const parts: Replaceable<TracerParts> = {
    sampler: createSampler(config.sampler as any, config.samplerArg || undefined, facts),
    limits: config,
    sink: watched(exporters, lifecycle),
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
      await Promise.all(exporters.map(exporter => exporter.stop(config.exitTimeoutMs)))
      patches.undo()
    },
  }
}

/** Who we are is found out when somebody asks: mostly with the first batch. */
class LazyResource implements Resource {
  private found: ProcessResource | undefined

  constructor(
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  get attributes(): AttributeList {
    return this.get().attributes
  }

  get serviceName(): string {
    return this.get().serviceName
  }

  ready(): Promise<void> | undefined {
    return this.get().ready()
  }

  private get(): ProcessResource {
    const { createResource } = require('./resource') as typeof import('./resource')
    this.found ??= createResource(this.config, this.log, VERSION)
    return this.found
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

/** All exporters as one sink. While one of them has something to send, the lifecycle is told so. */
function watched(exporters: readonly Exporter[], lifecycle: Lifecycle): SpanSink {
  const sink = fanOut(exporters)
  for (const exporter of exporters) {
    exporter.onIdle = () => {
      if (exporters.every(({ pending }) => pending === 0)) lifecycle.idle()
    }
  }
  return {
    push(span: SpanData) {
      sink.push(span)
      lifecycle.busy()
    },
  }
}

type Replaceable<T> = { -readonly [K in keyof T]: T[K] } & { sampler: Sampler }
