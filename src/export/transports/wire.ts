/** What transports on a network connection share. */
import type { Socket } from 'node:net'
import { type Guard, guard } from '../../guard'
import type { HandedOver, Reply } from '../contract'
import { startTimer, stopTimer } from '../timers'

/** Calls `fn` after `timeoutMs`; the timer keeps no process alive. */
export function limit(timeoutMs: number, fn: () => void): NodeJS.Timeout | undefined {
  if (timeoutMs === Infinity) return undefined
  return startTimer(fn, Math.max(timeoutMs, 0)).unref()
}

/** What keeps a process alive although its socket is unref'd: libuv counts operations that have begun. */
const BEGUN = new Set(['ConnectWrap', 'TCPConnectWrap', 'WriteWrap', 'GetAddrInfoReqWrap'])
/** Standard output and error are counted as well, as soon as somebody used them, and hold nothing. */
const STREAMS = new Set(['PipeWrap', 'TTYWrap'])
const FIRST_LOOK_MS = 50
/** To look costs a microsecond for each ten handles of the program. */
const MAX_LOOK_MS = 250

/**
 * Calls `giveUp` when nothing but the making of a connection, or a write to a reader that does not read, keeps the process
 * alive: a program that has finished must not wait until a packet filter's silence is over. What is unsent then goes
 * the way of all that is unsent at the end.
 *
 * A message that the system has got holds nothing: it is another one's connection that is being made, and to give this one
 * up as well would have it arrive twice.
 *
 * @param connection of the message, if there is one already
 * @param guarded around each look; without one a fault ends the watch
 * @returns ends the watch
 */
export function watchForEnd(
  connection: () => Socket | null,
  giveUp: () => void,
  guarded: Guard = guard(() => {}),
): () => void {
  let delayMs = FIRST_LOOK_MS
  const look = guarded(() => {
    const socket = connection()
    if (socket?.destroyed) return
    const holds = socket === null || handedOver(socket) === undefined
    if (holds && isOnlyBegun(process.getActiveResourcesInfo())) giveUp()
    else {
      delayMs = Math.min(delayMs * 2, MAX_LOOK_MS)
      timer = startTimer(look, delayMs).unref()
    }
  })
  let timer = startTimer(look, delayMs).unref()
  return () => stopTimer(timer)
}

function isOnlyBegun(held: readonly string[]): boolean {
  const others = held.filter(type => !BEGUN.has(type))
  if (others.length === held.length || others.length > 2) return false
  if (others.length === 0) return true
  const handles: { _isStdio?: boolean; fd?: number }[] = (process as any)._getActiveHandles?.() ?? []
  const output = handles.filter(handle => handle?._isStdio && handle.fd !== 0)
  return others.every(type => STREAMS.has(type)) && others.length <= output.length
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

/** Of Node's own stream handles: bytes that wait within the process, and the descriptor of the connection. */
interface Handle {
  readonly fd?: number
  readonly writeQueueSize?: number
  /** The connection below one with TLS. */
  readonly _parent?: Handle
}

/**
 * The connection, if it lives and all that was written to it is with the system. Node tells of a write with TLS one turn
 * of the loop late, so that the queue below is asked.
 */
export function handedOver(socket: Socket): HandedOver | undefined {
  const handle = (socket as { _handle?: Handle | null })._handle
  if (socket.destroyed || socket.connecting || !handle) return undefined
  if (handle._parent !== undefined) {
    if ((socket as { secureConnecting?: boolean }).secureConnecting || handle._parent.writeQueueSize !== 0)
      return undefined
    return { fd: handle._parent.fd ?? -1, protocol: 'tls' }
  }
  return handle.writeQueueSize === 0 ? { fd: handle.fd ?? -1, protocol: 'http/1.1' } : undefined
}

/** A reply after which nothing is left to do for a message. */
export function isFinal(reply: Reply): boolean {
  return reply.ok || !reply.retry
}
