import { readFileSync } from 'node:fs'
import type { SpanContext } from '@opentelemetry/api'
import type { Log } from '../log'
import type { AttributeList, Kind } from '../trace/data'
import { DROPPED, SAMPLED, type Sampler, type SamplingResult } from './contract'
import { type RequestFacts, readRequest } from './request'
import { TraceIdRatioSampler } from './traceidratio'
import { Wildcard } from './wildcard'

/** So many in each second of the clock, and a part of the rest. */
interface LocalRule {
  readonly fixedTarget: number
  readonly rate: number
  readonly host: string
  readonly method: string
  readonly path: string
}

/** What X-Ray's own SDKs do without a daemon: the first request of each second, and 5 % of the others. */
const DEFAULT: LocalRule = { fixedTarget: 1, rate: 0.05, host: '*', method: '*', path: '*' }

/** Decides by rules of this machine: those of a file, or the default. */
export class XRayLocalSampler implements Sampler {
  readonly readsAttributes = true
  private readonly rules: readonly Reservoir[]

  /** @param rules in the order in which they are tried; the last one must match everything */
  constructor(
    rules: readonly LocalRule[],
    private readonly wallMs: () => number,
  ) {
    this.rules = (rules.length === 0 ? [DEFAULT] : rules).map(rule => new Reservoir(rule))
  }

  /**
   * Reads a file of local sampling rules as X-Ray's SDKs take it, version 2 (version 1 says `service_name` for `host`). A
   * file with a mistake is said and not used.
   *
   *     { "version": 2, "default": { "fixed_target": 1, "rate": 0.05 },
   *       "rules": [{ "description": "…", "host": "*", "http_method": "*", "url_path": "/api/*", "fixed_target": 0, "rate": 0.5 }] }
   */
  static fromFile(path: string | undefined, log: Log, wallMs: () => number): XRayLocalSampler {
    if (path === undefined) return new XRayLocalSampler([], wallMs)
    try {
      return new XRayLocalSampler(parseRules(readFileSync(path, 'utf8')), wallMs)
    } catch (error) {
      log.warn(`X-Ray sampling rules ${path}: ${(error as Error).message}; 1 request per second and 5 % are used.`)
      return new XRayLocalSampler([], wallMs)
    }
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    _name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    const request = readRequest(kind, attributes)
    for (const rule of this.rules) {
      if (rule.matches(request)) return rule.decide(parent, traceId, this.wallMs() / 1000) ? SAMPLED : DROPPED
    }
    return DROPPED
  }

  toString(): string {
    return `XRayLocal{rules=${this.rules.length}}`
  }
}

class Reservoir {
  private readonly host: Wildcard
  private readonly method: Wildcard
  private readonly path: Wildcard
  private readonly ratio: TraceIdRatioSampler
  private second = 0
  private taken = 0

  constructor(private readonly rule: LocalRule) {
    this.host = new Wildcard(rule.host)
    this.method = new Wildcard(rule.method)
    this.path = new Wildcard(rule.path)
    this.ratio = new TraceIdRatioSampler(rule.rate)
  }

  matches({ host, method, path }: RequestFacts): boolean {
    return this.host.matches(host) && this.method.matches(method) && this.path.matches(path)
  }

  decide(parent: SpanContext | undefined, traceId: string, nowSeconds: number): boolean {
    const second = Math.floor(nowSeconds)
    if (second !== this.second) {
      this.second = second
      this.taken = 0
    }
    if (this.taken < this.rule.fixedTarget) {
      this.taken++
      return true
    }
    return this.ratio.keeps(parent, traceId)
  }
}

function parseRules(text: string): LocalRule[] {
  const file = JSON.parse(text)
  if (file?.version !== 1 && file?.version !== 2) throw new Error('"version" must be 1 or 2')
  if (typeof file.default !== 'object' || file.default === null) throw new Error('"default" is missing')
  const rules = file.rules ?? []
  if (!Array.isArray(rules)) throw new Error('"rules" must be a list')
  return [
    ...rules.map((rule, i) => parseRule(rule, `rule ${i + 1}`, file.version === 1 ? 'service_name' : 'host')),
    { ...DEFAULT, ...numbers(file.default, 'default') },
  ]
}

function parseRule(rule: Record<string, unknown> | null, name: string, hostKey: string): LocalRule {
  if (typeof rule !== 'object' || rule === null) throw new Error(`${name} is no object`)
  for (const key of [hostKey, 'http_method', 'url_path']) {
    if (typeof rule[key] !== 'string') throw new Error(`${name}: "${key}" must be text`)
  }
  return {
    ...numbers(rule, name),
    host: rule[hostKey] as string,
    method: rule.http_method as string,
    path: rule.url_path as string,
  }
}

function numbers(rule: Record<string, unknown>, name: string): { fixedTarget: number; rate: number } {
  const { fixed_target: fixedTarget, rate } = rule
  if (!Number.isInteger(fixedTarget) || (fixedTarget as number) < 0) {
    throw new Error(`${name}: "fixed_target" must be a whole number, at least 0`)
  }
  if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1))
    throw new Error(`${name}: "rate" must be a number from 0 to 1`)
  return { fixedTarget: fixedTarget as number, rate }
}
