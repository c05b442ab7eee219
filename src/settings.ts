import type { StatusRange } from './config/http-types'
import type { Config } from './config/options'
import { holdsCredentials } from './credentials'
import { compileGlobs, type Matcher } from './glob'
import type { CapturedHeader, Settings } from './instrumentation'
import { createRedactor } from './redaction'
import { isHealthPath } from './sampling/health'

/** Decides everything that the instrumentations would otherwise decide for each request. */
export function createSettings(config: Config): Settings {
  return {
    knownMethods: new Set(config.knownMethods),
    ignoreIncoming: createIgnoreIncoming(config),
    ignoreOutgoing: createIgnoreOutgoing(config),
    mayInject: createMayInject(config.propagateTo),
    redactQuery: createRedactor(config.redactQuery),
    serverRequestHeaders: capture(config.serverRequestHeaders, 'http.request.header.'),
    serverResponseHeaders: capture(config.serverResponseHeaders, 'http.response.header.'),
    clientRequestHeaders: capture(config.clientRequestHeaders, 'http.request.header.'),
    clientResponseHeaders: capture(config.clientResponseHeaders, 'http.response.header.'),
    grpcServerRequestMetadata: capture(config.grpcServerRequestMetadata, 'rpc.request.metadata.'),
    grpcServerResponseMetadata: capture(config.grpcServerResponseMetadata, 'rpc.response.metadata.'),
    grpcClientRequestMetadata: capture(config.grpcClientRequestMetadata, 'rpc.request.metadata.'),
    grpcClientResponseMetadata: capture(config.grpcClientResponseMetadata, 'rpc.response.metadata.'),
    serverErrorStatus: createStatusTest(config.serverErrorStatuses),
    clientErrorStatus: createStatusTest(config.clientErrorStatuses),
    expressSpans: config.expressSpans,
  }
}

function capture(names: readonly string[], prefix: string): CapturedHeader[] {
  const captured: CapturedHeader[] = []
  for (const name of names) {
    if (!holdsCredentials(name)) captured.push({ header: name, key: prefix + name })
  }
  return captured
}

function createIgnoreIncoming(config: Config): Settings['ignoreIncoming'] {
  const path = compilePaths(config.ignoreIncomingPaths)
  const host = compileHosts(config.ignoreIncomingHosts)
  if (path === undefined && host === undefined) return undefined
  return (_method, requestPath, requestHost) =>
    (path !== undefined && path(requestPath)) || (host !== undefined && requestHost !== undefined && host(requestHost))
}

function createIgnoreOutgoing(config: Config): Settings['ignoreOutgoing'] {
  const path = compilePaths(config.ignoreOutgoingPaths)
  const host = compileHosts(config.ignoreOutgoingHosts)
  if (path === undefined && host === undefined) return undefined
  return (_method, requestHost, requestPath) =>
    (host !== undefined && host(requestHost)) || (path !== undefined && path(requestPath))
}

/** A query after the path does not matter. `@health` is the preset of the sampling rules, as far as a path tells it. */
function compilePaths(patterns: readonly string[]): Matcher | undefined {
  const matches = compileGlobs(patterns.filter(pattern => pattern !== '@health'))
  const health = patterns.includes('@health')
  if (matches === undefined && !health) return undefined
  return pathAndQuery => {
    const query = pathAndQuery.indexOf('?')
    const path = query < 0 ? pathAndQuery : pathAndQuery.slice(0, query)
    return (matches !== undefined && matches(path)) || (health && isHealthPath(path))
  }
}

/** A pattern without a port means the host on any port; hosts have no case. */
function compileHosts(patterns: readonly string[]): Matcher | undefined {
  const matches = compileGlobs(patterns.map(pattern => pattern.toLowerCase()))
  if (matches === undefined) return undefined
  return host => {
    const lower = host.toLowerCase()
    if (matches(lower)) return true
    const name = withoutPort(lower)
    return name !== lower && matches(name)
  }
}

/** `[::1]:80` becomes `::1`, `host:80` becomes `host`; a bare IPv6 address stays as it is. */
function withoutPort(host: string): string {
  if (host.startsWith('[')) {
    const end = host.indexOf(']')
    return end < 0 ? host : host.slice(1, end)
  }
  const colon = host.indexOf(':')
  return colon < 0 || host.indexOf(':', colon + 1) >= 0 ? host : host.slice(0, colon)
}

/**
 * Hosts that a pattern with `!` names get no headers; when there is a pattern without it, only what it names gets them.
 * A pre-signed URL is checked by a storage service that may refuse what was not signed, and belongs to nobody's trace.
 */
function createMayInject(patterns: readonly string[]): NonNullable<Settings['mayInject']> {
  const denied = compileHosts(
    patterns.filter(pattern => pattern.startsWith('!')).map(pattern => pattern.slice(1).trim()),
  )
  const named = patterns.filter(pattern => !pattern.startsWith('!'))
  const allowed = named.includes('*') ? undefined : compileHosts(named)
  return (host, pathAndQuery) =>
    (denied === undefined || !denied(host)) && (allowed === undefined || allowed(host)) && !isPreSigned(pathAndQuery)
}

function isPreSigned(pathAndQuery: string): boolean {
  const query = pathAndQuery.indexOf('?')
  if (query < 0 || pathAndQuery.indexOf('Signature=', query) < 0) return false
  return (
    pathAndQuery.indexOf('X-Amz-Signature=', query) > 0 ||
    pathAndQuery.indexOf('X-Goog-Signature=', query) > 0 ||
    pathAndQuery.indexOf('AWSAccessKeyId=', query) > 0 ||
    pathAndQuery.indexOf('GoogleAccessId=', query) > 0
  )
}

function createStatusTest(ranges: readonly StatusRange[]): (status: number) => boolean {
  if (ranges.length === 0) return () => false
  if (ranges.length === 1) {
    const [from, to] = ranges[0]
    return status => status >= from && status <= to
  }
  const marked: boolean[] = new Array(600).fill(false)
  for (const [from, to] of ranges) marked.fill(true, from, to + 1)
  return status => marked[status] === true
}
