/** Exporters that write to the standard streams. */
import { isatty } from 'node:tty'
import { gathering } from '../gather'
import type { Plan, Settings } from '../index'

/** A person is watching: traces appear when they end, not five seconds later. */
const CONSOLE_DELAY_MS = 200
/** A reader that does not read for so long is none. */
const STREAM_TIMEOUT_MS = 10_000

export function console({ config }: Settings): Plan {
  const fd = config.consoleOutput === 'stdout' ? 1 : 2
  const plan = {
    transport: { file: 'stdout', options: { fd } },
    timeoutMs: STREAM_TIMEOUT_MS,
    advice: { address: 'TRACING_AGENT_CONSOLE_OUTPUT selects stderr or stdout' },
    maxDelayMs: CONSOLE_DELAY_MS,
  }
  if (config.consoleFormat === 'json') {
    const { consoleJson } = require('../encodings/console-json') as typeof import('../encodings/console-json')
    return { ...plan, encoding: consoleJson }
  }
  const { consoleTree } = require('../encodings/console-tree') as typeof import('../encodings/console-tree')
  return {
    ...plan,
    encoding: consoleTree({ colours: config.noColor === '' && isatty(fd) }),
    front: exporter => gathering(exporter, config.maxQueueSize),
  }
}

export function otlpStdout(): Plan {
  const { otlpJsonLines } = require('../encodings/otlp-json') as typeof import('../encodings/otlp-json')
  return {
    encoding: otlpJsonLines,
    transport: { file: 'stdout', options: { fd: 1 } },
    timeoutMs: STREAM_TIMEOUT_MS,
    advice: { address: 'OTEL_EXPORTER=otlp/stdout writes to standard output' },
  }
}
