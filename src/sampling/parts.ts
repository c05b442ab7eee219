import { guardAsync } from '../guard'
import type { Log } from '../log'
import { now, startInterval, stopInterval, wallMillis } from '../timers'
import type { Resource } from '../trace/data'

/** What samplers may need to know of this process. */
export interface SamplerParts {
  readonly log: Log
  /** Read when a remote sampler first asks, not before. */
  readonly serviceName: string
  /** TCP address of the X-Ray daemon, `host:port`. */
  readonly xrayDaemon?: string
  /** What this process runs on, which rules of X-Ray may name. */
  readonly resource?: Resource
  /** Milliseconds of a clock that never goes backwards. */
  readonly nowMs?: () => number
  /** Milliseconds since the epoch. */
  readonly wallMs?: () => number
  /** Does the work again and again, until the function that it returns is called. */
  readonly every?: (ms: number, work: () => void) => () => void
}

/** The monotonic clock of these parts. */
export function monotonicClock({ nowMs }: SamplerParts): () => number {
  return nowMs ?? now
}

/** The wall clock of these parts. */
export function wallClock({ wallMs }: SamplerParts): () => number {
  return wallMs ?? wallMillis
}

/** The timer of these parts: one that keeps no process alive. */
export function repeater({ every }: SamplerParts): NonNullable<SamplerParts['every']> {
  return every ?? everyUnref
}

/** Work that nobody waits for, and whose fault is told. */
export function unawaited({ log }: SamplerParts, work: () => Promise<void>): () => void {
  return guardAsync(work, error => log.warn(`fault in the sampler, the program goes on: ${error}`, 'fault sampler'))
}

function everyUnref(ms: number, work: () => void): () => void {
  const timer = startInterval(work, ms)
  timer.unref()
  return () => stopInterval(timer)
}
