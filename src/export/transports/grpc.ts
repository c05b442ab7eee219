/**
 * One unary gRPC call a message, on node:http2 (gRPC over HTTP2: PROTOCOL-HTTP2.md of grpc).
 *
 * A request is headers, then one message behind a prefix of five bytes (compressed or not, length); the answer is headers,
 * a message likewise, and trailers with the status. All calls share one connection, which is opened when it is needed,
 * and opened anew after an error, a GOAWAY, or a call without an answer (the connection may be dead and not know it).
 */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { guard, notUnderstood } from '../../guard'
import { handedOver, watchForEnd } from '../../net/ending'
import { MAX_REPLY_BYTES, MAX_REQUEST_BYTES } from '../../net/sizes'
import { openSocket, placeOf } from '../../net/socket'
import { stopTimer } from '../../timers'
import type { Recalled, Reply, Transport } from '../contract'
import { readFields } from '../protobuf'
import type { HttpOptions } from './http'
import { describeError, gzip, isConnectionError, isFinal, isUnreachable, limit } from './wire'

/** `host:port` with http:// or https:// in front, and the path of the method. */
export type GrpcOptions = HttpOptions

const PREFIX_BYTES = 5
/** `grpc-timeout` has at most eight digits. */
const MAX_TIMEOUT_MS = 99_999_999

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
const RESOURCE_EXHAUSTED = 8
/** PERMISSION_DENIED, UNAUTHENTICATED. */
const DENIED = [7, 16]
/** OTLP specification, "OTLP/gRPC Response": CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. */
const RETRYABLE = [1, 4, 10, 11, 14, 15]
/** HTTP statuses of something in between that stand for UNAVAILABLE (http-grpc-status-mapping.md). */
const RETRYABLE_HTTP = [429, 502, 503, 504]

/** A message on its way. */
interface Call {
  readonly stream: ClientHttp2Stream
  readonly connection: Socket
  begun: boolean
  reply?: Reply
}

export function create(options: GrpcOptions): Transport {
  const url = new URL(options.url)
  let session: ClientHttp2Session | undefined
  let socket: Socket | undefined
  /** Why the last connection ended; a stream on it tells less. */
  let sessionError: Error | undefined
  let closed = false
  /** By the body that `send` was given; there until that is forgotten, for an answer may have come just now. */
  const calls = new WeakMap<Uint8Array, Call>()
  const open = new Set<Call>()

  function connect(): ClientHttp2Session {
    if (session !== undefined && !session.closed && !session.destroyed) return session
    const http2 = require('node:http2') as typeof import('node:http2')
    sessionError = undefined
    const connection = openSocket(placeOf(url, options), 'h2')
    // Its session tells of it.
    connection.on('error', () => {})
    const opened = http2.connect(url.origin, { createConnection: () => connection })
    // Its streams end with it, each with a reply.
    const guarded = guard(error => {
      sessionError = notUnderstood(error)
      opened.destroy()
    })
    const onSessionError = (error: Error) => {
      if (session === opened) sessionError = error
    }
    const onSessionClose = () => {
      if (session === opened) session = undefined
    }
    opened.on('error', guarded(onSessionError))
    opened.on('close', guarded(onSessionClose))
    // Neither keeps a process alive.
    connection.unref()
    opened.unref()
    session = opened
    socket = connection
    return opened
  }

  /** A session that is destroyed while it connects would leave its socket to go on. */
  function disconnect(): void {
    session?.destroy()
    socket?.destroy()
  }

  /** All of it is with the system: the stream has ended and the queue of its connection is empty. */
  function connectionOf({ stream, connection, begun }: Call): Recalled | undefined {
    if (!stream.writableFinished || stream.destroyed) return undefined
    const over = handedOver(connection)
    if (over === undefined || over.protocol === 'tls') return over
    return { ...over, protocol: 'h2', streamId: stream.id, begun }
  }

  function call(body: Uint8Array, message: Uint8Array, timeoutMs: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const headers: Record<string, string> = {
        ...options.headers,
        ':method': 'POST',
        ':path': url.pathname,
        'content-type': 'application/grpc',
        te: 'trailers',
      }
      if (timeoutMs !== Infinity) headers['grpc-timeout'] = `${Math.min(Math.ceil(timeoutMs), MAX_TIMEOUT_MS)}m`
      if (options.compression === 'gzip') headers['grpc-encoding'] = 'gzip'
      const stream: ClientHttp2Stream = connect().request(headers)
      const own: Call = { stream, connection: socket!, begun: false }
      calls.set(body, own)
      open.add(own)
      let done = false
      let timer: NodeJS.Timeout | undefined
      const finish = (reply: Reply) => {
        if (done) return
        done = true
        own.reply = reply
        open.delete(own)
        stopTimer(timer)
        endWatch()
        resolve(reply)
      }
      const guarded = guard(error => {
        stopTimer(timer)
        reject(notUnderstood(error))
        stream.destroy()
      })
      const onTimeout = () => {
        finish({ ok: false, reason: 'did not answer in time', retry: false, about: 'time' })
        stream.destroy()
        disconnect()
      }
      const giveUp = () => {
        finish({ ok: false, reason: 'was not reached before the end', retry: true })
        disconnect()
      }
      let error: NodeJS.ErrnoException | undefined
      const onError = (problem: Error) => {
        error = problem
      }
      stream.on('error', guarded(onError))
      let answer: IncomingHttpHeaders = {}
      let trailers: IncomingHttpHeaders = {}
      const chunks: Buffer[] = []
      let size = 0
      const onResponse = (received: IncomingHttpHeaders) => {
        answer = received
        own.begun = true
      }
      stream.on('response', guarded(onResponse))
      const onTrailers = (received: IncomingHttpHeaders) => {
        trailers = received
      }
      stream.on('trailers', guarded(onTrailers))
      const onData = (chunk: Buffer) => {
        size += chunk.length
        if (size > MAX_REPLY_BYTES + PREFIX_BYTES) {
          finish({ ok: false, reason: `answered with more than ${MAX_REPLY_BYTES} bytes`, retry: false })
          stream.destroy()
        } else chunks.push(chunk)
      }
      stream.on('data', guarded(onData))
      const onClose = () => {
        const status = trailers['grpc-status'] ?? answer['grpc-status']
        if (status !== undefined) finish(judge(Number(status), { ...answer, ...trailers }, Buffer.concat(chunks)))
        else if (answer[':status'] !== undefined && Number(answer[':status']) !== 200) finish(judgeHttp(answer))
        else finish(broken(sessionError ?? causeOf(error), answer[':status'] !== undefined, closed))
      }
      stream.on('close', guarded(onClose))
      timer = limit(timeoutMs, guarded(onTimeout))
      const endWatch = watchForEnd(() => own.connection, giveUp, guarded)
      const prefix = Buffer.alloc(PREFIX_BYTES)
      prefix[0] = options.compression === 'gzip' ? 1 : 0
      prefix.writeUInt32BE(message.length, 1)
      stream.write(prefix)
      stream.end(message)
    })
  }

  return {
    accepts: ['application/x-protobuf'],
    maxBytes: MAX_REQUEST_BYTES,
    target: url.origin,
    async send(body, _mediaType, timeoutMs = Infinity) {
      if (closed) return { ok: false, reason: 'was not asked, as it is closed', retry: false }
      try {
        const message = options.compression === 'gzip' ? await gzip(body) : body
        if (closed) return { ok: false, reason: 'was not asked, as it is closed', retry: false }
        return await call(body, message, timeoutMs)
      } catch (error) {
        return { ok: false, reason: describeError(error as Error), retry: false }
      }
    },
    recall(body) {
      closed = true
      const own = calls.get(body)
      if (own === undefined) return 'withdrawn'
      if (own.reply !== undefined) return isFinal(own.reply) ? own.reply : 'withdrawn'
      const over = connectionOf(own)
      if (over !== undefined) return over
      // A stream that does not end is no call for the other side. The connection may carry others that were handed over.
      if (![...open].some(other => other.connection === own.connection && connectionOf(other) !== undefined)) {
        own.connection.destroy()
      }
      return 'withdrawn'
    },
    async close() {
      closed = true
      disconnect()
    },
  }
}

function judge(code: number, headers: IncomingHttpHeaders, body: Buffer): Reply {
  if (code === 0) {
    if (body.length === 0) return { ok: true }
    const length = body.length < PREFIX_BYTES ? -1 : body.readUInt32BE(1)
    if (length !== body.length - PREFIX_BYTES || body[0] !== 0) {
      return { ok: false, reason: 'answered OK with something that is not one gRPC message', retry: false }
    }
    return { ok: true, body: body.subarray(PREFIX_BYTES), mediaType: 'application/x-protobuf' }
  }
  const words = decodeMessage(String(headers['grpc-message'] ?? ''))
  const reason = `answered ${STATUS_NAMES[code] ?? `gRPC status ${code}`}`
  const afterMs = retryInfoMs(headers['grpc-status-details-bin'])
  const answer = { ok: false, reason, words, afterMs } as const
  if (code !== RESOURCE_EXHAUSTED) {
    return { ...answer, retry: RETRYABLE.includes(code), about: DENIED.includes(code) ? 'credentials' : undefined }
  }
  // Without RetryInfo the resource is not time. Servers use the same code for a message that is too large.
  const isSize = afterMs === undefined && /larger than max|exceeds? max|too large/i.test(words)
  return { ...answer, retry: afterMs !== undefined, about: isSize ? 'size' : undefined }
}

/** Something that does not speak gRPC answered: a proxy, or a web server. */
function judgeHttp(answer: IncomingHttpHeaders): Reply {
  const status = Number(answer[':status'])
  return { ok: false, reason: `answered HTTP ${status} and not gRPC`, retry: RETRYABLE_HTTP.includes(status) }
}

/** A stream that waited for a connection tells why there is none only as a cause. */
function causeOf(error: Error | undefined): NodeJS.ErrnoException | undefined {
  return error?.cause instanceof Error ? error.cause : error
}

/** The stream ended without a status. */
function broken(error: NodeJS.ErrnoException | undefined, answered: boolean, closed: boolean): Reply {
  if (closed) return { ok: false, reason: 'was not answered before the end', retry: false }
  if (answered) return { ok: false, reason: 'answered and broke off before the status', retry: false }
  if (error === undefined)
    return { ok: false, reason: 'went away without an answer', retry: true, mayHaveArrived: true }
  if (error.code === 'ERR_HTTP2_ERROR') {
    return { ok: false, reason: `does not speak HTTP/2, which gRPC needs (${error.message})`, retry: false }
  }
  const isReset = error.code === 'ERR_HTTP2_STREAM_ERROR' || error.code === 'ERR_HTTP2_SESSION_ERROR'
  const retry = isReset || isConnectionError(error)
  const unreachable = isUnreachable(error)
  const about = unreachable ? 'address' : undefined
  return { ok: false, reason: describeError(error), retry, mayHaveArrived: retry && !unreachable, about }
}

/** `grpc-message` is percent-encoded UTF-8; what is not stays as it is. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * The delay of a RetryInfo in `grpc-status-details-bin`: base64 of
 * `google.rpc.Status { 3 repeated Any { 1 type_url, 2 value } }`, `RetryInfo { 1 Duration { 1 seconds, 2 nanos } }`.
 */
export function retryInfoMs(header: unknown): number | undefined {
  if (typeof header !== 'string') return undefined
  try {
    for (const detail of readFields(Buffer.from(header, 'base64'))) {
      if (detail.number !== 3 || detail.bytes === undefined) continue
      const any = readFields(detail.bytes)
      const type = any.find(({ number }) => number === 1)?.bytes
      if (type === undefined || !Buffer.from(type).toString().endsWith('/google.rpc.RetryInfo')) continue
      const info = readFields(any.find(({ number }) => number === 2)?.bytes ?? Buffer.alloc(0))
      const duration = info.find(({ number }) => number === 1)?.bytes
      if (duration === undefined) return 0
      const fields = readFields(duration)
      const value = (wanted: number) => fields.find(({ number }) => number === wanted)?.value ?? 0
      return Math.max(value(1) * 1000 + value(2) / 1e6, 0)
    }
  } catch {
    // Not a Status: as if there were none.
  }
  return undefined
}
