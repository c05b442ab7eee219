/**
 * Other agents in the same program. Whoever traces a program with one of the closed agents keeps it; what uses
 * OpenTelemetry joins our traces, without the spans that we make ourselves.
 */
import type { TracerOptions, TracerProvider } from '@opentelemetry/api'
import { packageFile } from './hook'
import type { InstrumentationRow } from './instrumentation'
import type { Log } from './log'
import { ShadowTracer } from './trace/passthrough'
import type { AgentTracer, AgentTracerProvider } from './trace/tracer'

/** Packages that patch the same functions and keep their spans to themselves, and the file in them that is loaded when they do. */
const CLOSED_AGENTS: readonly [name: string, file: string][] = [
  ['dd-trace', 'packages/dd-trace/index.js'],
  ['elastic-apm-node', 'lib/agent.js'],
  ['newrelic', 'lib/agent.js'],
]

/** Rows that do not instrument but notice: `found` is told the name of a closed agent that the program loads. */
export function noticeAgents(found: (name: string) => void): InstrumentationRow[] {
  return CLOSED_AGENTS.map(([name, file]) => ({
    name,
    module: name,
    files: [file],
    doc: '',
    load: () => ({ patch: () => found(name) }),
  }))
}

/** The closed agent that was loaded before us, if there is one. */
export function loadedAgent(): string | undefined {
  for (const filename of Object.keys(require.cache)) {
    const found = packageFile(filename)
    if (found === undefined) continue
    for (const [name, file] of CLOSED_AGENTS) if (found.name === name && found.file === file) return name
  }
  return undefined
}

/** Of OpenTelemetry there is one line, whichever part of it is met first. */
const OPENTELEMETRY = 'OpenTelemetry'
const REFUSED = { trace: 'tracer provider', context: 'context manager', propagation: 'propagator' } as const

/** The program starts an agent of OpenTelemetry itself, whose parts the API refuses: ours were there first. */
export function sayRefused(part: keyof typeof REFUSED, log: Log): void {
  log.warn(
    `stays: the program sets up OpenTelemetry, too, and its ${REFUSED[part]} comes second and is not used; remove one of the two`,
    OPENTELEMETRY,
  )
}

/** Instrumentations of OpenTelemetry by the names of their tracers, and ours that makes the same spans. */
const SAME_SPANS: ReadonlyMap<string, string> = new Map([
  ['@opentelemetry/instrumentation-http', 'http'],
  ['@opentelemetry/instrumentation-undici', 'undici'],
  ['@opentelemetry/instrumentation-grpc', 'grpc'],
  ['@opentelemetry/instrumentation-express', 'express'],
  ['@opentelemetry/instrumentation-router', 'express'],
])

/** A provider for the program: its own tracers, but none for what our instrumentations trace already. */
export class ProgramProvider implements TracerProvider {
  /** @param rows our instrumentations at work */
  constructor(
    private readonly provider: AgentTracerProvider,
    private readonly rows: readonly InstrumentationRow[],
    private readonly log: Log,
  ) {}

  getTracer(name: string, version?: string, options?: TracerOptions): AgentTracer | ShadowTracer {
    const ours = SAME_SPANS.get(name)
    if (ours === undefined || !this.rows.some(row => row.name === ours)) {
      return this.provider.getTracer(name, version, options)
    }
    this.log.warn(
      `instrumentations of OpenTelemetry are at work, too (${name}): their spans go where those of this agent go, and what it makes itself is left out`,
      OPENTELEMETRY,
    )
    return new ShadowTracer(ours === 'undici')
  }
}
