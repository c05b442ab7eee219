import { isHealthCheck } from './health'
import { readNumber, readRate } from './numbers'
import { Pattern } from './pattern'
import type { RequestFacts } from './request'

/** `on` and `off` are the ratios 1 and 0. */
export type Decision = { readonly ratio: number } | { readonly perSecond: number }

export interface Rule {
  /** As it was written, without the white space around it. */
  readonly source: string
  readonly matches: (request: RequestFacts) => boolean
  readonly decision: Decision
}

export interface Mistake {
  /** Counted from 1; empty ones do not count. */
  readonly rule: number
  readonly source: string
  /** Counted from 1, in the whole text. */
  readonly column: number
  /** What is wrong, as a clause. */
  readonly what: string
}

/**
 * Reads the rules of `OTEL_TRACES_SAMPLER_ARG`:
 *
 *     rules     = rule *( ";" rule )
 *     rule      = match "=" decision
 *     match     = "*"                                everything
 *               | "@health"                          health checks: paths, gRPC, probes of Kubernetes and load balancers
 *               | [ method | "*" ] path              an HTTP request: `GET /api/*`, `POST /orders/:id`, `/img/*`
 *               | service "/" method                 a gRPC call: `grpc.health.v1.Health/*`, `shop.Cart/Add`
 *     decision  = "on" | "off" | ratio from 0 to 1 | number "/s"
 *
 * In a path `*` is any text and `:name` one segment; the query does not count. What begins with `*` may be a path as well as
 * a gRPC call. White space around anything is ignored. A rule with a mistake is left out, and the mistake is reported with its rule and column.
 */
export function parseRules(text: string): { rules: Rule[]; mistakes: Mistake[] } {
  const rules: Rule[] = []
  const mistakes: Mistake[] = []
  let from = 0
  let number = 0
  for (const part of text.split(';')) {
    const source = part.trim()
    if (source !== '') {
      number++
      const start = from + part.indexOf(source)
      const read = parseRule(source)
      if ('what' in read) mistakes.push({ rule: number, source, column: start + read.at + 1, what: read.what })
      else rules.push(read)
    }
    from += part.length + 1
  }
  return { rules, mistakes }
}

/** Position within the rule, and what is wrong there. */
interface Wrong {
  at: number
  what: string
}

function parseRule(source: string): Rule | Wrong {
  const equals = source.lastIndexOf('=')
  if (equals === -1) return { at: source.length, what: 'expected "=" and a decision' }
  const match = source.slice(0, equals).trimEnd()
  const decisionText = source.slice(equals + 1).trimStart()
  const matches = parseMatch(match)
  if (typeof matches !== 'function') return matches
  const decision = parseDecision(decisionText)
  if (decision === undefined) {
    const given = decisionText === '' ? 'nothing' : `"${decisionText}"`
    return {
      at: source.length - decisionText.length,
      what: `expected on, off, a number from 0 to 1, or a rate such as 10/s, and not ${given}`,
    }
  }
  return { source, matches, decision }
}

function parseDecision(text: string): Decision | undefined {
  const lower = text.toLowerCase()
  if (lower === 'on') return { ratio: 1 }
  if (lower === 'off') return { ratio: 0 }
  const perSecond = readRate(text)
  if (perSecond !== undefined) return { perSecond }
  const ratio = readNumber(text)
  return ratio !== undefined && ratio <= 1 ? { ratio } : undefined
}

function parseMatch(match: string): Rule['matches'] | Wrong {
  if (match === '') return { at: 0, what: 'expected what to match before "="' }
  if (match === '*') return () => true
  if (match.startsWith('@')) {
    if (match.toLowerCase() === '@health') return isHealthCheck
    return { at: 0, what: `unknown preset "${match}", the only one is @health` }
  }
  const space = match.search(/\s/)
  if (space !== -1) return parseMethodAndPath(match, space)
  if (match.startsWith('/')) return parsePath(match, 0, undefined)
  if (!match.includes('/')) {
    return { at: 0, what: 'expected *, @health, a path, a method and a path, or a gRPC service/method' }
  }
  const pattern = Pattern.text(match)
  const ofCall: Rule['matches'] = ({ rpcMethod }) => rpcMethod !== undefined && pattern.matches(rpcMethod)
  if (!match.startsWith('*')) return ofCall
  const ofRequest = parsePath(match, 0, undefined)
  return typeof ofRequest === 'function' ? request => ofCall(request) || ofRequest(request) : ofRequest
}

function parseMethodAndPath(match: string, space: number): Rule['matches'] | Wrong {
  const method = match.slice(0, space)
  const path = match.slice(space).trimStart()
  const at = match.length - path.length
  if (method !== '*' && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) {
    return { at: 0, what: `"${method}" is no HTTP method` }
  }
  const blank = path.search(/\s/)
  if (blank !== -1) return { at: at + blank, what: 'expected "=" after the path' }
  return parsePath(path, at, method === '*' ? undefined : method.toUpperCase())
}

function parsePath(path: string, at: number, wanted: string | undefined): Rule['matches'] | Wrong {
  if (!path.startsWith('/') && !path.startsWith('*')) return { at, what: 'expected a path that begins with /' }
  const query = path.indexOf('?')
  if (query !== -1) return { at: at + query, what: 'the query does not count, expected a path without one' }
  const pattern = Pattern.path(path)
  if (typeof pattern === 'number') {
    return { at: at + pattern, what: 'expected ":" and a name as a whole segment, such as /orders/:id' }
  }
  return ({ method, path }) =>
    path !== undefined &&
    method !== undefined &&
    (wanted === undefined || method.toUpperCase() === wanted) &&
    pattern.matches(path)
}
