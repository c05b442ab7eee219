/** A connection and the end of a program that waits for nothing else. */
import type { Socket } from 'node:net'
import { type Guard, guard } from '../guard'
import { startTimer, stopTimer } from '../timers'

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
  const unwatch = () => stopTimer(timer)
  return unwatch
}

function isOnlyBegun(held: readonly string[]): boolean {
  const others = held.filter(type => !BEGUN.has(type))
  if (others.length === held.length || others.length > 2) return false
  if (others.length === 0) return true
  const handles: { _isStdio?: boolean; fd?: number }[] = (process as any)._getActiveHandles?.() ?? []
  const output = handles.filter(handle => handle?._isStdio && handle.fd !== 0)
  return others.every(type => STREAMS.has(type)) && others.length <= output.length
}

/** What the system has got of a message it also delivers. */
export interface WithSystem {
  /** Descriptor of the connection; -1 when Node does not tell it. */
  readonly fd: number
  readonly protocol: 'http/1.1' | 'tls'
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
export function handedOver(socket: Socket): WithSystem | undefined {
  const handle = (socket as { _handle?: Handle | null })._handle
  if (socket.destroyed || socket.connecting || !handle) return undefined
  if (handle._parent !== undefined) {
    if ((socket as { secureConnecting?: boolean }).secureConnecting || handle._parent.writeQueueSize !== 0)
      return undefined
    return { fd: handle._parent.fd ?? -1, protocol: 'tls' }
  }
  return handle.writeQueueSize === 0 ? { fd: handle.fd ?? -1, protocol: 'http/1.1' } : undefined
}
