import { EXPORTERS, type ExporterName } from '../names'
import { option } from '../row'
import { integer, millis, namesOf, oneOf, text, timeout } from '../types'

export const EXPORT = {
  exporters: option<readonly ExporterName[]>({
    env: 'OTEL_TRACES_EXPORTER',
    aliases: ['OTEL_EXPORTER'],
    type: namesOf(EXPORTERS),
    default: ['otlp'],
    doc: 'Where spans go; several are separated by commas.',
  }),
  batchDelayMs: option({
    env: 'OTEL_BSP_SCHEDULE_DELAY',
    type: millis,
    default: 5000,
    doc: 'Longest time that a finished span waits for others before a batch is sent.',
  }),
  batchTimeoutMs: option({
    env: 'OTEL_BSP_EXPORT_TIMEOUT',
    type: timeout,
    default: 30000,
    doc: 'Longest time for a batch with all its retries.',
  }),
  maxQueueSize: option({
    env: 'OTEL_BSP_MAX_QUEUE_SIZE',
    type: integer(1),
    default: 2048,
    doc: 'Most finished spans that wait to be sent; more are dropped and counted.',
  }),
  maxBatchSize: option({
    env: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
    type: integer(1),
    default: 512,
    doc: 'Most spans of a batch; at most OTEL_BSP_MAX_QUEUE_SIZE.',
  }),
  consoleFormat: option({
    env: 'TRACING_AGENT_CONSOLE_FORMAT',
    type: oneOf(['tree', 'json']),
    default: 'tree',
    doc: 'What the exporter console prints: a tree for each trace, or a line of JSON for each span.',
  }),
  consoleOutput: option({
    env: 'TRACING_AGENT_CONSOLE_OUTPUT',
    type: oneOf(['stderr', 'stdout']),
    default: 'stderr',
    doc: 'Where the exporter console prints: stderr, because stdout belongs to the program.',
  }),
  noColor: option({
    env: 'NO_COLOR',
    type: text,
    default: '',
    doc: 'Any value: the exporter console uses no colours. They are used on a terminal only.',
  }),
  filePath: option({
    env: 'TRACING_AGENT_FILE',
    type: text,
    default: 'traces.jsonl',
    doc: 'File to which the exporter file appends lines of OTLP JSON. %p becomes the process id.',
  }),
}
