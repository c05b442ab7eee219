import * as clock from './trace/clock'

/**
 * Timers and clock as they were before the program could replace them: test frameworks put fake ones into their place, and
 * complain about timers that are not theirs.
 */
export const startTimer = setTimeout
export const stopTimer = clearTimeout
export const startInterval = setInterval
export const stopInterval = clearInterval
export const nextTurn = setImmediate
/** Monotonic milliseconds. */
export const now = clock.monotonicMillis
export const wallMillis = clock.wallMillis
