/**
 * Headers of a request as they came: `rawHeaders`, names and values in turn. Node makes the object `headers` when somebody asks
 * for it, and many programs never do: to ask would cost more than all that we look for.
 */
import type { TextMapGetter } from '@opentelemetry/api'
import type { Headers } from './_http-semantics'

export type RawHeaders = readonly string[]

/** A header that came more than once is joined, as Node does it. */
export const RAW_GETTER: TextMapGetter<RawHeaders> = {
  get: rawHeader,
  keys(raw) {
    const names: string[] = []
    for (let i = 0; i < raw.length; i += 2) names.push(raw[i]!.toLowerCase())
    return names
  },
}

function rawHeader(raw: RawHeaders, name: string): string | undefined {
  const { length } = name
  let found: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.length !== length || !isNamed(raw[i]!, name)) continue
    found = found === undefined ? raw[i + 1]! : `${found}, ${raw[i + 1]}`
  }
  return found
}

function isNamed(key: string, name: string): boolean {
  return key === name || key.toLowerCase() === name.toLowerCase()
}

/** What every request is asked for. Of a `Host` or `User-Agent` that came twice the first counts, as in `headers`. */
export class CommonHeaders {
  host: string | undefined = undefined
  userAgent: string | undefined = undefined
  /** Those of proxies; undefined when there is none. */
  proxy: Headers | undefined = undefined

  constructor(raw: RawHeaders) {
    for (let i = 0; i < raw.length; i += 2) {
      const key = raw[i]!
      switch (key.length) {
        case 4:
          if (this.host === undefined && isNamed(key, 'host')) this.host = raw[i + 1]
          break
        case 10:
          if (this.userAgent === undefined && isNamed(key, 'user-agent')) this.userAgent = raw[i + 1]
          break
        case 9:
          if (isNamed(key, 'forwarded')) this.proxied(raw)
          break
        case 15:
        case 16:
        case 17:
          if (key.charCodeAt(1) === 45 /* - */) this.proxied(raw)
      }
    }
  }

  private proxied(raw: RawHeaders): void {
    this.proxy ??= {
      forwarded: rawHeader(raw, 'forwarded'),
      'x-forwarded-for': rawHeader(raw, 'x-forwarded-for'),
      'x-forwarded-host': rawHeader(raw, 'x-forwarded-host'),
      'x-forwarded-proto': rawHeader(raw, 'x-forwarded-proto'),
    }
  }
}
