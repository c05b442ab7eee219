/** What transports on a network connection share. */
import { guard } from '../../guard'
import { startTimer } from '../../timers'
import type { Reply } from '../contract'

/** Calls `fn` after `timeoutMs`; the timer keeps no process alive. */
export function limit(timeoutMs: number, fn: () => void): NodeJS.Timeout | undefined {
  if (timeoutMs === Infinity) return undefined
  return startTimer(fn, Math.max(timeoutMs, 0)).unref()
}

/** In Node's thread pool; zlib is loaded when it is first needed. */
export function gzip(body: Uint8Array): Promise<Uint8Array> {
  const zlib = require('node:zlib') as typeof import('node:zlib')
  return new Promise((resolve, reject) => {
    const onPacked = (error: Error | null, packed: Uint8Array) => (error ? reject(error) : resolve(packed))
    zlib.gzip(body, guard(reject)(onPacked))
  })
}

/** A certificate does not become valid by waiting: TLS errors are not among them. */
const CONNECTION_ERRORS = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND|EADDRNOTAVAIL|EMFILE|ENFILE)/

/** The connection could not be made, or went away without an answer: it may be made later. */
export function isConnectionError(error: NodeJS.ErrnoException): boolean {
  return CONNECTION_ERRORS.test(parts(error)[0]!.code ?? '')
}

/** No connection was made, so the other side cannot have got anything. */
export function isUnreachable(error: NodeJS.ErrnoException): boolean {
  const { syscall } = parts(error)[0]!
  return syscall === 'connect' || syscall === 'getaddrinfo'
}

/** One clause: `connect ECONNREFUSED 127.0.0.1:4318`. */
export function describeError(error: Error): string {
  return parts(error)
    .map(({ message, name, code }) => {
      if (code?.startsWith('HPE_')) return `answered with something that is not HTTP/1.1 (${message})`
      return message || code || name
    })
    .join(', ')
}

/** One error for each address of the host when none could be reached. */
function parts(error: Error): NodeJS.ErrnoException[] {
  // What was thrown need not be an error.
  if (!(error instanceof Error)) return [new Error(String(error))]
  const { errors } = error as { errors?: NodeJS.ErrnoException[] }
  return errors === undefined || errors.length === 0 ? [error] : errors
}

/** A reply after which nothing is left to do for a message. */
export function isFinal(reply: Reply): boolean {
  return reply.ok || !reply.retry
}
