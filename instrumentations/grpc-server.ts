/**
 * SERVER spans of @grpc/grpc-js: one for each call that reaches a server, of all four kinds, also for methods that it does
 * not have.
 *
 * A call is an HTTP/2 stream. The span starts where the server gets the stream, before interceptors and the method table,
 * and its status is the `grpc-status` that was really sent, which is the same place whatever ended the call: the handler,
 * an exception in it, a deadline, a missing method. The stream's events are emitted in the span's context, because Node
 * delivers them in the context of the connection, and a unary handler is called from one of them.
 *
 * Used of grpc-js, versions 1.0 to 1.14: `Server._setupHandlers(http2Server)`, which adds the listener for streams,
 * `Server.register`, and the map `Server.handlers`.
 *
 * Not covered: a promise of a handler that rejects (grpc-js does not look at it either, the process does), and requests
 * that are not gRPC.
 */
import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import {
  type AgentContext,
  type AgentSpan,
  type AttributeList,
  activeContext,
  nowMs,
  ROOT,
  runInContext,
  SERVER,
  type Tools,
} from '../src/instrumentation'
import { messageOf, plainAddress, recordException } from './_http-semantics'
import {
  CANCELLED,
  CLIENT_ADDRESS,
  CLIENT_PORT,
  DEADLINE_EXCEEDED,
  decodeMessage,
  type Endpoint,
  isServerError,
  METHOD,
  METHOD_ORIGINAL,
  methodName,
  OTHER_METHOD,
  PEER_ADDRESS,
  PEER_PORT,
  parseHostPort,
  parseTimeoutMs,
  SERVER_ADDRESS,
  SERVER_PORT,
  STATUS_CODE,
  SYSTEM_NAME,
  statusName,
  UNAVAILABLE,
  UNKNOWN,
} from './grpc-semantics'

type Headers = Record<string, string | string[] | undefined>

/** What is used of an Http2Server and its streams. */
interface Http2Server {
  listeners(event: string): Function[]
  removeListener(event: string, listener: Function): void
  on(event: string, listener: Function): void
}
interface Stream {
  readonly session: object | undefined
  readonly sentHeaders: Headers | undefined
  readonly sentTrailers: Headers | undefined
  emit: Function
  respond: Function
  [CALL]: ServedCall
}
interface Server {
  handlers?: { has(path: string): boolean }
}

const CALL = Symbol('tracing-agent call')
const IGNORED = ROOT.withSuppressed()
const NO_PEER: Endpoint = { address: '', port: undefined }

/**
 * The reset of a client whose deadline has passed overtakes our own timer by about the time that the request took to come,
 * and rounds to milliseconds. Nearer to the deadline than this, and than a tenth of it, a reset is taken for the deadline.
 */
const DEADLINE_SLACK_MS = 20

/** Patches server.js. */
export function patchServer(exports: any, tools: Tools): void {
  const served = new GrpcServer(tools)
  tools.wrap(exports.Server.prototype, '_setupHandlers', original => {
    return {
      _setupHandlers(this: Server, http2Server: Http2Server): unknown {
        const result = Reflect.apply(original, this, arguments)
        try {
          served.follow(this, http2Server)
        } catch (error) {
          tools.fault('following a server', error)
        }
        return result
      },
    }._setupHandlers
  })
  tools.wrap(exports.Server.prototype, 'register', original => {
    return {
      register(this: Server, _name: string, handler: unknown): unknown {
        if (typeof handler !== 'function') return Reflect.apply(original, this, arguments)
        const args = Array.from(arguments)
        args[1] = noteThrown(handler)
        return Reflect.apply(original, this, args)
      },
    }.register
  })
}

/** Words of the exceptions that left handlers, until the spans of their calls end. */
const thrown = new WeakMap<object, string | undefined>()

/** grpc-js answers an exception with UNKNOWN and without a word of it; here it passes by. */
function noteThrown(handler: Function): Function {
  const noting = function (this: unknown): unknown {
    try {
      return Reflect.apply(handler, this, arguments)
    } catch (error) {
      const span = activeContext().entry
      if (span?.isRecording()) {
        recordException(span, error)
        thrown.set(span, messageOf(error))
      }
      throw error
    }
  }
  Object.defineProperty(noting, 'name', { configurable: true, value: handler.name })
  Object.defineProperty(noting, 'length', { configurable: true, value: handler.length })
  return noting
}

class GrpcServer {
  /** Calls that have not ended. */
  readonly open = new Set<ServedCall>()
  private readonly peers = new WeakMap<object, Endpoint>()
  private lastAuthority = ''
  private lastEndpoint = NO_PEER

  constructor(readonly tools: Tools) {
    tools.atExit(() => {
      for (const call of this.open) call.abandon()
    })
  }

  /** Puts us before the listeners that take the server's streams; their number stays the same. */
  follow(server: Server, http2Server: Http2Server | null): void {
    if (http2Server === null) return
    for (const listener of http2Server.listeners('stream')) {
      const served = this
      http2Server.removeListener('stream', listener)
      http2Server.on('stream', function onStream(this: unknown, stream: Stream, headers: Headers): unknown {
        const context = served.accept(server, stream, headers)
        if (context === undefined) return Reflect.apply(listener, this, arguments)
        return runInContext(context, listener, this, arguments)
      })
    }
  }

  /** The context for everything that the call does; undefined leaves it as it is. */
  private accept(server: Server, stream: Stream, headers: Headers): AgentContext | undefined {
    const { tools } = this
    try {
      const type = headers['content-type']
      const path = headers[':path']
      if (typeof type !== 'string' || !type.startsWith('application/grpc') || typeof path !== 'string') return undefined
      if (activeContext().suppressed) return undefined
      const { ignoreIncoming } = tools.settings
      const call = new ServedCall(this, headers, path, stream)
      if (ignoreIncoming?.('POST', path, call.authority)) call.context = IGNORED
      else call.begin(stream, server.handlers?.has(path) === true)
      stream[CALL] = call
      stream.emit = emitInContext
      return call.context
    } catch (error) {
      tools.fault('starting a call', error)
      return undefined
    }
  }

  /** The other end of the stream's connection. Asking a session for its socket is slow: once is enough. */
  peerOf(stream: Stream): Endpoint {
    const { session } = stream as { session: any }
    if (session === undefined || session === null) return NO_PEER
    let peer = this.peers.get(session)
    if (peer === undefined) {
      const address = session.socket?.remoteAddress
      peer = typeof address === 'string' ? { address: plainAddress(address), port: session.socket.remotePort } : NO_PEER
      this.peers.set(session, peer)
    }
    return peer
  }

  /** Mostly the same authority comes again and again. */
  endpointOf(authority: string): Endpoint {
    if (authority !== this.lastAuthority) {
      this.lastAuthority = authority
      this.lastEndpoint = parseHostPort(authority)
    }
    return this.lastEndpoint
  }
}

/**
 * `emit` of a stream that carries a call. Only the events from which code of the program may run are taken into the
 * context, and after those that send the status or come last the call is looked at.
 */
function emitInContext(this: Stream, event: string): boolean {
  const call = this[CALL]
  switch (event) {
    case 'data':
    case 'end':
    case 'drain':
    case 'error':
    case 'aborted':
      return runInContext(call.context, call.emit, this, arguments)
    case 'wantTrailers':
    case 'close':
      try {
        return runInContext(call.context, call.emit, this, arguments)
      } finally {
        call.look(this, event === 'close')
      }
    case 'finish':
      call.look(this, false)
      break
  }
  return Reflect.apply(call.emit, this, arguments)
}

/** One call: its span and its context. */
class ServedCall {
  readonly authority: string | undefined
  readonly emit: Function
  readonly peer: Endpoint
  context: AgentContext = ROOT
  method = ''
  known = false
  private span: AgentSpan | undefined = undefined
  /** Milliseconds; set only for a call with a deadline. */
  private readonly startMs: number

  constructor(
    readonly served: GrpcServer,
    private readonly headers: Headers,
    private readonly path: string,
    stream: Stream,
  ) {
    const authority = headers[':authority'] ?? headers['host']
    this.authority = typeof authority === 'string' ? authority : undefined
    this.emit = stream.emit
    this.peer = served.peerOf(stream)
    this.startMs = headers['grpc-timeout'] === undefined ? 0 : nowMs()
  }

  begin(stream: Stream, known: boolean): void {
    const { tools } = this.served
    const caller = tools.extract(ROOT, this.headers, GETTER)
    this.known = known
    this.method = methodName(this.path)
    const span = tools.tracer.start(known ? this.method : 'grpc', SERVER, caller, describe, this)
    this.span = span
    this.context = caller.withEntry(span)
    tools.answer?.(this.context, span, stream, ANSWER)
    if (span.isRecording()) {
      this.served.open.add(this)
      const wanted = tools.settings.grpcServerRequestMetadata
      for (let i = 0; i < wanted.length; i++) {
        const { header, key } = wanted[i]!
        const values = textsOf(this.headers[header])
        if (values.length > 0) span.add(key, values)
      }
    }
  }

  /** Ends the span if the call has ended: its status was sent, or the stream is closed without one. */
  look(stream: Stream, closed: boolean): void {
    const { span } = this
    if (span === undefined) return
    try {
      const trailers = stream.sentTrailers
      const headers = stream.sentHeaders
      const from = trailers?.['grpc-status'] === undefined ? headers : trailers
      const sent = from?.['grpc-status']
      if (sent === undefined && !closed) return
      if (span.isRecording()) {
        const code = sent === undefined ? this.reasonOfReset() : Number(sent)
        span.add(STATUS_CODE, statusName(code))
        const wanted = this.served.tools.settings.grpcServerResponseMetadata
        for (let i = 0; i < wanted.length; i++) {
          const { header, key } = wanted[i]!
          const values = textsOf(headers?.[header])
          if (trailers !== undefined) values.push(...textsOf(trailers[header]))
          if (values.length > 0) span.add(key, values)
        }
        if (isServerError(code)) span.fail(statusName(code), this.words(span, code, from?.['grpc-message']))
      }
    } catch (error) {
      this.served.tools.fault('ending a call', error)
    }
    this.end(span)
  }

  /** The thread ends, and with it the connection: that is what the caller will make of it. */
  abandon(): void {
    const { span } = this
    if (span === undefined) return
    const name = statusName(UNAVAILABLE)
    span.add(STATUS_CODE, name)
    span.fail(name, 'the process ended before the call was complete')
    this.end(span)
  }

  private end(span: AgentSpan): void {
    this.span = undefined
    this.served.open.delete(this)
    try {
      span.end()
    } catch (error) {
      this.served.tools.fault('ending a span', error)
    }
  }

  /** The client went away, or its deadline passed and it said so before our own timer did. */
  private reasonOfReset(): number {
    const timeoutMs = parseTimeoutMs(this.headers['grpc-timeout'])
    if (timeoutMs === undefined) return CANCELLED
    const remainingMs = timeoutMs - (nowMs() - this.startMs)
    return remainingMs <= Math.min(DEADLINE_SLACK_MS, timeoutMs / 10) ? DEADLINE_EXCEEDED : CANCELLED
  }

  private words(span: AgentSpan, code: number, message: unknown): string | undefined {
    return (code === UNKNOWN ? thrown.get(span) : undefined) ?? decodeMessage(message)
  }
}

function describe(call: ServedCall): AttributeList {
  const list: AttributeList = [SYSTEM_NAME, 'grpc', METHOD, call.known ? call.method : OTHER_METHOD]
  if (!call.known) list.push(METHOD_ORIGINAL, call.method)
  if (call.authority !== undefined) {
    const { address, port } = call.served.endpointOf(call.authority)
    list.push(SERVER_ADDRESS, address)
    if (port !== undefined) list.push(SERVER_PORT, port)
  }
  const { address, port } = call.peer
  if (address !== '') {
    list.push(CLIENT_ADDRESS, address, PEER_ADDRESS, address)
    if (port !== undefined) list.push(CLIENT_PORT, port, PEER_PORT, port)
  }
  return list
}

/** Values of binary keys are base64, as they came. */
const GETTER: TextMapGetter<Headers> = {
  get: (headers, key) => headers[key],
  keys: headers => Object.keys(headers),
}

/** Adds a header to the first ones of the answer. */
const ANSWER: TextMapSetter<Stream> = {
  set(stream, key, value) {
    const { respond } = stream
    stream.respond = function (this: unknown, headers: Headers, options: unknown): unknown {
      return Reflect.apply(respond, this, [{ ...headers, [key.toLowerCase()]: value }, options])
    }
  },
}

function textsOf(value: unknown): string[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value.map(String) : [String(value)]
}
