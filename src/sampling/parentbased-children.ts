/** A sampler for each of the five cases of a span: without parent, and with one that is near or far, sampled or not. */
import type { SpanContext } from '@opentelemetry/api'
import { type AttributeList, FLAG_SAMPLED, type Kind } from '../trace/data'
import { alwaysOff, alwaysOn } from './always'
import type { Sampler, SamplingResult } from './contract'
import type { SamplerParts } from './parts'

/** The cases by their names in configuration files, with the sampler that is usual (OpenTelemetry SDK, "ParentBased"). */
const CASES = {
  root: alwaysOn,
  remote_parent_sampled: alwaysOn,
  remote_parent_not_sampled: alwaysOff,
  local_parent_sampled: alwaysOn,
  local_parent_not_sampled: alwaysOff,
} as const satisfies Record<string, Sampler>
type Case = keyof typeof CASES
export type Children = Readonly<Record<Case, Sampler>>

export class FullParentBasedSampler implements Sampler {
  readonly readsAttributes: boolean
  readonly followsLocal: boolean
  private readonly all: readonly Sampler[]

  constructor(private readonly children: Children) {
    this.all = [...new Set(Object.values(children))]
    this.readsAttributes = this.all.some(child => child.readsAttributes)
    this.followsLocal =
      !children.local_parent_sampled.readsAttributes && !children.local_parent_not_sampled.readsAttributes
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    return this.childFor(parent).shouldSample(parent, traceId, name, kind, attributes)
  }

  start(): void {
    for (const child of this.all) child.start?.()
  }

  stop(): void {
    for (const child of this.all) child.stop?.()
  }

  toString(): string {
    const { children } = this
    return (
      `ParentBased{root=${children.root}, remoteParentSampled=${children.remote_parent_sampled}, ` +
      `remoteParentNotSampled=${children.remote_parent_not_sampled}, ` +
      `localParentSampled=${children.local_parent_sampled}, localParentNotSampled=${children.local_parent_not_sampled}}`
    )
  }

  private childFor(parent: SpanContext | undefined): Sampler {
    const { children } = this
    if (parent === undefined) return children.root
    const isSampled = (parent.traceFlags & FLAG_SAMPLED) !== 0
    if (parent.isRemote === true) return isSampled ? children.remote_parent_sampled : children.remote_parent_not_sampled
    return isSampled ? children.local_parent_sampled : children.local_parent_not_sampled
  }
}

/**
 * Reads `root=traceidratio(0.1); remote_parent_not_sampled=always_off`. What is wrong is said, and the usual sampler used.
 *
 * @param create makes a sampler of a name and an argument; undefined when there is none of that name
 */
export function parseChildren(
  argument: string,
  parts: SamplerParts,
  create: (name: string, argument: string | undefined) => Sampler | undefined,
): FullParentBasedSampler {
  const children: Record<string, Sampler> = { ...CASES }
  for (const part of splitOutside(argument)) {
    const equals = part.indexOf('=')
    const key = part.slice(0, Math.max(equals, 0)).trim()
    const match = /^\s*(\w+)\s*(?:\((.*)\))?\s*$/s.exec(part.slice(equals + 1))
    const child =
      match === null || !Object.hasOwn(CASES, key) ? undefined : create(match[1]!.toLowerCase(), match[2] || undefined)
    if (child !== undefined) children[key] = child
    else {
      parts.log.warn(
        `OTEL_TRACES_SAMPLER_ARG: "${part.trim()}" is not understood, expected one of ${Object.keys(CASES).join(', ')}, = and a sampler such as traceidratio(0.1); it is ignored.`,
      )
    }
  }
  return new FullParentBasedSampler(children as Children)
}

/** The parts between semicolons that are in no parentheses. */
function splitOutside(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i <= text.length; i++) {
    const character = text[i]
    if (character === '(') depth++
    else if (character === ')') depth--
    else if (i === text.length || (character === ';' && depth <= 0)) {
      if (text.slice(from, i).trim() !== '') parts.push(text.slice(from, i))
      from = i + 1
    }
  }
  return parts
}
