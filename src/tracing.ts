/** What makes spans and headers: loaded with the first module that is traced, or with the first call of the API. */
import type { TracerProvider } from '@opentelemetry/api'
import type { Config } from './config/load'
import type { InstrumentationRow, Tools } from './instrumentation'
import type { Log } from './log'
import { ProgramProvider } from './otheragents'
import type { Patches } from './patch'
import { createPropagator, type Propagator, type PropagatorParts } from './propagation/index'
import { createSettings } from './settings'
import { PassThroughProvider } from './trace/passthrough'
import { AgentTracerProvider, type TracerParts } from './trace/tracer'

export interface Tracing {
  /** For the program. */
  readonly provider: TracerProvider
  readonly propagator: Propagator
  /** For an instrumentation with this name. */
  toolsFor(name: string): Tools
}

/** @param rows our instrumentations at work */
export function createTracing(
  config: Config,
  tracerParts: TracerParts,
  propagatorParts: PropagatorParts,
  rows: readonly InstrumentationRow[],
  patches: Patches,
  log: Log,
  version: string,
): Tracing {
  const propagator = createPropagator(config.propagators, propagatorParts)
  const tracers = config.disabled ? new PassThroughProvider() : new AgentTracerProvider(tracerParts)
  const provider = tracers instanceof AgentTracerProvider ? new ProgramProvider(tracers, rows, log) : tracers
  const settings = createSettings(config)
  const toolsFor = (name: string): Tools => ({
    tracer: tracers.getTracer(`tracing-agent/${name}`, version),
    settings,
    log,
    inject: (context, carrier, setter) => propagator.inject(context, carrier, setter),
    extract: (context, carrier, getter) => propagator.extract(context, carrier, getter),
    injectedHeaders: propagator.injectedHeaders,
    answer: propagator.answer,
    wrap: (target, key, make) => patches.wrap(target, key, make),
    subscribe: (channel, listener) => patches.subscribe(channel, listener),
    guard: fn => patches.guard(fn, `${name}: ${fn.name || 'a callback'}`),
    onUncaught: hear => patches.onUncaught(patches.guard(hear, `${name}: an uncaught exception`)),
    atExit: finish => patches.atExit(patches.guard(finish, `${name}: the end of the thread`)),
    fault: (place, error) => patches.fault(`${name}: ${place}`, error),
  })
  return { provider, propagator, toolsFor }
}
