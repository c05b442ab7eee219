/**
 * One SERVER span for each request that a server of `http` or `https` gets, HTTP/1 on `http2.createSecureServer` included.
 *
 * It starts where Node publishes `http.server.request.start`: before the listeners of `request`, `checkContinue` and
 * `checkExpectation`, in the same call, so that entering a context there puts all of them and what they start into it. It
 * ends with `http.server.response.finish`, when the last byte was given to the system, or when the connection goes.
 * Handshakes (`upgrade`, `connect`) pass neither channel: see http-handshake.ts.
 *
 * Not covered: a `request` event that somebody emits by hand, without a connection.
 *
 * Of Node's internals it uses `socket.parser`, `response._headerSent` and `_header`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { TextMapSetter } from '@opentelemetry/api'
import type { AgentContext, AgentSpan, AttributeList, Settings, Tools } from '../src/instrumentation'
import { activeContext, currentPlace, enterContextAt, ROOT, SERVER } from '../src/instrumentation'
import { NOT_FORWARDED, readForwarded, splitHost } from './_http-forwarded'
import { type Peer, peerOf } from './_http-peer'
import { CommonHeaders, RAW_GETTER } from './_http-raw-headers'
import {
  captureHeaders,
  endOfAuthority,
  errorCode,
  failWithException,
  getHeader,
  messageOf,
  pushHeaders,
  setServerStatus,
  spanName,
} from './_http-semantics'
import { traceHandshake } from './http-handshake'
import { headerIn } from './http-head'
import { ConnectionNote, type Equip, type Parser } from './http-parser'

/** The part of a socket that we read; it may be any duplex stream. */
export type ServerSocket = Socket & { parser?: Parser | null; encrypted?: boolean }

/** The message of `http.server.request.start` and `http.server.response.finish`. */
interface RequestMessage {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: ServerSocket
}

type SentResponse = ServerResponse & { _headerSent?: boolean; _header?: string | null }

/** The context of a request that the user wants to ignore, told apart from one in which nothing is traced at all. */
const IGNORED: AgentContext = ROOT.withSuppressed()

const RESPONSE_SETTER: TextMapSetter<ServerResponse> = {
  set: (response, name, value) => void response.setHeader(name, value),
}

/** A request without an answer so far. */
export class Exchange {
  constructor(
    readonly span: AgentSpan,
    /** Undefined for a handshake. */
    readonly response: SentResponse | undefined,
  ) {}
}

/** What we know of one connection; it hangs on the connection's parser. */
export class Connection {
  /** In the order of the requests, which is that of the answers: more than one when the client pipelines. */
  readonly open: Exchange[] = []
  /** Context of the request whose body is still arriving. */
  receiving: AgentContext | undefined = undefined
  readonly peer: Peer | undefined
  /** Where the parser of the connection calls back: the same place for all of its requests. */
  readonly place: object | undefined = currentPlace()

  constructor(
    readonly socket: ServerSocket,
    /** The context of the connection itself. */
    readonly outer: AgentContext,
  ) {
    this.peer = peerOf(socket)
  }
}

export interface Handshake {
  readonly context: AgentContext
  readonly exchange: Exchange | undefined
}

export class HttpServer {
  /** The request whose listeners are being called. */
  private dispatching: Exchange | undefined = undefined
  /** The request whose listeners threw, until the exception has arrived at the top. */
  private interrupted: Exchange | undefined = undefined
  private readonly alive = new Set<Connection>()
  private hearsFinish = false
  private readonly settings: Settings
  private readonly describe: (message: RequestMessage) => AttributeList

  constructor(readonly tools: Tools) {
    this.settings = tools.settings
    this.describe = message =>
      serverAttributes(tools.settings, message.request, ConnectionNote.read(message.socket.parser!)!)
  }

  patch(equip: Equip): void {
    const { tools } = this
    const server = this
    tools.subscribe('http.server.request.start', (message: RequestMessage) => {
      this.onRequest(message, this.connectionOf(message.socket, equip))
    })
    tools.wrap(
      Socket.prototype as any,
      '_destroy',
      original =>
        function _destroy(this: ServerSocket, error: unknown) {
          if (this.parser) server.onClose(this.parser, this, error)
          return Reflect.apply(original, this, arguments)
        },
    )
    tools.onUncaught(error => this.onUncaught(error))
    tools.atExit(() => this.endAll())
  }

  /**
   * Not before the first span: this channel is the one that is being made while `patch` runs, and where nothing is recorded Node
   * need not publish there.
   */
  private hearFinish(): void {
    this.tools.subscribe('http.server.response.finish', (message: RequestMessage) => this.onFinish(message))
    this.hearsFinish = true
  }

  private connectionOf(socket: ServerSocket, equip: Equip): Connection {
    const parser = socket.parser!
    const known = ConnectionNote.read(parser)
    if (known !== undefined && known.socket === socket) return known
    equip(parser)
    const connection = new Connection(socket, activeContext())
    ConnectionNote.write(parser, connection)
    this.alive.add(connection)
    if (!(socket instanceof Socket)) this.watchStream(socket, parser)
    return connection
  }

  /** A stream that is no socket was given to the server by `emit('connection', stream)`. */
  private watchStream(stream: ServerSocket, parser: Parser): void {
    const server = this
    const own = (stream as any)._destroy as Function
    Object.defineProperty(stream, '_destroy', {
      configurable: true,
      enumerable: false,
      writable: true,
      value: function _destroy(this: unknown, error: unknown) {
        server.onClose(parser, stream, error)
        return Reflect.apply(own, this, arguments)
      },
    })
  }

  private onRequest(message: RequestMessage, connection: Connection): void {
    const { request, response } = message
    if (connection.outer.suppressed) return
    const { tools, settings } = this
    const method = request.method!
    if (settings.ignoreIncoming?.(method, request.url!, request.headers.host)) {
      connection.receiving = IGNORED
      enterContextAt(connection.place, IGNORED)
      return
    }
    const caller = tools.extract(ROOT, request.rawHeaders, RAW_GETTER)
    const span = tools.tracer.start(spanName(settings, method), SERVER, caller, this.describe, message)
    const context = caller.withEntry(span)
    connection.receiving = context
    enterContextAt(connection.place, context)
    if (span.isRecording()) {
      if (!this.hearsFinish) this.hearFinish()
      this.dispatching = new Exchange(span, response)
      connection.open.push(this.dispatching)
    }
    tools.answer?.(context, span, response, RESPONSE_SETTER)
  }

  /** The server got a request that asks for another protocol: its `upgrade` or `connect` event follows at once. */
  onUpgrade(parser: Parser, request: IncomingMessage): void {
    const { socket } = parser
    if (socket === null || socket.server === undefined) return
    try {
      const connection = ConnectionNote.read(parser) ?? new Connection(socket, activeContext())
      if (connection.outer.suppressed) return
      ConnectionNote.write(parser, undefined)
      this.alive.delete(connection)
      traceHandshake(this, socket.server, request, connection)
    } catch (error) {
      this.tools.fault('a handshake', error)
    }
  }

  /** Starts the span of a handshake; without one the context still says what becomes of it. */
  startHandshake(request: IncomingMessage, connection: Connection): Handshake {
    const { tools, settings } = this
    const method = request.method!
    if (settings.ignoreIncoming?.(method, request.url!, request.headers.host)) {
      return { context: IGNORED, exchange: undefined }
    }
    const caller = tools.extract(ROOT, request.rawHeaders, RAW_GETTER)
    const describe = () => serverAttributes(settings, request, connection)
    const span = tools.tracer.start(spanName(settings, method), SERVER, caller, describe, undefined)
    const exchange = span.isRecording() ? new Exchange(span, undefined) : undefined
    if (exchange !== undefined) {
      connection.open.push(exchange)
      this.alive.add(connection)
    }
    return { context: caller.withEntry(span), exchange }
  }

  /** @param status undefined when what was written is no HTTP */
  endHandshake(connection: Connection, { span }: Exchange, status: number | undefined): void {
    connection.open.length = 0
    this.alive.delete(connection)
    if (status !== undefined) setServerStatus(span, this.settings, status)
    span.end()
  }

  /** Nothing was written. */
  breakHandshake(connection: Connection, exchange: Exchange, error: unknown): void {
    connection.open.length = 0
    this.alive.delete(connection)
    this.cutOff(exchange, error ?? RESET)
  }

  private onFinish({ response, socket }: RequestMessage): void {
    const connection = socket.parser ? ConnectionNote.read(socket.parser) : undefined
    if (connection === undefined) return
    const { open } = connection
    const exchange = open[0]?.response === response ? open.shift() : take(open, response)
    if (exchange === undefined) return
    this.answer(exchange.span, response)
    exchange.span.end()
  }

  private answer(span: AgentSpan, response: SentResponse): void {
    setServerStatus(span, this.settings, response.statusCode)
    captureHeaders(span, this.settings.serverResponseHeaders, response, sentHeader)
  }

  /** The connection is gone: so is who waited for an answer. */
  private onClose(parser: Parser, socket: ServerSocket, error: unknown): void {
    const connection = ConnectionNote.read(parser)
    if (connection === undefined || connection.socket !== socket) return
    try {
      ConnectionNote.write(parser, undefined)
      this.alive.delete(connection)
      for (const exchange of connection.open.splice(0)) this.cutOff(exchange, error ?? RESET)
    } catch (fault) {
      this.tools.fault('the end of a connection', fault)
    }
  }

  /** No status is invented: there is one when the head of the answer was sent. */
  private cutOff({ span, response }: Exchange, error: unknown): void {
    if (response !== undefined && response.socket !== null && response._headerSent === true) {
      this.answer(span, response)
      if (response.writableFinished) {
        span.end()
        return
      }
    }
    span.fail(errorCode(error), messageOf(error))
    span.end()
  }

  /** Listeners are about to be called, for a request that `onRequest` will name if it is traced. */
  onDispatch(exchange?: Exchange): void {
    this.dispatching = exchange
    this.interrupted = undefined
  }

  /** They have returned: a request that is over must not live on in here. */
  onDispatched(): void {
    this.dispatching = undefined
  }

  /** They threw. */
  onInterrupted(): void {
    this.interrupted = this.dispatching
    this.dispatching = undefined
  }

  /** An exception nobody caught, thrown by a listener or by what a request started. The program decides what comes of it. */
  private onUncaught(error: unknown): void {
    const { interrupted } = this
    this.interrupted = undefined
    const span = interrupted?.span ?? (activeContext().entry as AgentSpan | undefined)
    if (span !== undefined) failWithException(span, error)
  }

  /** The thread ends: what is not answered never will be. */
  private endAll(): void {
    for (const connection of this.alive) {
      for (const exchange of connection.open.splice(0)) this.cutOff(exchange, PROCESS_ENDED)
    }
    this.alive.clear()
  }
}

/** The other side went without a word. The code is that of Node's own error. */
const RESET = { code: 'ECONNRESET', message: 'the connection closed before the response was complete' }
const PROCESS_ENDED = { message: 'the process ended before the response was complete' }

function take(open: Exchange[], response: ServerResponse): Exchange | undefined {
  const index = open.findIndex(exchange => exchange.response === response)
  return index < 0 ? undefined : open.splice(index, 1)[0]
}

/** What was really sent: `getHeader` does not know the headers that `writeHead` was given. */
function sentHeader({ _header: head }: SentResponse, name: string): string[] | undefined {
  return typeof head === 'string' ? headerIn(head, name) : undefined
}

/** The attributes with which the span of a request starts. */
export function serverAttributes(settings: Settings, request: IncomingMessage, connection: Connection): AttributeList {
  const { host: asked, userAgent, proxy } = new CommonHeaders(request.rawHeaders)
  const { peer } = connection
  const method = request.method!
  const target = request.url!
  const forwarded = proxy === undefined ? NOT_FORWARDED : readForwarded(proxy)
  const from = startOfPath(target)
  const mark = target.indexOf('?', from)
  const path = from === 0 && mark < 0 ? target : target.slice(from, mark < 0 ? undefined : mark)
  const isKnown = settings.knownMethods.has(method)
  // Eight elements: V8 then makes room for all the others at once.
  const attributes: AttributeList = [
    'http.request.method',
    isKnown ? method : '_OTHER',
    'url.scheme',
    forwarded.proto ?? (connection.socket.encrypted === true ? 'https' : 'http'),
    'url.path',
    path === '' ? '/' : path,
    'network.protocol.version',
    request.httpVersion,
  ]
  // CONNECT names a host and a port, no path.
  if (method === 'CONNECT') attributes.splice(4, 2)
  if (!isKnown) attributes.push('http.request.method_original', method)
  if (mark >= 0 && mark + 1 < target.length) attributes.push('url.query', settings.redactQuery(target.slice(mark + 1)))
  const host = forwarded.host ?? asked
  if (host !== undefined && host !== '') {
    const { name, port } = splitHost(host)
    attributes.push('server.address', name)
    if (port !== undefined) attributes.push('server.port', port)
  }
  const client = forwarded.client ?? peer?.address
  if (client !== undefined) attributes.push('client.address', client)
  if (peer !== undefined) {
    attributes.push('network.peer.address', peer.address)
    if (peer.port !== undefined) attributes.push('network.peer.port', peer.port)
  }
  if (userAgent !== undefined) attributes.push('user_agent.original', userAgent)
  if (settings.serverRequestHeaders.length > 0) {
    pushHeaders(attributes, settings.serverRequestHeaders, request.headers, getHeader)
  }
  return attributes
}

/** The target in its forms: `/path?query`, `http://host/path?query`, `*`. */
function startOfPath(target: string): number {
  if (target.charCodeAt(0) === 47 /* / */) return 0
  const scheme = target.indexOf('://')
  return scheme < 0 ? 0 : endOfAuthority(target, scheme + 3)
}
