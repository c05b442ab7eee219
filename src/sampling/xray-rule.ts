import type { AttributeList } from '../trace/data'
import { getAttribute } from '../trace/data'
import type { RequestFacts } from './request'
import { Wildcard } from './wildcard'

/** What rules say of the process that serves the request. */
export interface ServiceFacts {
  readonly name: string
  /** Such as `AWS::ECS::Container`. */
  readonly type: string | undefined
  readonly arn: string | undefined
}

/** Names of X-Ray for values of `cloud.platform`. */
const SERVICE_TYPES: Readonly<Record<string, string>> = {
  aws_ec2: 'AWS::EC2::Instance',
  aws_ecs: 'AWS::ECS::Container',
  aws_eks: 'AWS::EKS::Container',
  aws_elastic_beanstalk: 'AWS::ElasticBeanstalk::Environment',
  aws_lambda: 'AWS::Lambda::Function',
  aws_app_runner: 'AWS::AppRunner::Service',
}

export function describeService(name: string, resource: AttributeList): ServiceFacts {
  const platform = getAttribute(resource, 'cloud.platform')
  const arn =
    getAttribute(resource, 'aws.ecs.container.arn') ??
    getAttribute(resource, 'cloud.resource_id') ??
    getAttribute(resource, 'faas.id')
  return {
    name,
    type: typeof platform === 'string' && Object.hasOwn(SERVICE_TYPES, platform) ? SERVICE_TYPES[platform] : undefined,
    arn: typeof arn === 'string' ? arn : undefined,
  }
}

/** One rule of GetSamplingRules. `*` and `?` are wildcards in all texts, and case does not count. */
export interface RuleRecord {
  readonly name: string
  readonly priority: number
  readonly fixedRate: number
  readonly reservoirSize: number
  readonly host: string
  readonly method: string
  readonly path: string
  readonly serviceName: string
  readonly serviceType: string
  readonly resourceArn: string
  readonly attributes: readonly (readonly [key: string, value: string])[]
}

/** A target of SamplingTargets. Times are seconds since the epoch. */
export interface Target {
  readonly fixedRate: number | undefined
  readonly quota: number | undefined
  readonly quotaUntil: number | undefined
  readonly intervalSeconds: number | undefined
}

export interface Statistics {
  readonly requests: number
  readonly borrowed: number
  readonly sampled: number
}

/** How a request was decided: by the quota of the rule or by what may be borrowed of it; otherwise the fixed rate decides. */
export type Reserved = 'taken' | 'borrowed' | undefined

/** A rule at work: what it matches, its reservoir, and what it has counted since the last report. */
export class XRayRule {
  fixedRate: number
  private readonly host: Wildcard
  private readonly method: Wildcard
  private readonly path: Wildcard
  private readonly serviceName: Wildcard
  private readonly serviceType: Wildcard
  private readonly resourceArn: Wildcard
  private readonly attributes: readonly (readonly [key: string, value: Wildcard])[]
  private quota: number | undefined
  private quotaUntil = 0
  private second = 0
  private taken = 0
  private borrowed = 0
  private counts = { requests: 0, borrowed: 0, sampled: 0 }
  private reportEverySeconds = 0
  private reportedAt = 0

  constructor(readonly record: RuleRecord) {
    this.fixedRate = record.fixedRate
    this.host = new Wildcard(record.host)
    this.method = new Wildcard(record.method)
    this.path = new Wildcard(record.path)
    this.serviceName = new Wildcard(record.serviceName)
    this.serviceType = new Wildcard(record.serviceType)
    this.resourceArn = new Wildcard(record.resourceArn)
    this.attributes = record.attributes.map(([key, value]) => [key, new Wildcard(value)])
  }

  matches(request: RequestFacts, attributes: AttributeList, service: ServiceFacts): boolean {
    if (this.record.name === 'Default') return true
    return (
      this.method.matches(request.method) &&
      this.path.matches(request.path) &&
      this.matchesHost(request) &&
      this.serviceName.matches(service.name) &&
      this.serviceType.matches(service.type) &&
      this.resourceArn.matches(service.arn) &&
      this.matchesAttributes(attributes)
    )
  }

  /** Counts the request, and takes of the quota, or one a second where the quota is not known or too old. */
  reserve(nowSeconds: number): Reserved {
    this.counts.requests++
    const second = Math.floor(nowSeconds)
    if (second !== this.second) {
      this.second = second
      this.taken = 0
      this.borrowed = 0
    }
    if (this.quota !== undefined && nowSeconds <= this.quotaUntil) {
      if (this.taken >= this.quota) return undefined
      this.taken++
      this.counts.sampled++
      return 'taken'
    }
    if (this.record.reservoirSize <= 0 || this.borrowed >= 1) return undefined
    this.borrowed++
    this.counts.borrowed++
    return 'borrowed'
  }

  /** The fixed rate said yes. */
  countSampled(): void {
    this.counts.sampled++
  }

  update(target: Target): void {
    if (target.fixedRate !== undefined) this.fixedRate = target.fixedRate
    if (target.quota !== undefined) this.quota = target.quota
    if (target.quotaUntil !== undefined) this.quotaUntil = target.quotaUntil
    if (target.intervalSeconds !== undefined) this.reportEverySeconds = target.intervalSeconds
  }

  /** The same rule in a new list goes on where this one was. */
  continue(old: XRayRule): void {
    this.quota = old.quota
    this.quotaUntil = old.quotaUntil
    this.second = old.second
    this.taken = old.taken
    this.borrowed = old.borrowed
    this.counts = old.counts
    this.reportEverySeconds = old.reportEverySeconds
    this.reportedAt = old.reportedAt
  }

  /** What was counted since the last report, if there is something and it is time. */
  report(nowSeconds: number): Statistics | undefined {
    if (this.counts.requests === 0 || nowSeconds - this.reportedAt < this.reportEverySeconds) return undefined
    this.reportedAt = nowSeconds
    const report = this.counts
    this.counts = { requests: 0, borrowed: 0, sampled: 0 }
    return report
  }

  /** A report that X-Ray did not get counts again in the next one. */
  takeBack({ requests, borrowed, sampled }: Statistics): void {
    this.counts.requests += requests
    this.counts.borrowed += borrowed
    this.counts.sampled += sampled
    this.reportedAt = 0
  }

  private matchesHost({ host, port }: RequestFacts): boolean {
    return this.host.matches(host) || (port !== undefined && this.host.matches(`${host}:${port}`))
  }

  private matchesAttributes(attributes: AttributeList): boolean {
    for (const [key, value] of this.attributes) {
      const given = getAttribute(attributes, key)
      if (given === undefined || !value.matches(String(given))) return false
    }
    return true
  }
}
