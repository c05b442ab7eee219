import type { TimeInput } from '@opentelemetry/api'

/**
 * Numbers below it are `performance.now()`, all others milliseconds since the epoch. As the former it is three years of
 * uptime, as the latter it is March 1973. The start of the process is no border: spans may tell of earlier work.
 */
const MAX_UPTIME_MS = 1e11
/** OTLP and its kin count nanoseconds since the epoch in 64 bits without a sign: until the year 2554. */
const MAX_MICROS = 2 ** 64 / 1000

/**
 * A time of @opentelemetry/api in microseconds since the epoch, or undefined when it is none.
 *
 * @param time a Date; `[seconds, nanoseconds]` since the epoch; milliseconds since the epoch; or `performance.now()`
 */
export function toMicros(time: TimeInput, anchorMicros: number): number | undefined {
  const micros = convert(time, anchorMicros)
  return micros >= 0 && micros < MAX_MICROS ? micros : undefined
}

/** NaN for what is no time. */
function convert(time: TimeInput, anchorMicros: number): number {
  if (typeof time === 'number') return time < MAX_UPTIME_MS ? anchorMicros + time * 1000 : time * 1000
  if (time instanceof Date) return time.getTime() * 1000
  if (Array.isArray(time)) return time[0] * 1e6 + time[1] / 1000
  return Number.NaN
}
