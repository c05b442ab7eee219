import { performance } from 'node:perf_hooks'
import type { TimeInput } from '@opentelemetry/api'

/**
 * A time of @opentelemetry/api in microseconds since the epoch, or undefined when it is none.
 *
 * @param time a Date; `[seconds, nanoseconds]` since the epoch; milliseconds since the epoch; or `performance.now()`,
 *   which is a number smaller than `performance.timeOrigin`
 */
export function toMicros(time: TimeInput, anchorMicros: number): number | undefined {
  if (typeof time === 'number') {
    if (!Number.isFinite(time)) return undefined
    return time < performance.timeOrigin ? anchorMicros + time * 1000 : time * 1000
  }
  if (time instanceof Date) {
    const millis = time.getTime()
    return Number.isNaN(millis) ? undefined : millis * 1000
  }
  if (Array.isArray(time) && Number.isFinite(time[0]) && Number.isFinite(time[1])) return time[0] * 1e6 + time[1] / 1000
  return undefined
}
