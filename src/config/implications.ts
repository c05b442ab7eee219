import type { Draft } from './load'
import type { Config } from './options'
import { OTLP } from './options/otlp'

/** What one setting implies for another that the user left open, and what two settings forbid each other. */
export function implications(draft: Draft): void {
  xray(draft)
  exporterImplications(draft)
}

/** The part of it that concerns one exporter. */
export function exporterImplications(draft: Draft): void {
  batchFitsQueue(draft)
  endpointHasScheme(draft, 'otlpEndpoint')
  endpointHasScheme(draft, 'otlpTracesEndpoint')
}

/** AWS X-Ray wants its own header and its own trace ids. */
export function xray(draft: Draft): void {
  const config = draft.config as unknown as Config
  const exporter = config.exporters.find(name => name === 'xray' || name === 'xray-api')
  const { origins } = draft
  if (exporter !== undefined && origins.propagators.from === 'default') {
    draft.config.propagators = Object.freeze([...config.propagators, 'xray'])
    origins.propagators = { from: 'implied', variable: `exporter ${exporter}` }
  }
  if (origins.traceIds.from !== 'default') return
  const propagator = (draft.config.propagators as Config['propagators']).find(
    name => name === 'xray' || name === 'xray-lambda',
  )
  const cause =
    exporter !== undefined
      ? `exporter ${exporter}`
      : config.sampler === 'xray'
        ? 'sampler xray'
        : propagator !== undefined
          ? `propagator ${propagator}`
          : undefined
  if (cause === undefined) return
  draft.config.traceIds = 'xray'
  origins.traceIds = { from: 'implied', variable: cause }
}

function batchFitsQueue(draft: Draft): void {
  const { maxBatchSize, maxQueueSize } = draft.config as unknown as Config
  if (maxBatchSize <= maxQueueSize) return
  const { from, variable } = draft.origins.maxBatchSize
  const queue = draft.origins.maxQueueSize.variable ?? 'OTEL_BSP_MAX_QUEUE_SIZE'
  draft.config.maxBatchSize = maxQueueSize
  if (from === 'default' || variable === undefined) {
    draft.origins.maxBatchSize = { from: 'implied', variable: queue }
    return
  }
  const expected = `at most ${queue}, which is ${maxQueueSize}`
  draft.problems.push({
    variable,
    value: String(maxBatchSize),
    expected,
    used: String(maxQueueSize),
    message: `${variable}="${maxBatchSize}": expected ${expected}; using ${maxQueueSize}`,
  })
}

/** Only gRPC has targets without http:// or https://. */
function endpointHasScheme(draft: Draft, name: 'otlpEndpoint' | 'otlpTracesEndpoint'): void {
  const config = draft.config as unknown as Config
  const value = config[name]
  if (value === '' || value.includes('://') || config.otlpProtocol === 'grpc') return
  const variable = draft.origins[name].variable ?? name
  const used = `http://${value}`
  draft.config[name] = used
  draft.problems.push({
    variable,
    value,
    expected: OTLP[name].type.expected,
    used,
    message: `${variable}="${value}": expected ${OTLP[name].type.expected}, and the protocol is ${config.otlpProtocol}; using ${used}`,
  })
}
