import { writeSync } from 'node:fs'
import { maskCredentials } from './credentials'

/** In order of loudness; `OTEL_LOG_LEVEL`. */
export const LOG_LEVELS = ['none', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Words to the user: one line each, on stderr, never twice, without the credentials of URLs. */
export interface Log {
  readonly level: LogLevel
  error(message: string): void
  /** Said once for each different message, or once for `key`. */
  warn(message: string, key?: string): void
  info(message: string): void
  debug(message: string): void
}

/** Distinct messages remembered, so that a message with a changing part cannot fill the memory or the terminal. */
const MAX_REMEMBERED = 1000

export function createLog(level: LogLevel, write: (line: string) => void = writeStderr): Log {
  const loudness = LOG_LEVELS.indexOf(level)
  const said = new Set<string>()
  const say = (at: number, message: string, key: string) => {
    if (loudness < at || said.has(key) || said.size >= MAX_REMEMBERED) return
    said.add(key)
    tell(message)
  }
  const tell = (message: string) => {
    try {
      write(asLine(message))
    } catch {
      // There is nobody left to tell it.
    }
  }
  return {
    level,
    error: message => say(1, message, message),
    warn: (message, key = message) => say(2, message, key),
    info: message => say(3, message, message),
    debug: message => {
      if (loudness >= 4) tell(message)
    },
  }
}

function asLine(message: string): string {
  return `tracing-agent: ${printable(maskCredentials(message))}\n`
}

/** Control characters as \\xNN: what a stranger sent must not draw on the terminal or forge a line. */
export function printable(message: string): string {
  return message.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, character => {
    return character === '\t' ? ' ' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

/** Synchronously and past `process.stderr`, which a program may have replaced, counted or closed. */
function writeStderr(line: string): void {
  try {
    writeSync(2, line)
  } catch {
    // A closed or full stderr is no reason to trouble the program.
  }
}
