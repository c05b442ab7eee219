/**
 * One CLIENT span for each request that `http` or `https` sends, whichever function made it: `request`, `get`,
 * `new ClientRequest`, and libraries that kept a reference to one of them before we came.
 *
 * It starts when the request is handed to its agent (`Agent.prototype.addRequest`), or without one to its socket
 * (`ClientRequest.prototype.onSocket`); both happen inside the constructor, in the caller's context, before anything is sent.
 * It ends when the parser has seen the last byte of the response, read or unread by the program; with the first error; when
 * either side gives up; with the head of an answer that ends HTTP (upgrade, CONNECT). The response's listeners run in the
 * context of the caller: what they start are siblings.
 *
 * A call that throws makes no span: nothing was attempted.
 *
 * Not covered: an agent of its own kind that answers without a socket; a request that gets `Expect` by `setHeader` after its
 * socket has connected is traced, but does not carry our headers.
 *
 * Of Node's internals it uses `request._header`, `_headerSent`, `outputData`, `outputSize` and `response.req`.
 */
import type * as http from 'node:http'
import { Socket } from 'node:net'
import type { AgentContext, AgentSpan, AttributeList, Settings, Tools } from '../src/instrumentation'
import { activeContext, CLIENT } from '../src/instrumentation'
import { peerOf } from './_http-peer'
import {
  captureHeaders,
  clientAttributes,
  type Destination,
  failCall,
  setClientStatus,
  spanName,
} from './_http-semantics'
import { Given } from './_note'
import { Listed, OpenList } from './_open-list'
import { type CallOptions, destinationOf, hostOf } from './http-destination'
import { addHeaders, headerIn, type OutgoingRequest } from './http-head'
import type { Parser } from './http-parser'

/** A request on its way. */
class Call extends Listed {
  /** The head of the response has come. */
  answered = false
  /** The headers of the request are recorded. */
  captured = false

  constructor(
    readonly span: AgentSpan,
    /** What the headers carry. Undefined when they must not be sent there. */
    readonly context: AgentContext | undefined,
  ) {
    super()
  }
}

/** On a request. Undefined: never seen. Null: seen, and not traced. */
class CallNote extends Given {
  #call: Call | null

  constructor(request: object, call: Call | null) {
    super(request)
    this.#call = call
  }

  static read(request: object): Call | null | undefined {
    return #call in request ? request.#call : undefined
  }

  static write(request: object, call: Call | null): void {
    if (#call in request) request.#call = call
    else new CallNote(request, call)
  }
}

type ClientResponse = http.IncomingMessage & { req?: object }

export class Client {
  private readonly open = new OpenList<Call>()
  private readonly settings: Settings
  /** The request that an agent is just being given. */
  private handedOver: object | undefined = undefined
  /** The connection whose `timeout` is just being emitted. */
  private timingOut: Socket | undefined = undefined

  constructor(private readonly tools: Tools) {
    this.settings = tools.settings
  }

  patch({
    Agent,
    ClientRequest,
    IncomingMessage,
  }: Pick<typeof http, 'Agent' | 'ClientRequest' | 'IncomingMessage'>): void {
    const { tools } = this
    const client = this
    tools.wrap(
      Agent.prototype as any,
      'addRequest',
      original =>
        function addRequest(this: unknown, request: OutgoingRequest, options: unknown) {
          const before = client.handedOver
          client.handedOver = request
          try {
            const result = Reflect.apply(original, this, arguments)
            client.begin(request, options)
            return result
          } finally {
            client.handedOver = before
          }
        },
    )
    tools.wrap(
      ClientRequest.prototype,
      'onSocket',
      original =>
        function onSocket(this: OutgoingRequest) {
          if (client.handedOver !== this) client.begin(this, undefined)
          return Reflect.apply(original, this, arguments)
        },
    )
    tools.wrap(
      ClientRequest.prototype as any,
      '_implicitHeader',
      original =>
        function _implicitHeader(this: OutgoingRequest) {
          const result = Reflect.apply(original, this, arguments)
          client.onHead(this)
          return result
        },
    )
    tools.wrap(
      ClientRequest.prototype,
      'destroy',
      original =>
        function destroy(this: OutgoingRequest, error?: unknown) {
          client.giveUp(this, error)
          return Reflect.apply(original, this, arguments)
        },
    )
    // `request.on('timeout', () => request.destroy())` ends what takes too long: that is a failure, not a change of mind.
    tools.wrap(
      Socket.prototype as any,
      '_onTimeout',
      original =>
        // Without a name, as Node's own: see `disguise`.
        function (this: Socket) {
          const before = client.timingOut
          client.timingOut = this
          try {
            return Reflect.apply(original, this, arguments)
          } finally {
            client.timingOut = before
          }
        },
    )
    // A response that ends before it is complete.
    tools.wrap(
      IncomingMessage.prototype,
      '_destroy',
      original =>
        function _destroy(this: ClientResponse, error: unknown) {
          if (this.req !== undefined) client.fail(this.req, error)
          return Reflect.apply(original, this, arguments)
        },
    )
    if (publishesErrors(ClientRequest)) {
      tools.subscribe('http.client.request.error', ({ request, error }) => this.fail(request, error))
    } else {
      tools.wrap(
        ClientRequest.prototype,
        'emit',
        original =>
          function emit(this: OutgoingRequest, event: unknown, error: unknown) {
            if (event === 'error') client.fail(this, error)
            return Reflect.apply(original, this, arguments)
          },
      )
    }
    tools.atExit(() => this.endAll())
  }

  private begin(request: OutgoingRequest, options: unknown): void {
    try {
      if (CallNote.read(request) !== undefined) return
      CallNote.write(request, this.start(request, options as CallOptions | undefined))
      if (request._header) this.onHead(request)
      if (request.destroyed) this.fail(request, undefined)
    } catch (error) {
      this.tools.fault('a request', error)
    }
  }

  private start(request: OutgoingRequest, options: CallOptions | undefined): Call | null {
    const parent = activeContext()
    if (parent.suppressed) return null
    const { tools, settings } = this
    const destination = destinationOf(settings, request, options)
    const { ignoreOutgoing, mayInject } = settings
    if (ignoreOutgoing?.(request.method, hostOf(destination), request.path)) return null
    const subject = { settings, destination }
    const span = tools.tracer.start(spanName(settings, request.method), CLIENT, parent, describe, subject)
    const injects = mayInject === undefined || mayInject(hostOf(destination), request.path)
    const call = new Call(span, injects ? parent.withSpan(span) : undefined)
    if (span.isRecording()) this.open.add(call)
    return call
  }

  /** The head of the request is rendered and not yet sent. */
  private onHead(request: OutgoingRequest): void {
    try {
      const call = CallNote.read(request)
      if (!call) return
      const wanted = this.settings.clientRequestHeaders
      if (wanted.length > 0 && !call.captured) captureHeaders(call.span, wanted, request._header!, headerIn)
      call.captured = true
      if (call.context !== undefined) addHeaders(request, call.context, this.tools)
    } catch (error) {
      this.tools.fault('sending headers', error)
    }
  }

  /** The head of a response has come; nobody was told yet. */
  onResponse(
    parser: Parser,
    versionMajor: number,
    versionMinor: number,
    headers: string[],
    status: number,
    upgrade: boolean,
  ): void {
    const request = parser.outgoing as OutgoingRequest
    const call = CallNote.read(request)
    if (!call || call.answered) return
    // 100 Continue, 102 Processing, 103 Early Hints: the answer is still to come.
    if (status < 200 && status !== 101) return
    call.answered = true
    const { span } = call
    if (!span.isRecording()) return
    span.add(
      'network.protocol.version',
      versionMajor === 1 && versionMinor === 1 ? '1.1' : `${versionMajor}.${versionMinor}`,
    )
    addPeer(span, parser.socket)
    setClientStatus(span, this.settings, status)
    captureHeaders(span, this.settings.clientResponseHeaders, headers, rawHeader)
    if (upgrade || request.method === 'CONNECT') this.end(call)
  }

  /** The last byte of a message has come: of the response, or of an informational one before it. */
  onComplete(request: object): void {
    const call = CallNote.read(request)
    if (call?.answered) this.end(call)
  }

  /** The program destroys a request; later it does so in vain. */
  private giveUp(request: OutgoingRequest | undefined | null, error: unknown): void {
    try {
      if (request !== undefined && request !== null && !request.destroyed) this.fail(request, error)
    } catch (fault) {
      this.tools.fault('the end of a request', fault)
    }
  }

  /** What a request has met with that is given up without an error while its connection tells that the time is over. */
  private timeoutOf(request: { socket?: unknown }): object | undefined {
    const { timingOut } = this
    if (timingOut === undefined || request.socket !== timingOut) return undefined
    return { name: 'TimeoutError', message: `nothing was sent or received for ${timingOut.timeout} ms` }
  }

  /** @param error undefined or null when the program gave up without one */
  private fail(request: object, error: unknown): void {
    try {
      const call = CallNote.read(request)
      if (!call || !call.span.isRecording()) return
      failCall(call.span, error ?? this.timeoutOf(request))
      this.end(call)
    } catch (fault) {
      this.tools.fault('the failure of a request', fault)
    }
  }

  private end(call: Call): void {
    this.open.delete(call)
    call.span.end()
  }

  /** The thread ends: the program gives up what is on its way. */
  private endAll(): void {
    for (const call of this.open) call.span.end()
    this.open.clear()
  }
}

interface Subject {
  readonly settings: Settings
  readonly destination: Destination
}

function describe({ settings, destination }: Subject): AttributeList {
  return clientAttributes(settings, destination)
}

/** Node does from some release between 20.12 and 20.18 on; the text of a builtin function is its source. */
function publishesErrors(clientRequest: Function): boolean {
  return Function.prototype.toString.call(clientRequest).includes('emitErrorEvent')
}

/** Names and values in turns; a name that comes more than once has several values. */
function rawHeader(headers: string[], name: string): string[] | undefined {
  let values: string[] | undefined
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() !== name) continue
    values ??= []
    values.push(headers[i + 1]!)
  }
  return values
}

function addPeer(span: AgentSpan, socket: Socket | null): void {
  const peer = socket === null ? undefined : peerOf(socket)
  if (peer === undefined) return
  span.add('network.peer.address', peer.address)
  if (peer.port !== undefined) span.add('network.peer.port', peer.port)
}
