import type { SpanContext } from '@opentelemetry/api'
import type { AttributeList, Kind } from '../trace/data'
import { DROPPED, SAMPLED, type Sampler, type SamplingResult } from './contract'
import { follow } from './parentbased'
import { Pattern } from './pattern'
import { RateLimiter, RateLimitSampler } from './rate'
import { type RequestFacts, readRequest } from './request'
import { TraceIdRatioSampler } from './traceidratio'

/** As Jaeger's clients: what is beyond is decided by the default probability. */
const MAX_OPERATIONS = 2000

/** What a sampling service answered, checked. */
export type Strategy =
  | { readonly ratio: number }
  | { readonly perSecond: number }
  | {
      readonly defaultRatio: number
      /** Every operation gets at least so many traces, whatever its ratio is. */
      readonly atLeastPerSecond: number
      readonly operations: ReadonlyMap<string, number>
    }

/**
 * Reads the JSON form of Jaeger's `SamplingStrategyResponse`; a string says what is wrong with it.
 *
 *     { strategyType: "PROBABILISTIC", probabilisticSampling: { samplingRate: 0.5 } }
 *     { strategyType: "RATE_LIMITING", rateLimitingSampling: { maxTracesPerSecond: 10 } }
 *     { …, operationSampling: { defaultSamplingProbability: 0.5, defaultLowerBoundTracesPerSecond: 0.1,
 *                               perOperationStrategies: [{ operation: "…", probabilisticSampling: { samplingRate: 1 } }] } }
 *
 * A part that is there says more than `strategyType`, which some versions give as a number and some leave out.
 */
export function parseStrategies(json: unknown): Strategy | string {
  const answer = record(json)
  const byOperation = record(answer?.operationSampling)
  if (byOperation !== undefined) return parseOperations(byOperation)
  const limiting = record(answer?.rateLimitingSampling)
  const isLimiting = answer?.strategyType === 'RATE_LIMITING' || answer?.strategyType === 1
  if (limiting !== undefined && (isLimiting || record(answer?.probabilisticSampling) === undefined)) {
    const perSecond = limiting.maxTracesPerSecond ?? 0
    return isRate(perSecond) ? { perSecond } : 'answered with a rate that is no number of traces per second'
  }
  const probabilistic = record(answer?.probabilisticSampling)
  if (probabilistic === undefined) return 'answered without a sampling strategy'
  // The JSON form of protocol buffers leaves out what is zero.
  const ratio = probabilistic.samplingRate ?? 0
  return isRatio(ratio) ? { ratio } : 'answered with a probability that is no number from 0 to 1'
}

function parseOperations(byOperation: Record<string, unknown>): Strategy | string {
  const defaultRatio = byOperation.defaultSamplingProbability ?? 0
  const atLeastPerSecond = byOperation.defaultLowerBoundTracesPerSecond ?? 0
  if (!isRatio(defaultRatio)) return 'answered with a default probability that is no number from 0 to 1'
  if (!isRate(atLeastPerSecond)) return 'answered with a lower bound that is no number of traces per second'
  const operations = new Map<string, number>()
  const list = byOperation.perOperationStrategies ?? []
  if (!Array.isArray(list)) return 'answered with strategies of operations that are no list'
  for (const item of list) {
    const operation = record(item)?.operation
    const ratio = record(record(item)?.probabilisticSampling)?.samplingRate ?? 0
    if (typeof operation !== 'string' || !isRatio(ratio)) return 'answered with a strategy of an operation that is none'
    if (operations.size < MAX_OPERATIONS) operations.set(operation, ratio)
  }
  return { defaultRatio, atLeastPerSecond, operations }
}

/** Samplers for answers. A rate limit that stays the same keeps its bucket: a poll is no reason for a burst. */
export class Strategies {
  private limit: { perSecond: number; sampler: Sampler } | undefined
  private readonly bounds: LowerBounds

  constructor(private readonly nowMs: () => number) {
    this.bounds = new LowerBounds(nowMs)
  }

  update(strategy: Strategy): Sampler {
    if ('ratio' in strategy) return new TraceIdRatioSampler(strategy.ratio)
    if ('perSecond' in strategy) {
      const { perSecond } = strategy
      if (this.limit?.perSecond !== perSecond) {
        this.limit = { perSecond, sampler: new RateLimitSampler(perSecond, this.nowMs) }
      }
      return this.limit.sampler
    }
    this.bounds.reset(strategy.atLeastPerSecond)
    return new OperationSampler(strategy.defaultRatio, strategy.operations, this.bounds)
  }
}

/** A token bucket for each operation. */
class LowerBounds {
  private readonly limiters = new Map<string, RateLimiter>()
  private perSecond = 0

  constructor(private readonly nowMs: () => number) {}

  reset(perSecond: number): void {
    if (perSecond === this.perSecond) return
    this.perSecond = perSecond
    this.limiters.clear()
  }

  take(operation: string): boolean {
    if (this.perSecond === 0) return false
    let limiter = this.limiters.get(operation)
    if (limiter === undefined) {
      if (this.limiters.size >= MAX_OPERATIONS) return false
      limiter = new RateLimiter(this.perSecond, this.nowMs)
      this.limiters.set(operation, limiter)
    }
    return limiter.take()
  }
}

/**
 * A ratio for each operation, but no operation goes without a trace. An operation is what the user sees in Jaeger: the
 * name of the span. That of a request is known only when it was routed, after this decision, so these also name it: `GET
 * /path`, `/path`, and either with `:name`, `{name}` or `*` where a route has them.
 */
class OperationSampler implements Sampler {
  readonly readsAttributes = true
  private readonly operations = new Map<string, Operation>()
  private readonly routes: { readonly pattern: Pattern; readonly operation: Operation }[] = []
  private readonly fallback: TraceIdRatioSampler

  constructor(
    defaultRatio: number,
    ratios: ReadonlyMap<string, number>,
    private readonly bounds: LowerBounds,
  ) {
    this.fallback = new TraceIdRatioSampler(defaultRatio)
    for (const [name, ratio] of ratios) {
      const operation = { name, sampler: new TraceIdRatioSampler(ratio) }
      this.operations.set(name, operation)
      const pattern = routePattern(name)
      if (pattern !== undefined) this.routes.push({ pattern, operation })
    }
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    const operation = this.operations.get(name) ?? this.named(readRequest(kind, attributes))
    // The token is taken even where the ratio alone says yes: the bound counts all traces of the operation. What began
    // elsewhere may have been kept for the sake of the bound there.
    const due = parent === undefined ? this.bounds.take(operation?.name ?? name) : follow(parent).sampled
    return (operation?.sampler ?? this.fallback).keeps(parent, traceId) || due ? SAMPLED : DROPPED
  }

  toString(): string {
    return `PerOperation{default=${this.fallback}, operations=${this.operations.size}}`
  }

  private named({ method, path, rpcMethod }: RequestFacts): Operation | undefined {
    if (rpcMethod !== undefined) return this.operations.get(rpcMethod) ?? this.operations.get(`/${rpcMethod}`)
    if (path === undefined) return undefined
    const request = `${method} ${path}`
    const exact = this.operations.get(request) ?? this.operations.get(path)
    if (exact !== undefined) return exact
    for (const { pattern, operation } of this.routes) {
      if (pattern.matches(request) || pattern.matches(path)) return operation
    }
    return undefined
  }
}

interface Operation {
  readonly name: string
  readonly sampler: TraceIdRatioSampler
}

function routePattern(operation: string): Pattern | undefined {
  const source = operation.replace(/\{[^/{}]*\}/g, ':name')
  if (!source.includes('/') || !/[:*]/.test(source)) return undefined
  const pattern = Pattern.path(source)
  return typeof pattern === 'number' ? undefined : pattern
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function isRatio(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1
}

function isRate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value)
}
