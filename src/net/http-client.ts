/**
 * Asks one server over HTTP/1.1 now and then, each time on a connection of its own. It follows no redirect and keeps no
 * process alive.
 *
 * @see RATIONALE.md, "Why does the agent speak HTTP by itself?"
 */
import type { OutgoingHttpHeaders } from 'node:http'
import { guard, notUnderstood } from '../guard'
import { startTimer, stopTimer } from '../timers'
import { watchForEnd } from './ending'
import type { Answer } from './http-answer'
import { Connection, type Pool } from './http-connection'
import { renderHead } from './http-head'
import { MAX_REPLY_BYTES } from './sizes'
import { type Place, placeOf } from './socket'

export class HttpClient implements Pool {
  session: Buffer | undefined = undefined
  private readonly place: Place
  /** Each with what ends the watches over its question. */
  private readonly open = new Map<Connection, () => void>()

  /** @param origin user and password in it become a header */
  constructor(
    private readonly origin: URL,
    private readonly timeoutMs: number,
  ) {
    this.place = placeOf(origin, {})
  }

  /**
   * @param path with the query
   * @returns the answer, whatever its status; rejects with a message for the user, after the timeout with code `ETIMEDOUT`
   */
  ask(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    message = '',
  ): Promise<{ answer: Answer; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.from(message)
      const all: OutgoingHttpHeaders = { ...headers, connection: 'close' }
      if (method !== 'GET') all['content-length'] = bytes.length
      const head = renderHead(method, this.origin, all, path)
      const connection = new Connection(this.place, this)
      const guarded = guard(error => {
        reject(notUnderstood(error))
        connection.socket.destroy()
      })
      const giveUp = (error: Error) => {
        reject(error)
        connection.socket.destroy()
      }
      const onTimeout = () => {
        giveUp(Object.assign(new Error(`did not answer within ${this.timeoutMs} ms`), { code: 'ETIMEDOUT' }))
      }
      const onEnd = () => giveUp(new Error('did not answer before the program ended'))
      const timer = startTimer(guarded(onTimeout), this.timeoutMs).unref()
      const endWatch = watchForEnd(() => connection.socket, onEnd, guarded)
      const unwatch = () => {
        stopTimer(timer)
        endWatch()
      }
      this.open.set(connection, unwatch)
      connection.send(head, bytes, {
        onAnswer: (answer, body) => resolve({ answer, body }),
        onExcess: () => reject(new Error(`answered with more than ${MAX_REPLY_BYTES} bytes`)),
        // Of several addresses tried the first one is told.
        onBroken: error => reject((error as { errors?: Error[] }).errors?.[0] ?? error),
        fail: reject,
      })
    })
  }

  /** Ends the questions under way; their promises reject. */
  close(): void {
    for (const { socket } of this.open.keys()) socket.destroy()
  }

  /** It was told to close, and a server that keeps it has not heard. */
  onRest({ socket }: Connection): void {
    socket.destroy()
  }

  onGone(connection: Connection): void {
    this.open.get(connection)?.()
    this.open.delete(connection)
  }
}
