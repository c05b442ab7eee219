/**
 * The composition root: reads as the story of a start. The only file that may import everything.
 */
// For what they keep from before the program: its timers and clock, which it may replace, and the root context.
import './export/home'
import './timers'
import './instrumentation'
import type { TextMapPropagator, TracerProvider } from '@opentelemetry/api'
import { INSTRUMENTATIONS } from '../instrumentations/index'
import { hasProvider, registerGlobals } from './api'
import { type Config, type Loaded, lambdaTraceId, loadConfig } from './config/load'
import type { Exporter } from './export/contract'
import { createExporters, fanOut, type PlannedExporter, planExporters, type Settings } from './export/index'
import { hookModules, type OnLoad, packageFile } from './hook'
import { type Lifecycle, watchExit } from './lifecycle'
import { createLog, type Log } from './log'
import { loadedAgent, noticeAgents, sayRefused } from './otheragents'
import { Patches } from './patch'
import type { ProcessResource } from './resource'
import { alwaysOff } from './sampling/always'
import { createSampler } from './sampling/index'
import { Threads } from './threads'
import { AgentContextManager } from './trace/context'
import { type AttributeList, FLAG_RANDOM, type Resource, type SpanData, type SpanSink } from './trace/data'
import { newSpanId, newTraceId, newXRayTraceId } from './trace/ids'
import { PassThroughProvider } from './trace/passthrough'
import type { TracerParts } from './trace/tracer'
import type { Tracing } from './tracing'

export type { Config } from './config/load'

export const VERSION: string = require('../../package.json').version

/** What `start` returns, and what the exported functions of the package act on. */
export interface Agent {
  flush(): Promise<void>
  stop(): Promise<void>
}

/** Shared by all copies of this package in one thread; register.js makes it, too. */
interface Guard {
  readonly file: string
  agent?: Agent
}

const GUARD = Symbol.for('tracing-agent')

function guard(): Guard {
  const thread = globalThis as unknown as Record<symbol, Guard | undefined>
  if (thread[GUARD] === undefined) {
    Object.defineProperty(globalThis, GUARD, { configurable: true, value: { file: __filename } })
  }
  return thread[GUARD]!
}

/**
 * Starts the agent in this thread. A second call changes nothing, nor does one from another copy of this package.
 *
 * @param overrides options set in code, which win over every variable
 */
export function start(overrides: Partial<Config> = {}): Agent {
  const shared = guard()
  shared.agent ??= compose(overrides)
  return shared.agent
}

/** The agent of this thread, if it was started and not stopped. */
export function current(): Agent | undefined {
  return guard().agent
}

const ABSENT: Agent = { flush: async () => {}, stop: async () => {} }

function compose(overrides: Partial<Config>): Agent {
  const loaded = loadConfig(undefined, overrides)
  const log = createLog(loaded.config.logLevel)
  sayProblems(loaded.problems, log)
  const other = hasProvider() ? 'another OpenTelemetry tracer provider' : loadedAgent()
  if (other !== undefined) {
    log.warn(`stays away: ${other} traces this program already`)
    return ABSENT
  }
  if (log.level === 'debug') sayWhatWasLoaded(log)
  const patches = new Patches(log)
  const exit = new Patches(log)
  try {
    return trace(loaded, patches, exit, log)
  } catch (error) {
    patches.undo()
    exit.undo()
    throw error
  }
}

/** Where threads find what those that started them have said. A text: symbols do not pass between threads. */
const SAID = 'tracing-agent said'

/** Each once in a process: threads start with the variables of the thread that started them. */
function sayProblems(problems: Loaded['problems'], log: Log): void {
  if (problems.length === 0) return
  const threads = require('node:worker_threads') as typeof import('node:worker_threads')
  const before = threads.getEnvironmentData(SAID)
  const said = new Set<string>(Array.isArray(before) ? (before as string[]) : [])
  for (const { message } of problems) {
    if (!said.has(message)) log.warn(message)
    said.add(message)
  }
  threads.setEnvironmentData(SAID, [...said])
}

/** @param patches of modules @param exit those that see the process end: they stay until the last span is sent */
function trace({ config, origins, pipelines }: Loaded, patches: Patches, exit: Patches, log: Log): Agent {
  const resource = new LazyResource(config, log)
  // Before anything is patched: what exporters send is none of the program's calls.
  const exporters = new Exporters({ config, origins, pipelines, log, version: VERSION }, resource)
  const lifecycle: Lifecycle = watchExit(
    {
      uncaught: error => patches.uncaught(error),
      finish: () => patches.finish(),
      pending: () => exporters.isPending() || threads.pending,
      deliver: () => {
        const { deliverNow } = require('./export/lastgasp') as typeof import('./export/lastgasp')
        deliverNow(exporters.made, threads.collect(config.exitTimeoutMs), config.exitTimeoutMs, log)
      },
      report: () => {
        if (isTalkative(log) && exporters.count > 0) log.info(report().ending(exporters.all()))
      },
    },
    exit,
  )
  const threads = new Threads(
    {
      takeUnsent: () => {
        patches.finish()
        return [
          ...exporters.made.flatMap(exporter => exporter.takeUnsent(false)),
          ...threads.collect(config.exitTimeoutMs),
        ]
      },
      busy: () => lifecycle.busy(),
      idle: () => {
        if (!exporters.isPending()) lifecycle.idle()
      },
    },
    exit,
  )
  const facts = {
    log,
    trust: config.trustIncoming,
    fault: (place: string, error: unknown) => patches.fault(`propagator, ${place}`, error),
    get serviceName() {
      return resource.serviceName
    },
    resource,
    xrayDaemon: config.xrayDaemon.tcp,
    lambdaTraceId,
  }
  const sampler = createSampler(config.sampler, config.samplerArg || undefined, facts)
  const parts = {
    sampler,
    limits: config,
    sink: renamed(config, watched(exporters, lifecycle, threads, patches)),
    newTraceId: config.traceIds === 'xray' ? newXRayTraceId : newTraceId,
    newSpanId,
    rootFlags: FLAG_RANDOM,
    fault: (place: string, error: unknown) => patches.fault(place, error),
  } satisfies TracerParts
  if (config.disabled && isTalkative(log)) {
    log.info(`${report().disabledBy(origins.disabled)}: no spans are made, headers are passed on`)
  } else if (isTalkative(log)) {
    const { atFirstSpan, beginning } = report()
    const say = () => log.info(beginning(config, exporters.all(), parts.sampler, resource.serviceName))
    atFirstSpan(parts, patches.guard(say, 'saying what is used'))
  }
  const enabled = enabledNames(config, log)
  const rows = INSTRUMENTATIONS.filter(({ name }) => enabled.has(name))
  let made: Tracing | undefined
  const tracing = () => {
    const { createTracing } = require('./tracing') as typeof import('./tracing')
    made ??= createTracing(config, parts, facts, rows, patches, log, VERSION)
    return made
  }

  const failed = (error: unknown) => patches.fault('sending what waits', error)
  const agent: Agent = {
    async flush() {
      await Promise.all(exporters.made.map(async exporter => exporter.flush()).map(sent => sent.catch(failed)))
    },
    async stop() {
      // A function of ours that the program wrapped again stays where it is, and starts nothing any more.
      parts.sampler = alwaysOff
      patches.undo()
      await Promise.all(exporters.all().map(exporter => exporter.stop(config.exitTimeoutMs).catch(failed)))
      exit.undo()
      guard().agent = undefined
    },
  }
  const yieldTo = (name: string) => {
    log.warn(`stops: ${name} traces this program, too; remove one of the two`)
    void agent.stop()
  }
  if (!config.disabled) sampler.start?.()
  patches.onUndo(() => sampler.stop?.())
  const fault = (error: unknown) => patches.fault('loading what makes spans', error)
  const globals = { ...lateGlobals(tracing, fault), context: new AgentContextManager() }
  const onRefused = patches.guard(
    (part: 'trace' | 'context' | 'propagation') => sayRefused(part, log),
    'saying what is refused',
  )
  patches.onUndo(registerGlobals(globals, process.argv[1] ?? process.cwd(), onRefused))
  const patch: OnLoad = ({ builtin, load, module, name }, exports, file, version) => {
    try {
      const instrumentation = load()
      const tools = () => tracing().toolsFor(name)
      if ('watch' in instrumentation) instrumentation.watch((...to) => patches.subscribe(...to), tools)
      else instrumentation.patch(exports, tools(), file)
      log.debug(['patched', builtin === true ? name : module, version, file].filter(word => word !== '').join(' '))
    } catch (error) {
      patches.fault(`${name}: patching ${file || module}`, error)
    }
  }
  patches.onUndo(
    hookModules([...rows, ...noticeAgents(yieldTo)], patch, log, (place, error) => patches.fault(place, error)),
  )
  return agent
}

/** Names of the instrumentations to use. Several rows may have one name. */
function enabledNames({ disabledInstrumentations, enabledInstrumentations }: Config, log: Log): Set<string> {
  const enabled = new Set(INSTRUMENTATIONS.map(({ name }) => name))
  for (const name of enabled) {
    const isNamed = enabledInstrumentations.includes(name)
    if (isNamed && !disabledInstrumentations.includes(name)) continue
    enabled.delete(name)
    log.debug(`skipped ${name}: OTEL_NODE_${isNamed ? 'DISABLED' : 'ENABLED'}_INSTRUMENTATIONS says so`)
  }
  return enabled
}

/** Packages that preloads before us have loaded: what they took of a builtin or a package may escape the patches. */
function sayWhatWasLoaded(log: Log): void {
  const names = new Set(Object.keys(require.cache).map(file => packageFile(file)?.name ?? ''))
  for (const own of ['', 'tracing-agent', 'shimmer', 'dotenv']) names.delete(own)
  const first = [...names].slice(0, 8)
  const more = names.size > first.length ? ` and ${names.size - first.length} more` : ''
  if (first.length > 0) log.debug(`loaded before the agent: ${first.join(', ')}${more}`)
}

function isTalkative({ level }: Log): boolean {
  return level === 'info' || level === 'debug'
}

function report() {
  return require('./report') as typeof import('./report')
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

/** What the API is given, whether or not the program ever uses it: what stands behind is made with the first call. */
function lateGlobals(tracing: () => Tracing, fault: (error: unknown) => void) {
  const ready = () => {
    try {
      return tracing()
    } catch (error) {
      fault(error)
      return undefined
    }
  }
  const trace: TracerProvider = {
    getTracer: (name, version, options) =>
      (ready()?.provider ?? new PassThroughProvider()).getTracer(name, version, options),
  }
  const propagation: TextMapPropagator = {
    inject: (context, carrier, setter) => ready()?.propagator.inject(context, carrier, setter),
    extract: (context, carrier, getter) => ready()?.propagator.extract(context, carrier, getter) ?? context,
    fields: () => ready()?.propagator.fields() ?? [],
  }
  return { trace, propagation }
}

/** The exporters that the user chose: checked at start, made with the first span that is finished. */
class Exporters {
  /** Empty until they are made. */
  made: readonly Exporter[] = []
  private readonly planned: readonly PlannedExporter[]

  constructor(
    private readonly settings: Settings,
    private readonly resource: Resource,
  ) {
    this.planned = settings.config.disabled ? [] : planExporters(settings)
  }

  get count(): number {
    return this.planned.length
  }

  all(): readonly Exporter[] {
    if (this.made.length < this.count) this.made = createExporters(this.settings, this.resource, this.planned)
    return this.made
  }

  isPending(): boolean {
    return this.made.some(({ pending }) => pending > 0)
  }
}

/** With the names that attributes had before, where they are asked for. */
function renamed(config: Config, sink: SpanSink): SpanSink {
  if (config.stabilityOptIn.length === 0) return sink
  const { formerOf, withFormerConventions } = require('./formerconventions') as typeof import('./formerconventions')
  const former = formerOf(config.stabilityOptIn)
  return former === undefined ? sink : withFormerConventions(former, config, sink)
}

/** All exporters as one sink. While one of them has something to send, the lifecycle and the thread above are told so. */
function watched(exporters: Exporters, lifecycle: Lifecycle, threads: Threads, patches: Patches): SpanSink {
  if (exporters.count === 0) return fanOut([])
  let sink: SpanSink | undefined
  let waiting = false
  const onIdle = patches.guard(() => {
    if (exporters.isPending()) return
    waiting = false
    threads.report(false)
    if (!threads.pending) lifecycle.idle()
  }, 'noticing that all is sent')
  const open = () => {
    const all = exporters.all()
    for (const exporter of all) exporter.onIdle = onIdle
    sink = fanOut(all)
    return sink
  }
  return {
    push(span: SpanData) {
      try {
        ;(sink ?? open()).push(span)
        if (waiting) return
        waiting = true
        lifecycle.busy()
        threads.report(true)
      } catch (error) {
        patches.fault('taking a finished span', error)
      }
    },
  }
}
