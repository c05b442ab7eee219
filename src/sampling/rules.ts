import type { SpanContext } from '@opentelemetry/api'
import type { AttributeList, Kind } from '../trace/data'
import { alwaysOff, alwaysOn } from './always'
import type { Sampler, SamplingResult } from './contract'
import { monotonicClock, type SamplerParts } from './parts'
import { RateLimitSampler } from './rate'
import { readRequest } from './request'
import { type Decision, parseRules, type Rule } from './rule-language'
import { TraceIdRatioSampler } from './traceidratio'

/** Decides by the first rule that matches the request; what no rule matches is on. */
export class RulesSampler implements Sampler {
  readonly readsAttributes = true
  private readonly decisions: readonly Sampler[]

  constructor(
    private readonly rules: readonly Rule[],
    nowMs: () => number,
  ) {
    this.decisions = rules.map(rule => decide(rule.decision, nowMs))
  }

  /** Mistakes are said to `log`; the other rules count. */
  static parse(text: string, parts: SamplerParts): RulesSampler {
    const { log } = parts
    const { rules, mistakes } = parseRules(text)
    for (const { rule, source, column, what } of mistakes) {
      log.warn(`OTEL_TRACES_SAMPLER_ARG, rule ${rule} "${source}", column ${column}: ${what}. The rule is left out.`)
    }
    if (rules.length === 0) {
      log.warn('OTEL_TRACES_SAMPLER_ARG holds no rule: every trace is recorded.')
    }
    return new RulesSampler(rules, monotonicClock(parts))
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    const request = readRequest(kind, attributes)
    for (let i = 0; i < this.rules.length; i++) {
      if ((this.rules[i] as Rule).matches(request)) {
        return (this.decisions[i] as Sampler).shouldSample(parent, traceId, name, kind, attributes)
      }
    }
    return alwaysOn.shouldSample(parent, traceId, name, kind, attributes)
  }

  toString(): string {
    return `Rules{${this.rules.map(rule => rule.source).join('; ')}}`
  }
}

function decide(decision: Decision, nowMs: () => number): Sampler {
  if ('perSecond' in decision) return new RateLimitSampler(decision.perSecond, nowMs)
  if (decision.ratio === 1) return alwaysOn
  return decision.ratio === 0 ? alwaysOff : new TraceIdRatioSampler(decision.ratio)
}
