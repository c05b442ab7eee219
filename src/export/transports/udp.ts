/** One datagram a message. */
import type dgram from 'node:dgram'
import type { Reply, Transport } from '../contract'
import { nextTurn } from '../timers'

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
  function open(): Promise<dgram.Socket> {
    const { createSocket } = require('node:dgram') as typeof dgram
    return new Promise((resolve, reject) => {
      const made = createSocket(host.includes(':') ? 'udp6' : 'udp4')
      made.unref()
      const failed = (error: NodeJS.ErrnoException) => {
        socket = undefined
        made.close()
        reject(error)
      }
      made.once('error', failed)
      made.connect(port, host, () => {
        made.off('error', failed)
        made.on('error', error => {
          failure = error
        })
        resolve(made)
      })
    })
  }

  function post(to: dgram.Socket, body: Uint8Array): Promise<NodeJS.ErrnoException | undefined> {
    return new Promise(resolve => {
      failure = undefined
      to.send(body, error => {
        if (error) resolve(error)
        else nextTurn(() => nextTurn(() => resolve(failure)))
      })
      posted = body
    })
  }

  return {
    accepts,
    maxBytes,
    target: `udp://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async send(body): Promise<Reply> {
      try {
        socket ??= open()
        const error = await post(await socket, body)
        if (error === undefined) return { ok: true }
        return {
          ok: false,
          reason: error.message,
          retry: isPassing(error),
          about: error.code === 'EMSGSIZE' ? 'size' : undefined,
        }
      } catch (error) {
        return { ok: false, reason: (error as Error).message, retry: isPassing(error as NodeJS.ErrnoException) }
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
function isPassing({ code = '' }: NodeJS.ErrnoException): boolean {
  return /^(ECONNREFUSED|ENOBUFS|EAGAIN|EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH)$/.test(code)
}
