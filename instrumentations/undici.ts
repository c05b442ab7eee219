/**
 * One CLIENT span for each request that undici sends: the built-in `fetch`, `WebSocket` and `EventSource`, and every copy
 * of the package `undici` from version 5 on. Each redirect and each retry is a request, with a span and headers of its own.
 *
 * undici tells of its requests on diagnostics channels; nothing is loaded or patched for that.
 *
 * The span ends with the last byte of the response's body, or when the request fails or is aborted. A body that the program
 * does not read to its end stays on its connection, as long as the connection lives, and nobody is told: when such a body
 * has made no progress for half a minute, or the program ends, the span ends with the last moment at which it did.
 *
 * Not covered: an `AbortController` that is aborted with an error of the program's own looks like a failure; the headers of
 * HTTP/2 requests of undici 5 and 6.0 (an experiment then) do not carry our context.
 */
import type { AgentContext, AgentSpan, AttributeList, Settings, Tools } from '../src/instrumentation'
import { activeContext, CLIENT, nowMs, startTimer, stopTimer } from '../src/instrumentation'
import { peerOf } from './_http-peer'
import {
  captureHeaders,
  clientAttributes,
  type Destination,
  failCall,
  plainAddress,
  redactUrl,
  setClientStatus,
  spanName,
} from './_http-semantics'
import { Given } from './_note'
import { Listed, OpenList } from './_open-list'
import { bindHandler, type Listener } from './undici-handler'
import {
  destinationOf,
  HEADER_SETTER,
  headerInLines,
  headerOfResponse,
  hostOf,
  type ResponseHeaders,
  type UndiciRequest,
} from './undici-request'

/** What is read of the socket. */
interface Socket {
  readonly remoteAddress?: string
  readonly remotePort?: number
  readonly alpnProtocol?: string | false | null
  readonly bytesRead?: number
}

/** How often responses are looked at, while there are any whose end has not come. */
const LOOK_EVERY_MS = 1000
/** Longer than the heartbeat of most event streams, so that one that is being read is not taken for one that is not. */
const ABANDONED_AFTER_MS = 30_000
/** On HTTP/2 the bytes of a connection say nothing of one response: undici's own limit for a body that does not come. */
const ABANDONED_ON_HTTP2_AFTER_MS = 300_000
/** A redirect is followed at once. */
const FOLLOWED_WITHIN_MS = 1000
const MAX_REDIRECTS_IN_ONE_CONTEXT = 16

class Attempt extends Listed implements Listener {
  socket: Socket | undefined = undefined
  /** `nowMs()` of the last progress of the response; 0 before its head. */
  progressMs = 0
  /** Bytes that the connection had received at the last look. */
  private bytes = -1
  mayBeSentAgain = false
  private again: AgentContext | undefined = undefined

  constructor(
    private readonly client: UndiciClient,
    readonly span: AgentSpan,
    readonly callerContext: AgentContext,
    readonly url: string,
    /** `http.request.resend_count` */
    readonly resends: number,
  ) {
    super()
  }

  get againContext(): AgentContext {
    try {
      this.again ??= this.client.contextForAnother(this)
      return this.again
    } catch (error) {
      this.client.tools.fault('a repetition', error)
      return this.callerContext
    }
  }

  upgraded(status: number): void {
    this.client.onUpgrade(this, status)
  }

  /** A look at the response: nothing of it has arrived for so long that nobody is reading it. */
  isAbandoned(atMs: number): boolean {
    if (this.progressMs === 0) return false
    const { socket } = this
    // undici 5 and 6 do not tell the socket of HTTP/2.
    if (socket === undefined || socket.alpnProtocol === 'h2') {
      return atMs - this.progressMs >= ABANDONED_ON_HTTP2_AFTER_MS
    }
    const bytes = socket.bytesRead ?? 0
    if (bytes !== this.bytes) {
      // What had come until the first look may just be waiting for a reader.
      if (this.bytes >= 0) this.progressMs = atMs
      this.bytes = bytes
    }
    return atMs - this.progressMs >= ABANDONED_AFTER_MS
  }
}

/** On a request of undici. Undefined: not traced, or over. */
class AttemptNote extends Given {
  #attempt: Attempt | undefined

  constructor(request: object, attempt: Attempt | undefined) {
    super(request)
    this.#attempt = attempt
  }

  static read(request: object): Attempt | undefined {
    return #attempt in request ? request.#attempt : undefined
  }

  static write(request: object, attempt: Attempt | undefined): void {
    if (#attempt in request) request.#attempt = attempt
    else new AttemptNote(request, attempt)
  }
}

interface Redirect {
  readonly url: string
  readonly resends: number
  readonly atMs: number
}

interface Subject {
  readonly settings: Settings
  readonly destination: Destination
  readonly resends: number
}

export class UndiciClient {
  private readonly open = new OpenList<Attempt>()
  /** Where `fetch` was told to go, by the context of its caller. */
  private readonly redirects = new WeakMap<AgentContext, Redirect[]>()
  private readonly sentFrom = new WeakMap<AgentContext, Attempt>()
  private readonly settings: Settings
  private timer: NodeJS.Timeout | undefined = undefined
  /** There has been a repetition, or a redirect: most programs never look at the two maps. */
  private sentAgain = false
  private redirected = false

  constructor(readonly tools: Tools) {
    this.settings = tools.settings
  }

  /** All that is told of a request after its creation. */
  subscribe(): void {
    const { tools } = this
    tools.subscribe('undici:client:sendHeaders', ({ request, headers, socket }) =>
      this.onSend(request, headers, socket),
    )
    tools.subscribe('undici:request:headers', ({ request, response }) => this.onHeaders(request, response))
    tools.subscribe('undici:request:trailers', ({ request }) => this.onEnd(request))
    tools.subscribe('undici:request:error', ({ request, error }) => this.onError(request, error))
    tools.atExit(() => this.endAll())
  }

  /** The request exists and nothing of it was sent. This is on the stack of the caller, or of the handler that repeats it. */
  onCreate(request: UndiciRequest): void {
    let parent = activeContext()
    if (parent.suppressed) return
    const { settings, tools } = this
    const { ignoreOutgoing, mayInject } = settings
    const destination = destinationOf(settings, request)
    if (ignoreOutgoing?.(request.method, hostOf(destination), request.path)) return
    const before = this.sentAgain ? this.sentFrom.get(parent) : undefined
    if (before !== undefined) parent = before.callerContext
    const resends = before !== undefined ? before.resends + 1 : this.redirectsTo(destination.url, parent)
    const subject = { settings, destination, resends }
    const span = tools.tracer.start(spanName(settings, request.method), CLIENT, parent, describe, subject)
    const attempt = new Attempt(this, span, parent, destination.url, resends)
    if (span.isRecording()) {
      AttemptNote.write(request, attempt)
      this.open.add(attempt)
    }
    bindHandler(request, attempt)
    if (mayInject === undefined || mayInject(hostOf(destination), request.path)) {
      tools.inject(parent.withSpan(span), request, HEADER_SETTER)
    }
  }

  private onSend(request: object, headers: unknown, socket: Socket): void {
    const attempt = AttemptNote.read(request)
    if (attempt === undefined) return
    attempt.socket = socket
    const wanted = this.settings.clientRequestHeaders
    if (wanted.length > 0 && typeof headers === 'string') captureHeaders(attempt.span, wanted, headers, headerInLines)
  }

  private onHeaders(request: object, response: { statusCode: number; headers: ResponseHeaders }): void {
    const attempt = AttemptNote.read(request)
    const { statusCode: status, headers } = response
    // 103 Early Hints: the answer is still to come.
    if (attempt === undefined || (status < 200 && status !== 101)) return
    this.answered(attempt, status)
    captureHeaders(attempt.span, this.settings.clientResponseHeaders, headers, headerOfResponse)
    if (status < 300) return
    attempt.mayBeSentAgain = true
    if (status < 400) this.noteRedirect(attempt, headers)
  }

  /** The channels are silent about it until undici 6.29 and 7.29. */
  onUpgrade(attempt: Attempt, status: number): void {
    try {
      if (!attempt.span.isRecording()) return
      if (attempt.progressMs === 0) this.answered(attempt, status)
      this.end(attempt)
    } catch (error) {
      this.tools.fault('an upgrade', error)
    }
  }

  private answered(attempt: Attempt, status: number): void {
    const { span, socket } = attempt
    attempt.progressMs = nowMs()
    if (socket !== undefined) {
      span.add('network.protocol.version', socket.alpnProtocol === 'h2' ? '2' : '1.1')
      addPeer(span, socket)
    }
    setClientStatus(span, this.settings, status)
    if (this.timer === undefined) this.lookLater()
  }

  private onEnd(request: object): void {
    const attempt = AttemptNote.read(request)
    if (attempt === undefined) return
    // `fetch` keeps its requests until its responses are collected as garbage, and all that hangs on them.
    AttemptNote.write(request, undefined)
    this.end(attempt)
  }

  private onError(request: object, error: unknown): void {
    const attempt = AttemptNote.read(request)
    if (attempt === undefined || !attempt.span.isRecording()) return
    attempt.mayBeSentAgain = true
    // Only a program aborts with what is no error, and undici itself when the response was collected as garbage.
    if (typeof error === 'object') failCall(attempt.span, error)
    this.end(attempt)
  }

  private end(attempt: Attempt): void {
    this.open.delete(attempt)
    attempt.span.end()
  }

  private endAll(): void {
    for (const { span, progressMs } of this.open) span.end(progressMs || undefined)
    this.open.clear()
    stopTimer(this.timer)
  }

  /** A timer that keeps no program alive, and none when no response is open. */
  private lookLater(): void {
    this.timer = startTimer(() => {
      this.timer = undefined
      this.endAbandoned(nowMs())
      if (!this.open.isEmpty) this.lookLater()
    }, LOOK_EVERY_MS).unref()
  }

  endAbandoned(atMs: number): void {
    for (const attempt of this.open) {
      if (!attempt.isAbandoned(atMs)) continue
      this.open.delete(attempt)
      attempt.span.end(attempt.progressMs)
    }
  }

  /** A context like that of the caller, by which a request that is sent from it is known as a repetition. */
  contextForAnother(attempt: Attempt): AgentContext {
    const context = attempt.callerContext.withSpan(attempt.callerContext.span)
    this.sentFrom.set(context, attempt)
    this.sentAgain = true
    return context
  }

  private noteRedirect({ callerContext, url, resends }: Attempt, headers: ResponseHeaders): void {
    const location = headerOfResponse(headers, 'location')?.[0]
    if (location === undefined || !URL.canParse(location, url)) return
    const known = this.redirects.get(callerContext) ?? []
    if (known.length >= MAX_REDIRECTS_IN_ONE_CONTEXT) known.shift()
    const target = new URL(location, url)
    target.hash = ''
    known.push({ url: redactUrl(this.settings, target.href), resends: resends + 1, atMs: nowMs() })
    this.redirects.set(callerContext, known)
    this.redirected = true
  }

  private redirectsTo(url: string, context: AgentContext): number {
    const known = this.redirected ? this.redirects.get(context) : undefined
    if (known === undefined) return 0
    const at = known.findIndex(redirect => redirect.url === url)
    if (at < 0) return 0
    const [redirect] = known.splice(at, 1)
    return nowMs() - redirect!.atMs < FOLLOWED_WITHIN_MS ? redirect!.resends : 0
  }
}

function describe({ settings, destination, resends }: Subject): AttributeList {
  const attributes = clientAttributes(settings, destination)
  if (resends > 0) attributes.push('http.request.resend_count', resends)
  return attributes
}

function addPeer(span: AgentSpan, socket: Socket): void {
  const peer = peerOf(socket)
  if (peer !== undefined) {
    span.add('network.peer.address', peer.address)
    if (peer.port !== undefined) span.add('network.peer.port', peer.port)
    return
  }
  // A stream of the program's own.
  const { remoteAddress, remotePort } = socket
  if (remoteAddress !== undefined) span.add('network.peer.address', plainAddress(remoteAddress))
  if (remotePort !== undefined) span.add('network.peer.port', remotePort)
}
