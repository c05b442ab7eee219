/**
 * The work of the transport http: HTTP/1.1 POST over connections that are kept. It follows no redirect (credentials would go
 * to a stranger) and keeps no process alive: its sockets are unref'd.
 */
import type { OutgoingHttpHeaders, STATUS_CODES } from 'node:http'
import { guard, notUnderstood } from '../../guard'
import { handedOver, watchForEnd } from '../../net/ending'
import { type Answer, headerOf } from '../../net/http-answer'
import { Connection, type Pool, type Sender } from '../../net/http-connection'
import { renderHead } from '../../net/http-head'
import { MAX_REPLY_BYTES, MAX_REQUEST_BYTES } from '../../net/sizes'
import { type Place, placeOf } from '../../net/socket'
import { now, stopTimer, wallMillis } from '../../timers'
import type { Recalled, Reply, Transport } from '../contract'
import type { HttpOptions, Sign } from './http'
import { describeError, gzip, isConnectionError, isFinal, isUnreachable, limit } from './wire'

/** OTLP specification, "OTLP/HTTP Response": these statuses may pass, no other. */
const RETRYABLE = [429, 502, 503, 504]

/**
 * The other side had closed the kept connection when we wrote to it. It closes one that was idle for long whenever it
 * likes; that says nothing about the message, which goes out again at once.
 */
const STALE = Symbol('stale')

const EMPTY = new Uint8Array(0)

export class HttpPosting implements Transport, Pool {
  readonly accepts = []
  readonly maxBytes = MAX_REQUEST_BYTES
  session: Buffer | undefined = undefined
  private closed = false
  private place: Place | undefined
  private readonly connections = new Set<Connection>()
  /** Of these the ones that carry nothing; the last one has rested the shortest time. */
  private resting: Connection[] = []
  /** By the body that `send` was given; there until that is forgotten, for an answer may have come just now. */
  private readonly posts = new WeakMap<Uint8Array, Post>()

  constructor(
    private readonly url: URL,
    readonly target: string,
    private readonly options: HttpOptions,
    private readonly sign?: Sign,
  ) {}

  async send(body: Uint8Array, mediaType: string, timeoutMs = Infinity): Promise<Reply> {
    if (this.closed) return CLOSED
    const { headers, compression } = this.options
    const message = body
    const all: OutgoingHttpHeaders = { ...headers, 'content-type': mediaType }
    try {
      if (compression === 'gzip') {
        body = await gzip(body)
        all['content-encoding'] = 'gzip'
      }
      all['content-length'] = body.length
      if (this.sign !== undefined) Object.assign(all, await this.sign(this.url, all, body))
      const head = renderHead('POST', this.url, all)
      const deadline = now() + timeoutMs
      const reply = await this.post(message, head, body, timeoutMs)
      if (reply !== STALE) return reply
      return (await this.post(message, head, body, deadline - now(), true)) as Reply
    } catch (error) {
      // A header that HTTP does not allow, credentials that are not there.
      return { ok: false, reason: describeError(error as Error), retry: false }
    }
  }

  recall(body: Uint8Array): Recalled {
    this.closed = true
    const post = this.posts.get(body)
    // It is still being packed or signed.
    if (post === undefined) return 'withdrawn'
    const { connection, reply } = post
    if (reply !== undefined) return reply !== STALE && isFinal(reply) ? reply : 'withdrawn'
    if (connection.answer !== undefined) {
      const known = judge(connection.answer, EMPTY)
      return isFinal(known) ? known : 'withdrawn'
    }
    const over = handedOver(connection.socket)
    if (over !== undefined) return over
    // An incomplete request is none for the other side.
    connection.socket.destroy()
    return 'withdrawn'
  }

  async close(): Promise<void> {
    this.closed = true
    for (const { socket } of this.connections) socket.destroy()
  }

  onRest(connection: Connection): void {
    this.resting.push(connection)
  }

  onGone(connection: Connection): void {
    this.connections.delete(connection)
    this.resting = this.resting.filter(other => other !== connection)
  }

  /** @param again the kept connection was stale: the message gets a new one */
  private post(
    message: Uint8Array,
    head: string,
    body: Uint8Array,
    timeoutMs: number,
    again = false,
  ): Promise<Reply | typeof STALE> {
    if (this.closed) return Promise.resolve(CLOSED)
    return new Promise((resolve, reject) => {
      const connection = (again ? undefined : this.takeResting()) ?? this.connect()
      const post = new Post(connection, timeoutMs, () => this.closed, resolve, reject)
      this.posts.set(message, post)
      connection.send(head, body, post)
    })
  }

  private takeResting(): Connection | undefined {
    for (let last = this.resting.pop(); last !== undefined; last = this.resting.pop()) if (last.canCarry) return last
    return undefined
  }

  private connect(): Connection {
    this.place ??= this.findPlace()
    const connection = new Connection(this.place, this)
    this.connections.add(connection)
    return connection
  }

  private findPlace(): Place {
    const asked = Object.entries(this.options.headers).find(([name]) => name.toLowerCase() === 'host')?.[1]
    return placeOf(this.url, this.options, asked)
  }
}

const CLOSED: Reply = { ok: false, reason: 'was not asked, as it is closed', retry: false }

/** A message on its way. */
class Post implements Sender {
  reply: Reply | typeof STALE | undefined
  readonly fail: (error: Error) => void
  private timer: NodeJS.Timeout | undefined
  private readonly endWatch: () => void

  constructor(
    readonly connection: Connection,
    timeoutMs: number,
    private readonly isClosed: () => boolean,
    private readonly resolve: (reply: Reply | typeof STALE) => void,
    reject: (error: unknown) => void,
  ) {
    const onFail = (error: Error) => {
      reject(error)
      stopTimer(this.timer)
      this.endWatch()
    }
    this.fail = guard(reject)(onFail)
    const guarded = guard(error => {
      connection.socket.destroy()
      this.fail(notUnderstood(error))
    })
    const onEnd = () => this.giveUp({ ok: false, reason: 'was not reached before the end', retry: true })
    this.endWatch = watchForEnd(() => connection.socket, onEnd, guarded)
    const onTimeout = () => this.giveUpInTime()
    this.timer = limit(timeoutMs, guarded(onTimeout))
  }

  onAnswer(answer: Answer, body: Uint8Array, isRead: boolean): void {
    const reply = judge(answer, body)
    this.finish(reply.ok && isRead ? { ...reply, isRead } : reply)
  }

  onExcess(answer: Answer): void {
    this.finish(refused(answer, `answered ${status(answer)} with more than ${MAX_REPLY_BYTES} bytes`))
  }

  onBroken(error: NodeJS.ErrnoException, answer: Answer | undefined): void {
    if (answer === undefined) this.finish(this.failed(error))
    else this.finish(refused(answer, `answered ${status(answer)} and broke off in the middle`))
  }

  private giveUpInTime(): void {
    const { answer } = this.connection
    const what = answer === undefined ? 'did not answer' : `answered ${status(answer)} but did not finish`
    this.giveUp({ ok: false, reason: `${what} in time`, retry: false, about: 'time' })
  }

  private giveUp(reply: Reply): void {
    this.connection.abandon()
    this.finish(reply)
  }

  private finish(reply: Reply | typeof STALE): void {
    if (this.reply !== undefined) return
    this.reply = reply
    stopTimer(this.timer)
    this.endWatch()
    this.resolve(reply)
  }

  private failed(error: NodeJS.ErrnoException): Reply | typeof STALE {
    if (this.isClosed()) return { ok: false, reason: 'was not answered before the end', retry: false }
    if (this.connection.isStale && isReset(error)) return STALE
    const retry = isConnectionError(error)
    // A connection that could be made has perhaps carried the message.
    const unreachable = isUnreachable(error)
    const about = unreachable ? 'address' : undefined
    return { ok: false, reason: describeError(error), retry, mayHaveArrived: retry && !unreachable, about }
  }
}

function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE'
}

function judge(answer: Answer, body: Uint8Array): Reply {
  const { code } = answer
  const mediaType = headerOf(answer, 'content-type')
  if (code >= 200 && code < 300) return { ok: true, body, mediaType }
  const location = headerOf(answer, 'location')
  const isRedirect = code >= 300 && code < 400 && location !== undefined
  const where = isRedirect ? ` to ${withoutSecrets(location)}, which is not followed` : ''
  const reply = refused(answer, `answered ${status(answer)}${where}`)
  const about = code === 413 ? 'size' : code === 401 || code === 403 ? 'credentials' : undefined
  return { ...reply, about, body, mediaType }
}

function refused(answer: Answer, reason: string): Reply & { ok: false } {
  if (!RETRYABLE.includes(answer.code)) return { ok: false, reason, retry: false }
  return { ok: false, reason, retry: true, afterMs: retryAfterMs(headerOf(answer, 'retry-after')) }
}

function status({ code, words }: Answer): string {
  // Few servers send no words; only for them is the program made to load what it may have no other use for.
  const known = words || (require('node:http') as { STATUS_CODES: typeof STATUS_CODES }).STATUS_CODES[code]
  return known === undefined ? String(code) : `${code} ${known}`
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(date - wallMillis(), 0)
}

/** A URL of the other side, for a line to the user. */
function withoutSecrets(location: string): string {
  return location.replace(/\/\/[^/]*@/, '//').replace(/[?#].*$/s, '')
}
