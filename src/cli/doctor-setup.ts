/** What can be told without sending or running anything. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describeVariables } from '../config/describe'
import type { Loaded } from '../config/load'
import { nodeOptions } from '../config/surroundings'
import { disabledBy, shortSampler } from '../report'
import { createResource } from '../resource'
import { createSampler } from '../sampling/index'
import { collectingLog } from './collecting-log'
import { source } from './env'
import { type Finding, fail, note, ok, warn } from './finding'

const MINIMUM = [20, 6] as const

export function checkNode(version = process.versions.node): Finding[] {
  const [major, minor] = version.split('.').map(Number) as [number, number]
  const where = `Node.js ${version} on ${process.platform} ${process.arch}`
  if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
    return [fail(`${where}: programs run untraced, ${MINIMUM.join('.')} or newer is needed`)]
  }
  return [ok(`${where} is supported`)]
}

/** What is set and from where, then what is wrong with it. */
export function checkVariables(loaded: Loaded): Finding[] {
  const set = describeVariables(loaded).filter(({ from }) => from !== 'default')
  const lines = set.map(item => {
    const isOther = item.from === 'implied' || item.from === 'config file'
    const variable = isOther ? item.variable : (item.set ?? item.variable)
    return `${variable}=${item.value} (${source({ ...item, variable })})`
  })
  // A variable of wider meaning stands behind several options.
  const findings = [...new Set(lines)].map(ok)
  if (findings.length === 0) findings.push(note('none is set: all defaults, which tracing-agent env shows'))
  if (loaded.configFile !== '')
    findings.push(note(`read ${loaded.configFile} in place of the variables of the standard`))
  if (loaded.envFile !== '') findings.push(note(`read ${loaded.envFile}, too`))
  return [...findings, ...loaded.problems.map(({ message }) => warn(message))]
}

/** Sampler, propagators and service name as they will be, with what the sampler says of its argument. */
export function checkSampling({ config, origins }: Loaded, entry: string): Finding[] {
  const { log, said } = collectingLog()
  const resource = createResource(config, log, '', entry)
  const findings: Finding[] = []
  const serviceName = resource.serviceName
  findings.push(ok(`service.name is ${serviceName}`))
  const sampler = createSampler(config.sampler, config.samplerArg || undefined, { log, serviceName })
  findings.push(ok(`sampler ${shortSampler(sampler)}`))
  if (/^(parentbased_)?always_off$/.test(config.sampler) || Number(config.samplerArg || 1) === 0) {
    findings.push(warn('this sampler records no trace that begins here'))
  }
  findings.push(ok(`headers ${config.propagators.join(', ') || 'none: traces end at this service'}`))
  if (config.disabled) findings.push(warn(`${disabledBy(origins.disabled)}: no spans are made`))
  return [...findings, ...said.map(message => warn(message))]
}

/** The file that switches the agent on: this package's own, whatever its folder is called. */
export const REGISTER = resolve(__dirname, '../../../register.js')
const AGENT = /(^|[\\/])tracing-agent([\\/]|$)|autoinstrumentation\.js$/

function isAgent(name: string): boolean {
  return AGENT.test(name) || name.replace(/^file:\/\//, '') === REGISTER
}

const OTHERS: Readonly<Record<string, string>> = {
  'dd-trace': 'Datadog',
  'elastic-apm-node': 'Elastic APM',
  '@elastic/opentelemetry-node': 'Elastic',
  newrelic: 'New Relic',
  '@opentelemetry/auto-instrumentations-node': 'OpenTelemetry',
  '@opentelemetry/sdk-node': 'OpenTelemetry',
  '@splunk/otel': 'Splunk',
  '@aws/aws-distro-opentelemetry-node-autoinstrumentation': 'AWS Distro for OpenTelemetry',
  'aws-xray-sdk': 'AWS X-Ray SDK',
  '@azure/monitor-opentelemetry': 'Azure Monitor',
  '@instana/collector': 'Instana',
  appdynamics: 'AppDynamics',
  '@dynatrace/oneagent': 'Dynatrace',
  '@sentry/node': 'Sentry (if it traces)',
}

/** What NODE_OPTIONS loads, in the order in which Node.js does: every --require, then every --import. */
export function checkPreloads(options: string): Finding[] {
  const requires = preloads(options, /^(?:-r|--require)$/)
  const imports = preloads(options, /^--import$/)
  const order = [...requires, ...imports]
  const at = order.findIndex(name => isAgent(name))
  if (order.length === 0)
    return [note('NODE_OPTIONS loads nothing; the agent is on with node --import tracing-agent/register')]
  if (at < 0) return [note(`NODE_OPTIONS loads ${order.join(', ')}, and not this agent`)]
  const findings = [ok(`NODE_OPTIONS loads ${order[at]}`)]
  for (const name of order.slice(0, at)) {
    findings.push(warn(`${name} is loaded before the agent: what it loads of http, express or grpc may not be traced`))
  }
  return findings
}

/** NODE_OPTIONS loads this agent. */
export function isPreloaded(options: string): boolean {
  return preloads(options, /^(?:-r|--require|--import)$/).some(isAgent)
}

function preloads(options: string, flag: RegExp): string[] {
  const words = options.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? []
  const found: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!.replace(/^"|"$/g, '')
    const equals = word.indexOf('=')
    if (equals > 0 && flag.test(word.slice(0, equals))) found.push(word.slice(equals + 1))
    else if (flag.test(word) && i + 1 < words.length) found.push(words[++i]!.replace(/^"|"$/g, ''))
  }
  return found
}

/** Other agents among the dependencies of the nearest package.json, or in NODE_OPTIONS. */
export function checkOthers(folder: string, options = nodeOptions()): Finding[] {
  const names = new Set([...dependencies(folder), ...preloads(options, /^(?:-r|--require|--import)$/)])
  const findings: Finding[] = []
  for (const [name, product] of Object.entries(OTHERS)) {
    if (![...names].some(found => found === name || found.startsWith(`${name}/`))) continue
    findings.push(warn(`${name} (${product}) is here, too: two agents in one program make spans twice or none at all`))
  }
  return findings.length > 0 ? findings : [ok('none among the dependencies and in NODE_OPTIONS')]
}

/** Names of the dependencies of the nearest package.json. */
export function dependencies(folder: string): string[] {
  for (let at = folder; ; at = dirname(at)) {
    const file = join(at, 'package.json')
    if (existsSync(file)) {
      try {
        const content = JSON.parse(readFileSync(file, 'utf8'))
        return Object.keys({ ...content.dependencies, ...content.optionalDependencies })
      } catch {
        return []
      }
    }
    if (dirname(at) === at) return []
  }
}
