/** One span through each of the chosen exporters, and what the backend said to it. */
import type { Loaded, Origin } from '../config/load'
import type { Exporter } from '../export/contract'
import { createExporters } from '../export/index'
import { createResource } from '../resource'
import { alwaysOn } from '../sampling/always'
import { ROOT } from '../trace/context'
import { FLAG_RANDOM, INTERNAL } from '../trace/data'
import { newSpanId, newTraceId, newXRayTraceId } from '../trace/ids'
import { DEFAULT_LIMITS } from '../trace/limits'
import { AgentTracerProvider } from '../trace/tracer'
import { collectingLog } from './collecting-log'
import { type Finding, fail, ok, warn } from './finding'

/** Long enough for a connection to be made, and for one that is refused to be tried a second time. */
const RETRY_MS = 4000
/** Nobody waits longer for a test, whatever the timeouts of the exporter are. */
const LONGEST_MS = 15_000

export async function checkExporters({ config, origins, pipelines }: Loaded, entry: string): Promise<Finding[]> {
  if (config.exporters.length === 0) return [warn(`${nameOf(origins.exporters)} is none: spans are sent nowhere`)]
  const findings: Finding[] = []
  const chosen = pipelines ?? config.exporters.map(exporter => ({ exporter, config, origins }))
  for (const { exporter: name, config: own, origins } of chosen) {
    const { log, said } = collectingLog()
    const { version } = require('../../../package.json')
    const batchTimeoutMs = Math.min(own.batchTimeoutMs || RETRY_MS, RETRY_MS)
    const only = { ...own, exporters: [name], batchTimeoutMs }
    // What is said of the service name stands above.
    const resource = createResource(config, collectingLog().log, version, entry)
    const [exporter] = createExporters({ config: only, origins, log, version }, resource)
    if (exporter !== undefined) findings.push(await send(exporter, config.traceIds === 'xray', said))
    else findings.push(...said.map(message => fail(message)))
  }
  return findings
}

function nameOf({ from, variable }: Origin): string {
  return (from === 'config file' ? variable : undefined) ?? 'OTEL_TRACES_EXPORTER'
}

async function send(exporter: Exporter, xrayIds: boolean, said: readonly string[]): Promise<Finding> {
  const provider = new AgentTracerProvider({
    sampler: alwaysOn,
    limits: DEFAULT_LIMITS,
    sink: exporter,
    newTraceId: xrayIds ? newXRayTraceId : newTraceId,
    newSpanId,
    rootFlags: FLAG_RANDOM,
  })
  const span = provider
    .getTracer('tracing-agent/doctor')
    .start('tracing-agent doctor', INTERNAL, ROOT, () => [], undefined)
  const { traceId } = span.spanContext()
  span.end()
  await within(LONGEST_MS, exporter.stop(LONGEST_MS))
  const { counts, name, target } = exporter
  if (counts.sent > 0) {
    const answer = target.startsWith('udp:') ? 'was sent a span, and UDP has no answers' : 'took a span'
    const warnings = said.length === 0 ? '' : ` (${said.join('; ')})`
    const text = `${name}: ${target} ${answer}: trace ${traceId}${warnings}`
    return said.length === 0 ? ok(text) : warn(text)
  }
  const reasons = [...counts.lost.keys()]
  const words = said.filter(message => !/spans? waits? /.test(message))
  if (words.length > 0) return fail(words.join('; '))
  return fail(`${name}: ${target} ${reasons.join(', ') || `did not answer within ${LONGEST_MS} ms`}`)
}

/** Sockets of exporters let a process end; this one waits. */
function within(longestMs: number, work: Promise<void>): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, longestMs)
    const finish = () => {
      clearTimeout(timer)
      resolve()
    }
    work.then(finish, finish)
  })
}
