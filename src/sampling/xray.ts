import type { SpanContext } from '@opentelemetry/api'
import type { AttributeList, Kind } from '../trace/data'
import { DROPPED, SAMPLED, type Sampler, type SamplingResult } from './contract'
import { readNumber } from './numbers'
import { repeater, type SamplerParts, unawaited, wallClock } from './parts'
import { readRequest } from './request'
import { readArgument, readHttpUrl } from './settings-argument'
import { TraceIdRatioSampler } from './traceidratio'
import { type Targets, XRaySamplingApi } from './xray-api'
import { XRayLocalSampler } from './xray-local'
import { describeService, type ServiceFacts, type Statistics, XRayRule } from './xray-rule'

/** What X-Ray's SDKs do: new rules every five minutes, targets every ten seconds, rules trusted for an hour. */
const RULES_EVERY_SECONDS = 300
const TARGETS_EVERY_SECONDS = 10
const RULES_EXPIRE_SECONDS = 3600
/** Part of an interval by which many processes that started together drift apart. */
const JITTER = 0.1

/**
 * X-Ray's centralized sampling (X-Ray developer guide, "Using sampling rules with the X-Ray API"), through the daemon.
 *
 * The first rule that matches decides: by its quota for this second, or by one borrowed request a second as long as no
 * quota is known, and beyond that by its fixed rate. What was counted goes to X-Ray, which answers with quotas. Without rules of
 * the last hour, or where none matches, local rules decide.
 */
export class XRaySampler implements Sampler {
  readonly readsAttributes = true
  private rules: XRayRule[] | undefined
  private rulesAt = 0
  private api: XRaySamplingApi | undefined
  private stopTimers: (() => void)[] = []
  private failed = false
  private readonly ratios = new Map<number, TraceIdRatioSampler>()
  private service: ServiceFacts = { name: '', type: undefined, arn: undefined }

  private constructor(
    private readonly endpoint: URL,
    private readonly rulesEverySeconds: number,
    private readonly local: XRayLocalSampler,
    private readonly parts: SamplerParts,
    private readonly wallMs: () => number,
  ) {}

  /** @param argument `endpoint=http://host:port,polling_interval=seconds,rules=/path/to/local-rules.json` */
  static parse(argument: string | undefined, parts: SamplerParts): XRaySampler {
    const daemon = parts.xrayDaemon ?? '127.0.0.1:2000'
    const values = readArgument(
      argument,
      {
        endpoint: { read: readHttpUrl, expected: 'an http or https address', fallback: `http://${daemon}/` },
        polling_interval: { read: readSeconds, expected: 'seconds, at least 1', fallback: RULES_EVERY_SECONDS },
        rules: { read: text => text || undefined, expected: 'a file', fallback: undefined as string | undefined },
      },
      parts.log,
    )
    const wallMs = wallClock(parts)
    const local = XRayLocalSampler.fromFile(values.rules, parts.log, wallMs)
    return new XRaySampler(new URL(values.endpoint), values.polling_interval, local, parts, wallMs)
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    const now = this.wallMs() / 1000
    const rule = this.ruleFor(kind, attributes, now)
    if (rule === undefined) return this.local.shouldSample(parent, traceId, name, kind, attributes)
    if (rule.reserve(now) !== undefined) return SAMPLED
    if (!this.ratio(rule.fixedRate).keeps(parent, traceId)) return DROPPED
    rule.countSampled()
    return SAMPLED
  }

  start(): void {
    if (this.api !== undefined) return
    this.api = new XRaySamplingApi(this.endpoint)
    const every = repeater(this.parts)
    const fetchRules = unawaited(this.parts, () => this.fetchRules())
    const fetchTargets = unawaited(this.parts, () => this.fetchTargets())
    this.stopTimers = [
      every(jittered(this.rulesEverySeconds), fetchRules),
      every(jittered(TARGETS_EVERY_SECONDS), fetchTargets),
    ]
    fetchRules()
  }

  stop(): void {
    for (const stop of this.stopTimers) stop()
    this.api?.close()
    this.api = undefined
  }

  toString(): string {
    const { host, protocol } = this.endpoint
    return `XRaySampler{endpoint=${protocol}//${host}, rules=${this.rules?.length ?? this.local}}`
  }

  private ruleFor(kind: Kind, attributes: AttributeList, now: number): XRayRule | undefined {
    if (this.rules === undefined || now - this.rulesAt > RULES_EXPIRE_SECONDS) return undefined
    const request = readRequest(kind, attributes)
    for (const rule of this.rules) if (rule.matches(request, attributes, this.service)) return rule
    return undefined
  }

  private ratio(rate: number): TraceIdRatioSampler {
    let sampler = this.ratios.get(rate)
    if (sampler === undefined) {
      // Rates change when somebody edits a rule: the few there were are not worth counting, but they have an end.
      if (this.ratios.size > 1000) this.ratios.clear()
      sampler = new TraceIdRatioSampler(rate)
      this.ratios.set(rate, sampler)
    }
    return sampler
  }

  private async fetchRules(): Promise<void> {
    const { api } = this
    if (api === undefined) return
    try {
      const records = await api.rules()
      if (this.api !== api) return
      this.service = describeService(this.parts.serviceName, this.parts.resource?.attributes ?? [])
      const old = new Map(this.rules?.map(rule => [rule.record.name, rule]))
      this.rules = records.map(record => {
        const rule = new XRayRule(record)
        const before = old.get(record.name)
        if (before !== undefined) rule.continue(before)
        return rule
      })
      this.rulesAt = this.wallMs() / 1000
      this.parts.log.debug(`X-Ray sampling rules: ${records.map(record => record.name).join(', ') || 'none'}`)
      if (this.failed) this.parts.log.info(`The X-Ray daemon ${this.endpoint.host} gives sampling rules again.`)
      this.failed = false
    } catch (error) {
      if (this.api === api) this.complain(error)
    }
  }

  private async fetchTargets(): Promise<void> {
    const { api } = this
    if (api === undefined || this.rules === undefined) return
    const now = this.wallMs() / 1000
    const statistics = new Map<string, Statistics>()
    for (const rule of this.rules) {
      const report = rule.report(now)
      if (report !== undefined) statistics.set(rule.record.name, report)
    }
    if (statistics.size === 0) return
    try {
      const targets = await api.targets(statistics, now)
      if (this.api === api) await this.apply(targets)
    } catch (error) {
      if (this.api !== api) return
      for (const rule of this.rules) {
        const report = statistics.get(rule.record.name)
        if (report !== undefined) rule.takeBack(report)
      }
      this.complain(error)
    }
  }

  private async apply({ byRule, lastRuleModification, unprocessed }: Targets): Promise<void> {
    for (const rule of this.rules ?? []) {
      const target = byRule.get(rule.record.name)
      if (target !== undefined) rule.update(target)
    }
    for (const line of unprocessed) this.parts.log.warn(`X-Ray did not take the sampling statistics of ${line}`)
    if (lastRuleModification > this.rulesAt) await this.fetchRules()
  }

  private complain(error: unknown): void {
    if (!this.failed) {
      const used = this.rules === undefined ? this.local : 'the last rules for an hour, then local ones'
      this.parts.log.warn(
        `No sampling rules from the X-Ray daemon ${this.endpoint.host} (${(error as Error | undefined)?.message}): ${used} count until then. AWS_XRAY_DAEMON_ADDRESS selects the daemon.`,
      )
    }
    this.failed = true
  }
}

function readSeconds(text: string): number | undefined {
  const seconds = readNumber(text)
  return seconds !== undefined && seconds >= 1 && seconds <= 86_400 ? seconds : undefined
}

function jittered(seconds: number): number {
  return seconds * 1000 * (1 + JITTER * Math.random())
}
