import { performance } from 'node:perf_hooks'

/** A wall clock that differs from ours by more than this was set, or the machine slept. NTP slews by far less between two looks. */
const MAX_DRIFT_MICROS = 250_000

// As they were before the program could replace them, for its tests, by clocks that stand still.
const now = performance.now.bind(performance)
const wallMillis = Date.now

let anchor = performance.timeOrigin * 1000

/**
 * Microseconds to add to the monotonic clock to get microseconds since the epoch. A local root span takes it and hands it
 * down to its children, so within one trace of this process time never runs backwards, whatever happens to the wall clock.
 */
export function currentAnchor(): number {
  return anchor
}

/** Monotonic microseconds, with a fraction. */
export function monotonicMicros(): number {
  return now() * 1000
}

/** Follows the wall clock when it left us behind (clock set, machine suspended). Called when a batch is sent, not per span. */
export function followWallClock(millis = wallMillis()): void {
  const drift = millis * 1000 - (anchor + monotonicMicros())
  if (drift > MAX_DRIFT_MICROS || drift < -MAX_DRIFT_MICROS) anchor += drift
}
