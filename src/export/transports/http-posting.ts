/**
 * The work of the transport http: HTTP/1.1 POST with a keep-alive agent of our own. It follows no redirect (credentials would go to a stranger) and keeps
 * no process alive: its sockets are unref'd.
 */
import http from 'node:http'
import type https from 'node:https'
import type { Recalled, Reply, Transport } from '../contract'
import { untraced } from '../home'
import { now, stopTimer, wallMillis } from '../timers'
import type { HttpOptions, Sign } from './http'
import { MAX_REPLY_BYTES, MAX_REQUEST_BYTES } from './sizes'
import {
  describeError,
  type Guard,
  guardWith,
  gzip,
  handedOver,
  isConnectionError,
  isFinal,
  isUnreachable,
  limit,
  watchForEnd,
} from './wire'

/** As Node has it: what `http` and `https` export the program may have replaced (nock, msw). */
const { ClientRequest } = require('node:_http_client') as typeof http

/** OTLP specification, "OTLP/HTTP Response": these statuses may pass, no other. */
const RETRYABLE = [429, 502, 503, 504]

/** A message on its way. */
interface Post {
  readonly request: http.ClientRequest
  response?: http.IncomingMessage
  reply?: Reply | typeof STALE
}

export class HttpPosting implements Transport {
  readonly accepts = []
  readonly maxBytes = MAX_REQUEST_BYTES
  private agent: http.Agent | undefined
  private closed = false
  private readonly requests = new Set<http.ClientRequest>()
  /** By the body that `send` was given; there until that is forgotten, for an answer may have come just now. */
  private readonly posts = new WeakMap<Uint8Array, Post>()

  constructor(
    private readonly url: URL,
    readonly target: string,
    private readonly options: HttpOptions,
    private readonly sign?: Sign,
  ) {}

  async send(body: Uint8Array, mediaType: string, timeoutMs = Infinity): Promise<Reply> {
    if (this.closed) return { ok: false, reason: 'was not asked, as it is closed', retry: false }
    const { headers, compression } = this.options
    const message = body
    const all: http.OutgoingHttpHeaders = { ...headers, 'content-type': mediaType }
    try {
      if (compression === 'gzip') {
        body = await gzip(body)
        all['content-encoding'] = 'gzip'
      }
      all['content-length'] = body.length
      if (this.sign !== undefined) Object.assign(all, await this.sign(this.url, all, body))
      const deadline = now() + timeoutMs
      const reply = await this.post(message, body, all, timeoutMs)
      if (reply !== STALE) return reply
      return (await this.post(message, body, all, deadline - now(), true)) as Reply
    } catch (error) {
      // A header that Node does not send, credentials that are not there.
      return { ok: false, reason: describeError(error as Error), retry: false }
    }
  }

  recall(body: Uint8Array): Recalled {
    this.closed = true
    const post = this.posts.get(body)
    // It is still being packed or signed.
    if (post === undefined) return 'withdrawn'
    const { request, response, reply } = post
    if (reply !== undefined) return reply !== STALE && isFinal(reply) ? reply : 'withdrawn'
    if (response !== undefined) {
      const known = judge(response, Buffer.alloc(0))
      return isFinal(known) ? known : 'withdrawn'
    }
    const { socket } = request
    if (socket && isWritten(request)) {
      const connection = handedOver(socket)
      if (connection !== undefined) return connection
    }
    // An incomplete request is none for the other side.
    socket?.destroy()
    request.destroy()
    return 'withdrawn'
  }

  async close(): Promise<void> {
    this.closed = true
    for (const request of this.requests) request.destroy()
    this.agent?.destroy()
  }

  /** @param again the kept connection was stale: now a broken connection is an error of its own */
  private post(
    message: Uint8Array,
    body: Uint8Array,
    headers: http.OutgoingHttpHeaders,
    timeoutMs: number,
    again = false,
  ): Promise<Reply | typeof STALE> {
    if (this.closed) return Promise.resolve({ ok: false, reason: 'was not asked, as it is closed', retry: false })
    return new Promise(resolve => {
      const options = this.requestOptions(headers) as http.ClientRequestArgs & URL
      const request = untraced(() => new ClientRequest(options))
      let response: http.IncomingMessage | undefined
      const post: Post = { request }
      this.posts.set(message, post)
      let done = false
      const finish = (reply: Reply | typeof STALE) => {
        if (done) return
        done = true
        post.reply = reply
        stopTimer(timer)
        endWatch()
        this.requests.delete(request)
        resolve(reply)
      }
      const timer = limit(timeoutMs, () => {
        const what = response === undefined ? 'did not answer' : `answered ${status(response)} but did not finish`
        finish({ ok: false, reason: `${what} in time`, retry: false, about: 'time' })
        request.destroy()
      })
      const giveUp = () => {
        finish({ ok: false, reason: 'was not reached before the end', retry: true })
        request.destroy()
      }
      const endWatch = watchForEnd(() => request.socket, giveUp)
      this.requests.add(request)
      const guarded = guardWith(reply => {
        finish(reply)
        request.destroy()
      })
      // Also for a kept one, which the agent lets hold the process again.
      request.on('socket', socket => socket.unref())
      const onError = (error: NodeJS.ErrnoException) => {
        if (response === undefined) finish(this.failed(request, error, again))
      }
      request.on('error', guarded(onError))
      const onResponse = (incoming: http.IncomingMessage) => {
        response = incoming
        post.response = incoming
        // Gone from the response when that is over.
        const { socket } = incoming
        const onReply = (reply: Reply) => {
          const isRead = isWritten(request) && socket.writableLength === 0
          finish(reply.ok && isRead ? { ...reply, isRead } : reply)
          if (!incoming.complete) request.destroy()
        }
        readReply(incoming, guarded, onReply)
      }
      request.on('response', guarded(onResponse))
      request.end(body)
    })
  }

  private requestOptions(headers: http.OutgoingHttpHeaders): http.RequestOptions {
    const { protocol, hostname, port, pathname, search, username, password } = this.url
    const { ca, cert, key } = this.options
    if (this.agent === undefined) {
      const library = protocol === 'https:' ? (require('node:https') as typeof https) : http
      this.agent = new (library as typeof https).Agent({ keepAlive: true, ca, cert, key })
    }
    return {
      method: 'POST',
      protocol,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? undefined : port,
      path: pathname + search,
      headers,
      agent: this.agent,
      auth: username === '' ? undefined : `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
    }
  }

  private failed(request: http.ClientRequest, error: NodeJS.ErrnoException, again: boolean): Reply | typeof STALE {
    if (this.closed) return { ok: false, reason: 'was not answered before the end', retry: false }
    if (request.reusedSocket && error.code === 'ECONNRESET' && !again) return STALE
    const retry = isConnectionError(error)
    // A connection that could be made has perhaps carried the message.
    const unreachable = isUnreachable(error)
    const about = unreachable ? 'address' : undefined
    return { ok: false, reason: describeError(error), retry, mayHaveArrived: retry && !unreachable, about }
  }
}

/**
 * The other side had closed the kept connection when we wrote to it. It closes one that was idle for long whenever it
 * likes; that says nothing about the message, which goes out again at once.
 */
const STALE = Symbol('stale')

/** The connection has got all of it. */
function isWritten(request: http.ClientRequest): boolean {
  return request.writableEnded && (request as unknown as { outputSize: number }).outputSize === 0
}

/** Reads the body up to its end, its limit, or its breaking off. */
function readReply(response: http.IncomingMessage, guarded: Guard, finish: (reply: Reply) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  const onData = (chunk: Buffer) => {
    size += chunk.length
    if (size <= MAX_REPLY_BYTES) chunks.push(chunk)
    else finish(refused(response, `answered ${status(response)} with more than ${MAX_REPLY_BYTES} bytes`))
  }
  const onClose = () => {
    if (response.complete) finish(judge(response, Buffer.concat(chunks)))
    else finish(refused(response, `answered ${status(response)} and broke off in the middle`))
  }
  response.on('data', guarded(onData))
  response.on('error', () => {})
  response.on('close', guarded(onClose))
}

function judge(response: http.IncomingMessage, body: Uint8Array): Reply {
  const code = response.statusCode!
  const mediaType = response.headers['content-type']
  if (code >= 200 && code < 300) return { ok: true, body, mediaType }
  const { location } = response.headers
  const isRedirect = code >= 300 && code < 400 && location !== undefined
  const where = isRedirect ? ` to ${withoutSecrets(location)}, which is not followed` : ''
  const reply = refused(response, `answered ${status(response)}${where}`)
  const about = code === 413 ? 'size' : code === 401 || code === 403 ? 'credentials' : undefined
  return { ...reply, about, body, mediaType }
}

function refused(response: http.IncomingMessage, reason: string): Reply & { ok: false } {
  if (!RETRYABLE.includes(response.statusCode!)) return { ok: false, reason, retry: false }
  return { ok: false, reason, retry: true, afterMs: retryAfterMs(response.headers['retry-after']) }
}

function status(response: http.IncomingMessage): string {
  const words = response.statusMessage || http.STATUS_CODES[response.statusCode!]
  return words === undefined ? String(response.statusCode) : `${response.statusCode} ${words}`
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
