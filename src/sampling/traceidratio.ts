import type { SpanContext } from '@opentelemetry/api'
import { DROPPED, SAMPLED, type Sampler, type SamplingResult } from './contract'

/** Hex digits of the random part of a trace id: its right-most 7 bytes (W3C Trace Context level 2). */
const RANDOM_DIGITS = 14
const TWO_28 = 2 ** 28
const TWO_56 = 2 ** 56

/**
 * Keeps the given part of all traces, the same ones wherever the same ratio is asked: a trace is kept when its
 * randomness R (56 bits) is at least the rejection threshold T = (1 - ratio) * 2^56, so what a smaller ratio keeps, a larger
 * one keeps too (OpenTelemetry, "TraceState: Probability Sampling"). R is the `rv` of the `ot` member of the tracestate where
 * a caller gave one, and otherwise the last 14 digits of the trace id.
 */
export class TraceIdRatioSampler implements Sampler {
  readonly readsAttributes = false
  /** T, in two halves: a double does not hold 56 bits. Ratio 0 needs no case of its own: no R reaches 2^56. */
  private readonly high: number
  private readonly low: number

  /** @param ratio from 0 (none) to 1 (all) */
  constructor(readonly ratio: number) {
    const threshold = Math.round((1 - ratio) * TWO_56)
    this.high = Math.floor(threshold / TWO_28)
    this.low = threshold - this.high * TWO_28
  }

  shouldSample(parent: SpanContext | undefined, traceId: string): SamplingResult {
    return this.keeps(parent, traceId) ? SAMPLED : DROPPED
  }

  keeps(parent: SpanContext | undefined, traceId: string): boolean {
    const random = (parent?.traceState && explicitRandomness(parent.traceState.get('ot'))) || traceId
    const from = random.length - RANDOM_DIGITS
    const high = Number.parseInt(random.slice(from, from + 7), 16)
    return high > this.high || (high === this.high && Number.parseInt(random.slice(from + 7), 16) >= this.low)
  }

  toString(): string {
    return `TraceIdRatioBased{${this.ratio}}`
  }
}

/** The `rv:` of an OpenTelemetry tracestate value such as `th:8;rv:9b8233f7e3a151`: 14 lower-case hex digits. */
function explicitRandomness(ot: string | undefined): string | undefined {
  if (ot === undefined) return undefined
  for (const field of ot.split(';')) {
    if (field.length === 3 + RANDOM_DIGITS && field.startsWith('rv:') && /^[0-9a-f]+$/.test(field.slice(3))) {
      return field.slice(3)
    }
  }
  return undefined
}
