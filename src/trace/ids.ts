import type { randomFillSync } from 'node:crypto'
import { wallMillis } from './clock'

/**
 * Bytes drawn from the CSPRNG at once. One call costs about as much as 300 ids, so a pool of 4 kB makes it vanish; a
 * larger one only delays the first span.
 */
const POOL_BYTES = 4096
const ZERO_SPAN_ID = '0000000000000000'
const ZERO_TRACE_ID = '00000000000000000000000000000000'

/** Loaded with the first id: it costs more than half of the builtins that a start needs. */
let fill: typeof randomFillSync | undefined
const pool = Buffer.allocUnsafeSlow(POOL_BYTES)
let hex = ''
let used = 0

/** `digits` random hex digits: a slice of the pool's text, which costs less than a conversion of its own. */
function take(digits: number): string {
  if (used + digits > hex.length) {
    fill ??= (require('node:crypto') as typeof import('node:crypto')).randomFillSync
    fill(pool)
    hex = pool.toString('hex')
    used = 0
  }
  const from = used
  used += digits
  return hex.slice(from, used)
}

/** To compare a slice of a longer text, V8 leaves compiled code: the first digit spares that fifteen times of sixteen. */
function isZero(id: string, zero: string): boolean {
  return id.charCodeAt(0) === 48 /* 0 */ && id === zero
}

/** 16 lower-case hex digits, never all zero. */
export function newSpanId(): string {
  const id = take(16)
  return isZero(id, ZERO_SPAN_ID) ? newSpanId() : id
}

/** 32 lower-case hex digits, never all zero: 128 random bits. */
export function newTraceId(): string {
  const id = take(32)
  return isZero(id, ZERO_TRACE_ID) ? newTraceId() : id
}

/**
 * A trace id that AWS X-Ray accepts: the first 8 digits are the current time in seconds, 96 bits are random
 * (X-Ray developer guide, "Trace ID format").
 */
export function newXRayTraceId(): string {
  const seconds = Math.floor(wallMillis() / 1000)
  return seconds.toString(16).padStart(8, '0') + take(24)
}
