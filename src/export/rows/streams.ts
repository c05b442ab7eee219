/** Exporters that write to the standard streams. */
import type { isatty } from 'node:tty'
import { gathering } from '../gather'
import type { Plan, Settings } from '../index'
import { jsonLines, later } from '../later'

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
  if (config.consoleFormat === 'json') return { ...plan, encoding: json }
  return {
    ...plan,
    encoding: later('text/plain', Infinity, () => {
      const { consoleTree } = require('../encodings/console-tree') as typeof import('../encodings/console-tree')
      return consoleTree({ colours: config.noColor === '' && isTerminal(fd) })
    }),
    front: exporter => gathering(exporter, config.maxQueueSize),
  }
}

const json = later('application/jsonl', Infinity, () => {
  const { consoleJson } = require('../encodings/console-json') as typeof import('../encodings/console-json')
  return consoleJson
})

/** The builtin is loaded when it is asked: it brings that for sockets along. */
function isTerminal(fd: number): boolean {
  const tty = require('node:tty') as { isatty: typeof isatty }
  return tty.isatty(fd)
}

export function otlpStdout(): Plan {
  return {
    encoding: jsonLines,
    transport: { file: 'stdout', options: { fd: 1 } },
    timeoutMs: STREAM_TIMEOUT_MS,
    advice: { address: 'OTEL_EXPORTER=otlp/stdout writes to standard output' },
  }
}
