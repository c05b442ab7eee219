import type { SpanContext } from '@opentelemetry/api'
import { DROPPED, SAMPLED, type Sampler, type SamplingResult } from './contract'
import { follow } from './parentbased'

/** Part of an interval that rounding may cost, so that ten per second are ten and not nine. */
const ROUNDING = 1e-6

/**
 * So many per second: a token bucket that holds one second's worth (at least one) and begins full.
 *
 * It is kept as the time at which the bucket would be full again (the "theoretical arrival time" of the generic cell rate
 * algorithm) and not as a balance, which would lose or gain a token by adding up rounded parts.
 */
export class RateLimiter {
  private readonly intervalMs: number
  private readonly burstMs: number
  private fullAtMs = Number.NEGATIVE_INFINITY

  /**
   * @param perSecond 0 for never; parts are allowed: 0.5 is one every two seconds
   * @param nowMs a clock that never goes backwards
   */
  constructor(
    readonly perSecond: number,
    private readonly nowMs: () => number,
  ) {
    this.intervalMs = 1000 / perSecond
    this.burstMs = (Math.max(1, perSecond) - 1 + ROUNDING) * this.intervalMs
  }

  /** Takes a token if there is one. */
  take(): boolean {
    if (this.perSecond === 0) return false
    const now = this.nowMs()
    if (now + this.burstMs < this.fullAtMs) return false
    this.fullAtMs = Math.max(this.fullAtMs, now) + this.intervalMs
    return true
  }
}

/** So many traces per second of those that begin here. One that began elsewhere was decided there: half of it helps nobody. */
export class RateLimitSampler implements Sampler {
  readonly readsAttributes = false
  private readonly limiter: RateLimiter

  constructor(perSecond: number, nowMs: () => number) {
    this.limiter = new RateLimiter(perSecond, nowMs)
  }

  shouldSample(parent: SpanContext | undefined): SamplingResult {
    if (parent !== undefined) return follow(parent)
    return this.limiter.take() ? SAMPLED : DROPPED
  }

  toString(): string {
    return `RateLimit{${this.limiter.perSecond}/s}`
  }
}
