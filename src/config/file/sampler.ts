/** `tracer_provider.sampler`: a tree of samplers becomes a name and an argument, as the variables have them. */
import { SAMPLERS, type SamplerName } from '../names'
import { url } from '../network-types'
import { millis, type Type } from '../types'
import type { Place } from './place'
import { readScalar } from './settings'

/** A value of `OTEL_TRACES_SAMPLER` and one of `OTEL_TRACES_SAMPLER_ARG`, which may be empty. */
export interface ChosenSampler {
  readonly name: SamplerName
  readonly argument: string
}

const ALWAYS_ON: ChosenSampler = { name: 'always_on', argument: '' }
const ALWAYS_OFF: ChosenSampler = { name: 'always_off', argument: '' }

const ratio: Type<number> = {
  expected: 'a number from 0 to 1',
  parse(text) {
    const number = Number(text)
    return number >= 0 && number <= 1 ? { value: number } : {}
  },
  show: String,
}

const STANDARD: Readonly<Record<string, (place: Place) => ChosenSampler | undefined>> = {
  always_on: place => empty(place, ALWAYS_ON),
  always_off: place => empty(place, ALWAYS_OFF),
  trace_id_ratio_based: byRatio,
  'probability/development': byRatio,
  parent_based: parentBased,
  'jaeger_remote/development': jaegerRemote,
  'composite/development': composite,
}

/** Undefined when nothing usable is there, which is said. */
export function readSampler(place: Place): ChosenSampler | undefined {
  const names = Object.keys(STANDARD)
  const choice = place.choice(names.join(', '))
  if (choice === undefined) return undefined
  const [name, inner] = choice
  if (Object.hasOwn(STANDARD, name)) return STANDARD[name]!(inner)
  if ((SAMPLERS as readonly string[]).includes(name)) return own(name as SamplerName, inner)
  place.unknown(name, [...names, ...SAMPLERS])
  return undefined
}

/** A sampler of this agent, by the name that `OTEL_TRACES_SAMPLER` has for it: `rules: { argument: … }`. */
function own(name: SamplerName, place: Place): ChosenSampler {
  const argument =
    place
      .map({ known: ['argument'] })
      .at('argument')
      ?.scalar('text')
      ?.text.trim() ?? ''
  return { name, argument }
}

function empty(place: Place, sampler: ChosenSampler): ChosenSampler {
  place.map({ known: [] })
  return sampler
}

function byRatio(place: Place): ChosenSampler {
  const value = readScalar(ratio, place.map({ known: ['ratio'] }).at('ratio'), '1')
  return { name: 'traceidratio', argument: String(value ?? 1) }
}

const CHILDREN = {
  root: ALWAYS_ON,
  remote_parent_sampled: ALWAYS_ON,
  remote_parent_not_sampled: ALWAYS_OFF,
  local_parent_sampled: ALWAYS_ON,
  local_parent_not_sampled: ALWAYS_OFF,
} as const

/** By the short name where there is one. */
function parentBased(place: Place): ChosenSampler {
  const fields = place.map({ known: Object.keys(CHILDREN) })
  const parts: string[] = []
  let root: ChosenSampler = CHILDREN.root
  for (const [key, usual] of Object.entries(CHILDREN)) {
    const child = fields.at(key)
    const chosen = (child === undefined || child.isNull ? undefined : readSampler(child)) ?? usual
    if (key === 'root') root = chosen
    else if (chosen.name !== usual.name) parts.push(`${key}=${written(chosen)}`)
  }
  return below(root, parts)
}

function below(root: ChosenSampler, parts: readonly string[]): ChosenSampler {
  const name = `parentbased_${root.name}`
  if (parts.length === 0 && (SAMPLERS as readonly string[]).includes(name)) {
    return { name: name as SamplerName, argument: root.argument }
  }
  return { name: 'parentbased', argument: [`root=${written(root)}`, ...parts].join('; ') }
}

function written({ argument, name }: ChosenSampler): string {
  return argument === '' ? name : `${name}(${argument})`
}

const address = url('http', 'https')

function jaegerRemote(place: Place): ChosenSampler {
  const fields = place.map({ known: ['endpoint', 'interval', 'initial_sampler'] })
  const parts: string[] = []
  const endpoint = readScalar(address, fields.at('endpoint'), 'http://localhost:5778/sampling')
  // Commas separate the parts of the argument, parentheses enclose it.
  if (endpoint !== undefined) parts.push(`endpoint=${endpoint.replace(/[,();]/g, percentEncode)}`)
  const interval = readScalar(millis, fields.at('interval'), '60000')
  if (interval !== undefined) parts.push(`pollingIntervalMs=${interval}`)
  const initial = fields.at('initial_sampler')
  const part = initial === undefined || initial.isNull ? undefined : initialRatio(readSampler(initial))
  if (part !== undefined) parts.push(`initialSamplingRate=${part}`)
  else initial?.say('expected always_on, always_off or trace_id_ratio_based; using a ratio of 0.001')
  return { name: 'jaeger_remote', argument: parts.join(',') }
}

/** Until the first answer a part of all traces is recorded; a sampler that asks the parent counts as its root. */
function initialRatio(sampler: ChosenSampler | undefined): string | undefined {
  const name = sampler?.name.replace(/^parentbased_/, '')
  if (name === 'always_on') return '1'
  if (name === 'always_off') return '0'
  return name === 'traceidratio' ? sampler!.argument : undefined
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`
}

/** Those of the composable samplers that decide as one of ours does. */
function composite(place: Place): ChosenSampler | undefined {
  const expected = 'always_on, always_off, probability, parent_threshold, parent_based'
  const choice = place.choice(expected)
  if (choice === undefined) return undefined
  const [name, inner] = choice
  const plain = name.replace(/\/development$/, '')
  if (plain === 'always_on') return empty(inner, ALWAYS_ON)
  if (plain === 'always_off') return empty(inner, ALWAYS_OFF)
  if (plain === 'probability') return byRatio(inner)
  if (plain === 'parent_threshold' || plain === 'parent_based') {
    const root = inner.map({ known: ['root'], unsupported: Object.keys(CHILDREN) }).at('root')
    const chosen = root === undefined ? ALWAYS_ON : composite(root)
    return chosen === undefined ? undefined : below(chosen, [])
  }
  if (plain === 'rule_based')
    inner.say('is not supported: the sampler rules of this agent decides by rules, too; using parentbased_always_on')
  else place.unknown(name, expected.split(', '))
  return undefined
}
