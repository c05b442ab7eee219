/** Joins the parts of an exporter. Loaded with the first span that is finished. */
import type { Log } from '../log'
import type { Resource } from '../trace/data'
import { BatchExporter } from './batch'
import type { Exporter } from './contract'
import type { PlannedExporter } from './index'
import { Notices } from './notices'
import { Pipe } from './pipe'
import { retrying } from './retry'

export function createExporter(planned: PlannedExporter, log: Log, resource: Resource): Exporter {
  const { config, name, origins, plan } = planned
  // Called only when the exporter exists and has sent something.
  const transport = retrying(planned.transport, reply => exporter.noticeUnreachable(reply))
  const own = plan.timeoutMs || Infinity
  const general = config.batchTimeoutMs || Infinity
  const pipe = new Pipe(plan.encoding, transport, resource, Math.min(own, general))
  const time =
    own <= general
      ? plan.timeoutVariable && `${plan.timeoutVariable} is ${own} ms`
      : `${origins['batchTimeoutMs']?.variable ?? 'OTEL_BSP_EXPORT_TIMEOUT'} is ${general} ms`
  const queue = origins['maxQueueSize']?.variable
  const notices = new Notices(log, name, pipe.target, { ...plan.advice, time }, config.maxQueueSize, queue)
  const options = {
    name,
    transport: plan.transport,
    maxQueueSpans: config.maxQueueSize,
    maxBatchSpans: config.maxBatchSize,
    delayMs: Math.min(config.batchDelayMs, plan.maxDelayMs ?? Infinity),
  }
  const exporter = new BatchExporter(pipe, options, notices)
  return plan.front === undefined ? exporter : plan.front(exporter)
}
