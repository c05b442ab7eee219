/**
 * The gRPC semantic conventions (OpenTelemetry, "Semantic conventions for gRPC"): pure functions from what gRPC knows to
 * what a span says. The attribute names are written out: loading the package of constants costs more than patching gRPC.
 */

export const SYSTEM_NAME = 'rpc.system.name'
export const METHOD = 'rpc.method'
export const METHOD_ORIGINAL = 'rpc.method_original'
export const STATUS_CODE = 'rpc.status_code'
export const SERVER_ADDRESS = 'server.address'
export const SERVER_PORT = 'server.port'
export const CLIENT_ADDRESS = 'client.address'
export const CLIENT_PORT = 'client.port'
export const PEER_ADDRESS = 'network.peer.address'
export const PEER_PORT = 'network.peer.port'

/** Value of `rpc.method` for a method that the server does not have; its span is called `grpc`. */
export const OTHER_METHOD = '_OTHER'

/** Character code of `/`. */
export const SLASH = 47

export const OK = 0
export const CANCELLED = 1
export const UNKNOWN = 2
export const DEADLINE_EXCEEDED = 4
export const UNAVAILABLE = 14

/** gRPC, "Status codes and their use in gRPC", by number. */
const STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** The name of a status code; a number that has none is its own name. */
export function statusName(code: number): string {
  return STATUS_NAMES[code] ?? String(code)
}

/** The codes by which a server says that it failed, and not its caller. */
export function isServerError(code: number): boolean {
  return code === 2 || code === 4 || code === 12 || code === 13 || code === 14 || code === 15
}

/** `package.Service/Method` of the HTTP/2 path `/package.Service/Method`. */
export function methodName(path: string): string {
  return path.charCodeAt(0) === SLASH ? path.slice(1) : path
}

/** A host name, an IP address or the path of a socket, and the port if there is one. */
export interface Endpoint {
  readonly address: string
  readonly port: number | undefined
}

/** The host as the user's patterns know it, `address:port`. */
export function hostOf(endpoint: Endpoint): string {
  const { address, port } = endpoint
  if (port === undefined) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** `host:port`, `[IPv6]:port`, a bare host, a bare IPv6 address, or the path of a Unix socket. */
export function parseHostPort(text: string): Endpoint {
  const colon = text.lastIndexOf(':')
  if (text.charCodeAt(0) === 91) {
    const end = text.indexOf(']')
    if (end > 0) return { address: text.slice(1, end), port: colon === end + 1 ? toPort(text, colon + 1) : undefined }
  }
  if (colon < 0 || text.indexOf(':') !== colon || text.charCodeAt(0) === SLASH)
    return { address: text, port: undefined }
  const port = toPort(text, colon + 1)
  return port === undefined ? { address: text, port } : { address: text.slice(0, colon), port }
}

/** The decimal digits of `text` from `start` on as a TCP port, or undefined. */
function toPort(text: string, start: number): number | undefined {
  const length = text.length - start
  if (length < 1 || length > 5) return undefined
  let port = 0
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return undefined
    port = port * 10 + digit
  }
  return port <= 65535 ? port : undefined
}

/**
 * `server.address` and `server.port` of a channel target (gRPC, "gRPC Name Resolution"): the name for `dns:`, with or
 * without an authority, and for a target without a scheme; the path for `unix:`; the address for an `ipv4:` or `ipv6:`
 * with one address; otherwise, and for schemes that only a resolver understands, the whole target without a port.
 */
export function parseTarget(target: string): Endpoint {
  const colon = target.indexOf(':')
  if (colon > 0) {
    const scheme = target.slice(0, colon)
    const rest = target.slice(colon + 1)
    if (scheme === 'dns') return parseHostPort(withoutAuthority(rest))
    if (scheme === 'unix')
      return { address: rest.startsWith('//') ? rest.slice(rest.indexOf('/', 2)) : rest, port: undefined }
    if (scheme === 'ipv4' || scheme === 'ipv6') {
      const endpoint = rest.includes(',') ? undefined : parseHostPort(withoutAuthority(rest))
      return endpoint?.port === undefined ? { address: target, port: undefined } : endpoint
    }
  }
  const endpoint = parseHostPort(target)
  return endpoint.port !== undefined && target.includes('/') ? { address: target, port: undefined } : endpoint
}

/** `//authority/name` names the server that resolves; the name itself comes after it. */
function withoutAuthority(path: string): string {
  if (!path.startsWith('//')) return path
  const end = path.indexOf('/', 2)
  return end < 0 ? path.slice(2) : path.slice(end + 1)
}

/** Milliseconds of a `grpc-timeout` header (gRPC over HTTP/2, "Timeout"): up to eight digits and a unit. Undefined if it is none. */
export function parseTimeoutMs(header: unknown): number | undefined {
  if (typeof header !== 'string' || header.length < 2 || header.length > 9) return undefined
  const unitMs = UNITS_MS[header.charCodeAt(header.length - 1)]
  const count = Number(header.slice(0, -1))
  return unitMs === undefined || !(count >= 0) ? undefined : count * unitMs
}

/** Milliseconds by the character code of the unit: H, M, S, m, u, n. */
const UNITS_MS: Readonly<Record<number, number>> = {
  72: 3600000,
  77: 60000,
  83: 1000,
  109: 1,
  117: 0.001,
  110: 0.000001,
}

/** The words of a `grpc-message` header (percent-encoded UTF-8); as it stands if it is not well encoded. */
export function decodeMessage(header: unknown): string | undefined {
  if (typeof header !== 'string' || header === '') return undefined
  try {
    return decodeURIComponent(header)
  } catch {
    return header
  }
}
