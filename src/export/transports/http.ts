/**
 * HTTP/1.1 POST with a keep-alive agent of our own. It follows no redirect (credentials would go to a stranger) and keeps
 * no process alive: its sockets are unref'd.
 */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import http from 'node:http'
import type { Reply, Transport } from '../contract'

/** Largest reply that is read, largest request that is sent (OTLP specification). */
const MAX_REPLY_BYTES = 4 * 1024 * 1024
const MAX_REQUEST_BYTES = 64 * 1024 * 1024

// As it was before anyone patched it, if this file is loaded first; else the suppressed context hides us from ourselves.
const httpRequest = http.request
const startTimer = setTimeout

export interface HttpOptions {
  /** With user and password, if there are any. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly compression: 'none' | 'gzip'
  /** PEM texts. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** Node's Agent keeps at most this many connections; further messages wait. */
  readonly maxSockets?: number
}

export function create(options: HttpOptions): Transport {
  const url = new URL(options.url)
  const isTls = url.protocol === 'https:'
  const target = `${url.protocol}//${url.host}${url.pathname}`
  let agent: Agent | undefined
  let closed = false
  const requests = new Set<ClientRequest>()

  function attempt(body: Uint8Array, headers: Record<string, string | number>, timeoutMs: number): Promise<Reply> {
    return new Promise(resolve => {
      const library = isTls ? (require('node:https') as typeof import('node:https')) : undefined
      agent ??= keepAliveAgent(library ?? http, options)
      const requestOptions: RequestOptions & { servername?: string } = {
        method: 'POST',
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port || undefined,
        path: url.pathname + url.search,
        headers,
        agent,
      }
      if (url.username !== '') {
        requestOptions.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
      }
      const request = (library?.request ?? httpRequest)(requestOptions)
      let done = false
      const finish = (reply: Reply) => {
        if (done) return
        done = true
        clearTimeout(timer)
        requests.delete(request)
        resolve(reply)
      }
      let response: IncomingMessage | undefined
      const timer = limit(timeoutMs, () => {
        const what = response === undefined ? 'did not answer' : `answered ${status(response)} and did not finish`
        finish({ ok: false, reason: `${what} within ${Math.round(timeoutMs)} ms`, retry: false })
        request.destroy()
      })
      requests.add(request)
      request.on('socket', socket => socket.unref())
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (response !== undefined) return
        // The other side may close a kept connection at any moment: that says nothing about the message.
        if (request.reusedSocket && error.code === 'ECONNRESET' && !closed && !done) {
          attempt(body, headers, timeoutMs).then(finish)
          return
        }
        finish({ ok: false, reason: describe(error), retry: isConnectionError(error) })
      })
      request.on('response', incoming => {
        response = incoming
        const chunks: Buffer[] = []
        let size = 0
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_REPLY_BYTES) {
            const reason = `answered ${status(incoming)} with more than ${MAX_REPLY_BYTES} bytes`
            finish({ ok: false, reason, retry: false })
            request.destroy()
          } else chunks.push(chunk)
        })
        incoming.on('error', () => {})
        incoming.on('close', () => {
          if (incoming.complete) finish(judge(incoming, Buffer.concat(chunks)))
          else finish({ ...judge(incoming, undefined), ...brokenOff(incoming) })
        })
      })
      request.end(body)
    })
  }

  return {
    accepts: [],
    maxBytes: MAX_REQUEST_BYTES,
    target,
    async send(body, mediaType, timeoutMs = Infinity) {
      if (closed) return { ok: false, reason: 'is closed', retry: false }
      const headers: Record<string, string | number> = { ...options.headers, 'content-type': mediaType }
      if (options.compression === 'gzip') {
        body = await gzip(body)
        headers['content-encoding'] = 'gzip'
      }
      headers['content-length'] = body.length
      return attempt(body, headers, timeoutMs)
    },
    async close() {
      closed = true
      for (const request of requests) request.destroy(new Error('closed'))
      agent?.destroy()
    },
  }
}

function keepAliveAgent(library: typeof http | typeof import('node:https'), options: HttpOptions): Agent {
  const agent = new (library.Agent as typeof import('node:https').Agent)({
    keepAlive: true,
    maxSockets: options.maxSockets ?? Infinity,
    ca: options.ca,
    cert: options.cert,
    key: options.key,
  })
  // The documented hook for a kept connection that is used again; the default makes it hold the process.
  ;(agent as Agent & { reuseSocket(socket: unknown, request: ClientRequest): void }).reuseSocket = (_, request) => {
    request.reusedSocket = true
  }
  return agent
}

function limit(timeoutMs: number, fn: () => void): NodeJS.Timeout | undefined {
  if (timeoutMs === Infinity) return undefined
  const timer = startTimer(fn, Math.max(timeoutMs, 0))
  timer.unref()
  return timer
}

function gzip(body: Uint8Array): Promise<Uint8Array> {
  const zlib = require('node:zlib') as typeof import('node:zlib')
  return new Promise((resolve, reject) => {
    zlib.gzip(body, (error, packed) => (error ? reject(error) : resolve(packed)))
  })
}

function status(response: IncomingMessage): string {
  return `${response.statusCode} ${response.statusMessage || http.STATUS_CODES[response.statusCode!] || ''}`.trim()
}

/** OTLP specification, "OTLP/HTTP Response": these statuses may pass, no other. */
const RETRYABLE = [429, 502, 503, 504]

function judge(response: IncomingMessage, body: Uint8Array | undefined): Reply {
  const code = response.statusCode!
  const mediaType = response.headers['content-type']
  if (code >= 200 && code < 300) return { ok: true, body, mediaType }
  const location = response.headers.location
  const where = code >= 300 && code < 400 && location !== undefined ? ` to ${withoutSecrets(location)}` : ''
  return {
    ok: false,
    reason: `answered ${status(response)}${where}`,
    retry: RETRYABLE.includes(code),
    afterMs: RETRYABLE.includes(code) ? retryAfterMs(response.headers['retry-after']) : undefined,
    tooLarge: code === 413,
    body,
    mediaType,
  }
}

function brokenOff(response: IncomingMessage): Reply {
  const retry = RETRYABLE.includes(response.statusCode!)
  return { ok: false, reason: `answered ${status(response)} and broke off in the middle`, retry }
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
export function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(date - Date.now(), 0)
}

/** A URL of the other side, for a line to the user. */
function withoutSecrets(location: string): string {
  return location.replace(/\/\/[^/]*@/, '//').replace(/[?#].*$/s, '')
}

/** Failed connections and connections that went away without an answer; a certificate does not become valid by waiting. */
function isConnectionError(error: NodeJS.ErrnoException): boolean {
  const code = error.code ?? ''
  return /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND|EADDRNOTAVAIL|EMFILE)/.test(code)
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.message === 'closed') return 'was not answered before the end'
  // Of several addresses none could be reached: the first error stands for all.
  const first = (error as { errors?: Error[] }).errors?.[0] ?? error
  return first.message || first.name || error.code || 'failed'
}
