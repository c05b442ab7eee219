/** Kinds of values that speak of HTTP: header names, methods, statuses, paths, hosts, and the headers of an exporter. */
import { holdsCredentials } from '../credentials'
import { listOf, type Pair, splitList, splitPairs, type Type } from './types'

/** A token (RFC 9110, section 5.6.2): a method or a header name. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/

export const methods = listOf('HTTP methods', part => (TOKEN.test(part) ? part : undefined))

/** Header names in lower case. */
export const headerNames = listOf('header names that stand for no credentials', part => {
  const name = part.toLowerCase()
  return TOKEN.test(name) && !holdsCredentials(name) ? name : undefined
})

export const parameterNames = listOf('names of query parameters', part => (/[=&?#\s]/.test(part) ? undefined : part))

export const pathPatterns = listOf('paths that begin with / or *, and @health', part => {
  if (part.startsWith('/') || part.startsWith('*')) return part
  return part.toLowerCase() === '@health' ? '@health' : undefined
})

/** `host`, `host:port`, `*.host`, `[::1]:80`. */
const HOST_PATTERN = /^[^\s/@?#!]+$/

export const hostPatterns = listOf('hosts such as example.com, *.example.com or localhost:8080', part =>
  HOST_PATTERN.test(part.replaceAll('?', '*')) ? part : undefined,
)

export const hostPolicy = listOf('hosts such as *.example.com, with ! in front for those that are left out', part =>
  HOST_PATTERN.test(part.replace('!', '').trim().replaceAll('?', '*')) ? part : undefined,
)

/** First and last status of a range. */
export type StatusRange = readonly [from: number, to: number]

/** `500-599,404` or `none`. */
export const statuses: Type<readonly StatusRange[]> = {
  expected: 'a list of statuses and ranges such as 404,500-599, each from 100 to 599, or none',
  parse(text) {
    if (text.toLowerCase() === 'none') return { value: [] }
    const value: StatusRange[] = []
    const refused: string[] = []
    for (const part of splitList(text)) {
      const match = /^([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?$/.exec(part)
      const from = Number(match?.[1])
      const to = Number(match?.[2] ?? match?.[1])
      if (match !== null && from <= to) value.push([from, to])
      else refused.push(part)
    }
    return {
      value: value.length > 0 ? Object.freeze(value) : undefined,
      refused: refused.length > 0 ? refused.join(',') : undefined,
    }
  },
  show: value => (value.length === 0 ? 'none' : value.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(',')),
}

/** Headers of an exporter: credentials, as a rule. Names are shown, values never. */
export const headers: Type<readonly Pair[]> = {
  expected: 'name=value pairs separated by commas, values percent-encoded',
  parse(value) {
    const { pairs, wrong } = splitPairs(value, key => TOKEN.test(key))
    const bad = pairs.find(([, content]) => /[^\t\x20-\x7e\x80-\xff]/.test(content))
    if (wrong === undefined && bad === undefined) return { value: Object.freeze(pairs) }
    return { reason: bad ? `the value of ${bad[0]} holds a character that a header cannot` : 'one pair is malformed' }
  },
  show: value => value.map(([key]) => `${key}=***`).join(','),
  mask: value =>
    value
      .split(',')
      .map(part => (part.includes('=') ? `${part.slice(0, part.indexOf('='))}=***` : '***'))
      .join(','),
}
