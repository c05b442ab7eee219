/** A wall clock that differs from ours by more than this was set, or the machine slept. NTP slews by far less between two looks. */
const MAX_DRIFT_MICROS = 250_000

// As it was before the program could replace it, for its tests, by a clock that stands still.
export const wallMillis = Date.now

/** 0 before the first look at the clock. */
let anchor = 0

/** `performance.now()`. The module is loaded with the first look: it costs a millisecond, and many programs have no span. */
let now = (): number => {
  const { performance } = require('node:perf_hooks') as typeof import('node:perf_hooks')
  // Not `performance.now`, which the program may have replaced meanwhile.
  now = Object.getPrototypeOf(performance).now.bind(performance) as () => number
  anchor = performance.timeOrigin * 1000
  return now()
}

/** Monotonic milliseconds since the start of the process, with a fraction. */
export function monotonicMillis(): number {
  return now()
}

/** Monotonic microseconds, with a fraction. */
export function monotonicMicros(): number {
  return now() * 1000
}

/**
 * Microseconds to add to the monotonic clock to get microseconds since the epoch. A local root span takes it and hands it
 * down to its children, so within one trace of this process time never runs backwards, whatever happens to the wall clock.
 */
export function currentAnchor(): number {
  if (anchor === 0) now()
  return anchor
}

/** Follows the wall clock when it left us behind (clock set, machine suspended). Called when a batch is sent, not per span. */
export function followWallClock(millis = wallMillis()): void {
  const drift = millis * 1000 - (currentAnchor() + monotonicMicros())
  if (drift > MAX_DRIFT_MICROS || drift < -MAX_DRIFT_MICROS) anchor += drift
}
