import { plainAddress } from './_http-semantics'
import { Given } from './_note'

/** The other end of a connection. Undefined for a Unix socket, and where nobody knows. */
export interface Peer {
  readonly address: string
  readonly port: number | undefined
}

interface Handle {
  getpeername?(into: { address?: string; port?: number }): number
}

/** On a socket. */
class PeerNote extends Given {
  #peer: Peer

  constructor(socket: object, peer: Peer) {
    super(socket)
    this.#peer = peer
  }

  static read(socket: object): Peer | undefined {
    return #peer in socket ? socket.#peer : undefined
  }

  static write(socket: object, peer: Peer): void {
    if (#peer in socket) socket.#peer = peer
    else new PeerNote(socket, peer)
  }
}

/**
 * Asks the handle: `socket.remoteAddress` remembers the answer, so that a program would still get one after the connection
 * is gone, when it would get none without us.
 */
export function peerOf(socket: object): Peer | undefined {
  const before = PeerNote.read(socket)
  if (before !== undefined) return before
  const handle = (socket as { _handle?: Handle | null })._handle
  if (handle === undefined || handle === null || typeof handle.getpeername !== 'function') return undefined
  const { address, port } = ask(handle)
  if (address === undefined) return undefined
  const peer = { address: plainAddress(address), port }
  PeerNote.write(socket, peer)
  return peer
}

function ask(handle: Handle): { address?: string; port?: number } {
  const found = {}
  handle.getpeername!(found)
  return found
}
