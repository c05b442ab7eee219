/** One datagram a message. */
import type dgram from 'node:dgram'
import { guard, notUnderstood } from '../../guard'
import { nextTurn } from '../../timers'
import type { Reply, Transport } from '../contract'
import { describeError } from './wire'

/** Largest UDP payload over IPv4: 65,535 bytes less the headers of IP and UDP. */
const MAX_DATAGRAM_BYTES = 65_507

export interface UdpOptions {
  readonly host: string
  readonly port: number
  /** Media types of the messages that the other side understands. */
  readonly accepts: readonly string[]
  /** Largest message that the other side reads, if that is less than a datagram. */
  readonly maxBytes?: number
}

export function create({ host, port, accepts, maxBytes = MAX_DATAGRAM_BYTES }: UdpOptions): Transport {
  let socket: Promise<dgram.Socket> | undefined
  let failure: NodeJS.ErrnoException | undefined
  /** The last message that the system took: it sends a datagram at once. */
  let posted: Uint8Array | undefined

  /**
   * A connected socket: only there does the system say that nobody listens. It keeps no process alive.
   *
   * The system tells of a refused datagram after it was sent, so it is the next turn of the event loop that knows.
   */
  async function open(): Promise<dgram.Socket> {
    const { createSocket } = require('node:dgram') as typeof dgram
    const made = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    made.unref()
    try {
      await connect(made)
      return made
    } catch (error) {
      made.close()
      throw error
    }
  }

  function connect(made: dgram.Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      const guarded = guard(error => {
        failure = notUnderstood(error)
        reject(failure)
      })
      const onError = (error: Error) => {
        failure = error
        reject(error)
      }
      made.on('error', guarded(onError))
      // It tells its callback, and not the listener, that there is no such host.
      const onConnect = (error?: Error) => (error ? reject(error) : resolve())
      made.connect(port, host, guarded(onConnect))
    })
  }

  async function connected(): Promise<dgram.Socket> {
    socket ??= open()
    const mine = socket
    try {
      return await mine
    } catch (error) {
      if (socket === mine) socket = undefined
      throw error
    }
  }

  function post(to: dgram.Socket, body: Uint8Array): Promise<NodeJS.ErrnoException | undefined> {
    return new Promise((resolve, reject) => {
      failure = undefined
      const guarded = guard(error => reject(notUnderstood(error)))
      const settle = guarded(() => resolve(failure))
      const wait = guarded(() => void nextTurn(settle))
      const onSent = (error: Error | null) => {
        if (error) resolve(error)
        else nextTurn(wait)
      }
      to.send(body, guarded(onSent))
      posted = body
    })
  }

  return {
    accepts,
    maxBytes,
    target: `udp://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async send(body): Promise<Reply> {
      try {
        const error = await post(await connected(), body)
        if (error === undefined) return { ok: true }
        return {
          ok: false,
          reason: error.message,
          retry: isPassing(error),
          about: error.code === 'EMSGSIZE' ? 'size' : undefined,
        }
      } catch (error) {
        return { ok: false, reason: describeError(error as Error), retry: isPassing(error as NodeJS.ErrnoException) }
      }
    },
    recall: body => (body === posted ? { ok: true } : 'withdrawn'),
    async close() {
      const open = await socket?.catch(() => undefined)
      socket = undefined
      open?.close()
    },
  }
}

/** Nobody listens yet, the queue of the network card is full, or the name is not known yet. */
function isPassing(error: NodeJS.ErrnoException | undefined): boolean {
  return /^(ECONNREFUSED|ENOBUFS|EAGAIN|EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH)$/.test(error?.code ?? '')
}
