import { randomBytes } from 'node:crypto'
import { SamplingService } from './ask'
import type { RuleRecord, Statistics, Target } from './xray-rule'

/** Pages of GetSamplingRules; an account has at most 25 rules unless AWS allows more. */
const MAX_PAGES = 20
/** Lines to the user for one answer: one says enough, and a stranger may say it a million times. */
const MAX_UNPROCESSED = 5
/** Times in seconds since the epoch are smaller than this, in milliseconds larger. */
const MILLIS_FROM = 1e11

export interface Targets {
  readonly byRule: ReadonlyMap<string, Target>
  /** Seconds since the epoch. */
  readonly lastRuleModification: number
  /** Statistics that were not taken: rule and reason. */
  readonly unprocessed: readonly string[]
}

/** The two calls of the X-Ray API for sampling, through the daemon, which signs them (X-Ray API reference). */
export class XRaySamplingApi {
  private readonly service: SamplingService
  /** Tells this process from others that report on the same rules: 24 hex digits. */
  private readonly clientId = randomBytes(12).toString('hex')

  constructor(endpoint: URL) {
    this.service = new SamplingService(endpoint)
  }

  /** All rules, in the order in which they are tried: by priority, then by name. */
  async rules(): Promise<RuleRecord[]> {
    const found: RuleRecord[] = []
    let nextToken: unknown
    for (let page = 0; page < MAX_PAGES; page++) {
      const body = typeof nextToken === 'string' ? { NextToken: nextToken } : {}
      const answer = (await this.service.ask('/GetSamplingRules', JSON.stringify(body))) as any
      found.push(...parseRules(answer))
      nextToken = answer.NextToken
      if (typeof nextToken !== 'string' || nextToken === '') break
    }
    return found.sort(byPriority)
  }

  async targets(statistics: ReadonlyMap<string, Statistics>, nowSeconds: number): Promise<Targets> {
    const documents = [...statistics].map(([name, { borrowed, requests, sampled }]) => ({
      RuleName: name,
      ClientID: this.clientId,
      RequestCount: requests,
      BorrowCount: borrowed,
      SampledCount: sampled,
      Timestamp: Math.floor(nowSeconds),
    }))
    const body = JSON.stringify({ SamplingStatisticsDocuments: documents })
    const answer = (await this.service.ask('/SamplingTargets', body)) as any
    return parseTargets(answer)
  }

  close(): void {
    this.service.close()
  }
}

/** @throws if it is no answer to GetSamplingRules */
export function parseRules(answer: any): RuleRecord[] {
  if (!Array.isArray(answer?.SamplingRuleRecords)) throw new Error('answered without sampling rules')
  const found: RuleRecord[] = []
  for (const item of answer.SamplingRuleRecords) {
    const rule = parseRule(item?.SamplingRule)
    if (rule !== undefined) found.push(rule)
  }
  return found
}

/** @throws if it is no answer to GetSamplingTargets */
export function parseTargets(answer: any): Targets {
  if (!Array.isArray(answer?.SamplingTargetDocuments)) throw new Error('answered without sampling targets')
  const byRule = new Map<string, Target>()
  for (const target of answer.SamplingTargetDocuments) {
    if (typeof target?.RuleName !== 'string') continue
    byRule.set(target.RuleName, {
      fixedRate: within(target.FixedRate, 1),
      quota: within(target.ReservoirQuota, Infinity),
      quotaUntil: seconds(target.ReservoirQuotaTTL),
      intervalSeconds: within(target.Interval, Infinity),
    })
  }
  const unprocessed = Array.isArray(answer.UnprocessedStatistics) ? answer.UnprocessedStatistics : []
  return {
    byRule,
    lastRuleModification: seconds(answer.LastRuleModification) ?? 0,
    unprocessed: unprocessed
      .slice(0, MAX_UNPROCESSED)
      .map((item: any) => `${text(item?.RuleName)}: ${text(item?.ErrorCode)} ${text(item?.Message)}`),
  }
}

/** Rules of version 1 are all there are; others would mean something that we do not know. */
function parseRule(rule: any): RuleRecord | undefined {
  if (rule?.Version !== 1 || typeof rule.RuleName !== 'string') return undefined
  const fixedRate = within(rule.FixedRate, 1)
  const priority = within(rule.Priority, Infinity)
  if (fixedRate === undefined || priority === undefined) return undefined
  const attributes = typeof rule.Attributes === 'object' && rule.Attributes !== null ? rule.Attributes : {}
  return {
    name: rule.RuleName,
    priority,
    fixedRate,
    reservoirSize: within(rule.ReservoirSize, Infinity) ?? 0,
    host: wildcard(rule.Host),
    method: wildcard(rule.HTTPMethod),
    path: wildcard(rule.URLPath),
    serviceName: wildcard(rule.ServiceName),
    serviceType: wildcard(rule.ServiceType),
    resourceArn: wildcard(rule.ResourceARN),
    attributes: Object.entries(attributes).map(([key, value]) => [key, text(value)]),
  }
}

/** `Default` is last whatever its priority. */
function byPriority(a: RuleRecord, b: RuleRecord): number {
  if ((a.name === 'Default') !== (b.name === 'Default')) return a.name === 'Default' ? 1 : -1
  return a.priority - b.priority || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
}

/** A word of the other side; an object is none, and need not be one that becomes text. */
function text(value: unknown): string {
  return typeof value === 'object' ? '' : String(value)
}

function wildcard(value: unknown): string {
  return typeof value === 'string' ? value : '*'
}

function within(value: unknown, max: number): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= max ? value : undefined
}

/** A time as AWS writes it: seconds (with a fraction) since the epoch, or ISO 8601. */
function seconds(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const millis = Date.parse(value)
    return Number.isNaN(millis) ? undefined : millis / 1000
  }
  const number = within(value, Infinity)
  return number !== undefined && number >= MILLIS_FROM ? number / 1000 : number
}
