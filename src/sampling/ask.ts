import type http from 'node:http'
import type https from 'node:https'
import type { Socket } from 'node:net'
import { startTimer, stopTimer } from '../export/timers'
import { type Guard, guard, notUnderstood } from '../guard'
import { runInContext, SUPPRESSED } from '../trace/context'

/** A sampling service answers at once or not at all; the next try comes soon. */
const TIMEOUT_MS = 5000
/** Strategies of thousands of operations fit many times. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024

/** Asks a sampling service: untraced, with a connection that keeps no process alive. */
export class SamplingService {
  private readonly makeRequest: typeof http.request
  private readonly agent: http.Agent
  private open: http.ClientRequest | undefined

  constructor(private readonly origin: URL) {
    const library = require(origin.protocol === 'https:' ? 'node:https' : 'node:http') as typeof https
    // Before the program replaced them. An agent that keeps nothing: it is asked once in many seconds.
    this.makeRequest = library.request as typeof http.request
    this.agent = new library.Agent()
  }

  /**
   * @param body JSON for a POST; undefined for a GET
   * @returns the JSON of the answer; rejects with a message for the user
   */
  ask(path: string, body?: string): Promise<unknown> {
    return runInContext(SUPPRESSED, this.send, this, [path, body])
  }

  /** Ends a request under way; its promise rejects. */
  close(): void {
    this.open?.destroy()
  }

  private send(path: string, body: string | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { protocol, hostname, port, username, password } = this.origin
      const headers: http.OutgoingHttpHeaders = { accept: 'application/json' }
      if (body !== undefined) {
        headers['content-type'] = 'application/json'
        headers['content-length'] = Buffer.byteLength(body)
      }
      const request = this.makeRequest({
        method: body === undefined ? 'GET' : 'POST',
        protocol,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        path,
        headers,
        agent: this.agent,
        ...(username === '' ? {} : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
      })
      this.open = request
      const guarded = guard(error => {
        reject(notUnderstood(error))
        request.destroy()
      })
      const tooLate = () => void request.destroy(new Error(`did not answer within ${TIMEOUT_MS} ms`))
      const timer = startTimer(guarded(tooLate), TIMEOUT_MS)
      timer.unref()
      const onSocket = (socket: Socket) => void socket.unref()
      request.on('socket', guarded(onSocket))
      const onError = (error: Error) => reject(new Error(describe(error)))
      request.on('error', guarded(onError))
      let answer: { json: unknown } | undefined
      /** The answer is told last, so that a fault before is told instead. */
      const onClose = () => {
        stopTimer(timer)
        if (answer === undefined) reject(new Error('closed the connection'))
        else resolve(answer.json)
      }
      request.on('close', guarded(onClose))
      const onResponse = (response: http.IncomingMessage) => {
        readText(response, guarded, (error, text) => {
          if (error !== undefined) return reject(error)
          if (response.statusCode !== 200) {
            return reject(new Error(`answered ${response.statusCode} ${response.statusMessage ?? ''}`.trimEnd()))
          }
          try {
            answer = { json: JSON.parse(text) }
          } catch {
            reject(new Error('answered with something that is not JSON'))
          }
        })
      }
      request.on('response', guarded(onResponse))
      request.end(body)
    })
  }
}

function readText(
  response: http.IncomingMessage,
  guarded: Guard,
  done: (error: Error | undefined, text: string) => void,
): void {
  const chunks: Buffer[] = []
  let bytes = 0
  const onData = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_REPLY_BYTES) chunks.push(chunk)
    else response.destroy(new Error(`answered with more than ${MAX_REPLY_BYTES} bytes`))
  }
  response.on('data', guarded(onData))
  const onError = (error: Error) => done(new Error(describe(error)), '')
  response.on('error', guarded(onError))
  const onEnd = () => done(undefined, Buffer.concat(chunks).toString('utf8'))
  response.on('end', guarded(onEnd))
}

/** `connect ECONNREFUSED 127.0.0.1:5778`; of several addresses tried, the first. */
function describe(error: Error & { errors?: Error[]; code?: string }): string {
  return error.errors?.[0]?.message || error.message || error.code || 'failed'
}
