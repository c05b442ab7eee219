import { maskCredentials } from '../credentials'
import { LOG_LEVELS, type Log, printable } from '../log'

/** A log that collects what is said. */
export function collectingLog(): { log: Log; said: string[] } {
  const said: string[] = []
  const add = (message: string) => {
    const line = printable(maskCredentials(message))
    if (!said.includes(line)) said.push(line)
  }
  return { log: { level: LOG_LEVELS[2], error: add, warn: add, info: () => {}, debug: () => {} }, said }
}
