/** One call that a gRPC server answers. */
import type { Span, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import {
  type AgentContext,
  type AgentSpan,
  type AttributeList,
  nowMs,
  ROOT,
  SERVER,
  type Tools,
} from '../src/instrumentation'
import { isFirstIn, messageOf } from './_http-semantics'
import { Listed, OpenList } from './_open-list'
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
import { type Follower, type Headers, peerOf, type Stream } from './grpc-stream'

const IGNORED = ROOT.withSuppressed()
const NO_HEADERS: Headers = {}
const NO_ENDPOINT: Endpoint = { address: '', port: undefined }

/**
 * The reset of a client whose deadline has passed overtakes our own timer by about the time that the request took to come,
 * and rounds to milliseconds. Nearer to the deadline than this, and than a tenth of it, a reset is taken for the deadline.
 */
const DEADLINE_SLACK_MS = 20

interface Thrown {
  readonly error: unknown
  /** Undefined where a span of the trace has the exception already. */
  readonly atMs: number | undefined
}

/**
 * Exceptions that left handlers, until the spans of their calls end: before version 1.10 nobody catches them, and Node tells
 * the line from which an error comes only while nobody has read its stack.
 */
const thrown = new WeakMap<object, Thrown>()

const NOTHING_THROWN: Thrown = { error: undefined, atMs: undefined }

/** An exception left a handler. */
export function noteException(span: Span, error: unknown): void {
  thrown.set(span, { error, atMs: isFirstIn(span.spanContext().traceId, error) ? nowMs() : undefined })
}

/** What the calls to the servers of one copy of grpc-js have in common. */
export class ServedCalls {
  /** Calls that have not ended. */
  readonly open = new OpenList<ServedCall>()
  /** Names of methods that servers have, by their paths. */
  private readonly names = new Map<string, string>()
  private lastAuthority = ''
  private lastEndpoint = NO_ENDPOINT

  constructor(readonly tools: Tools) {
    tools.atExit(() => {
      for (const call of this.open) call.abandon()
    })
  }

  /** @param known the server has the method */
  begin(headers: Headers, path: string, stream: Stream, known: boolean): Follower {
    const { ignoreIncoming } = this.tools.settings
    const call = new ServedCall(this, headers, path, stream)
    if (ignoreIncoming?.('POST', path, call.authority)) call.context = IGNORED
    else call.begin(stream, known)
    return call
  }

  nameOf(path: string): string {
    let name = this.names.get(path)
    if (name === undefined) {
      name = methodName(path)
      this.names.set(path, name)
    }
    return name
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

/** One call: its span and its context. */
class ServedCall extends Listed implements Follower {
  readonly authority: string | undefined
  readonly peer: Endpoint
  context: AgentContext = ROOT
  method = ''
  known = false
  private span: AgentSpan | undefined = undefined
  /** Milliseconds; set only for a call with a deadline. */
  private readonly startMs: number

  constructor(
    readonly served: ServedCalls,
    private headers: Headers,
    private readonly path: string,
    stream: Stream,
  ) {
    super()
    const authority = headers[':authority'] ?? headers['host']
    this.authority = typeof authority === 'string' ? authority : undefined
    this.peer = peerOf(stream)
    this.startMs = headers['grpc-timeout'] === undefined ? 0 : nowMs()
  }

  begin(stream: Stream, known: boolean): void {
    const { tools } = this.served
    const caller = tools.extract(ROOT, this.headers, GETTER)
    this.known = known
    this.method = known ? this.served.nameOf(this.path) : methodName(this.path)
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

  /** The last event: streams are collected late, and what they lead to as well. */
  close(stream: Stream): void {
    this.look(stream, true)
    this.context = ROOT
    this.headers = NO_HEADERS
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
    try {
      this.served.open.delete(this)
      const { error, atMs } = thrown.get(span) ?? NOTHING_THROWN
      if (atMs !== undefined) span.recordException(error as Error, atMs)
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
    return (code === UNKNOWN ? messageOf(thrown.get(span)?.error) : undefined) ?? decodeMessage(message)
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
