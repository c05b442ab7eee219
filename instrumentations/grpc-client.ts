/**
 * CLIENT spans of @grpc/grpc-js: one for each call that a program makes through a client, of all four kinds, from generated
 * and dynamic stubs alike.
 *
 * All of them pass `getInterceptingCall` (client-interceptors.js), which client.js calls through the module's exports and
 * which returns the call before it is started. There the arguments are already sorted, callbacks and emitters are not yet
 * involved, and the program's interceptors are above the place where the headers are added: they see the caller's
 * metadata as it was.
 *
 * Not covered: calls that a program makes on a Channel by hand, and the attempts of grpc-js's own retry policy, which
 * happen inside one call and make one span.
 */
import type { TextMapSetter } from '@opentelemetry/api'
import {
  type AgentContext,
  type AgentSpan,
  type AttributeList,
  activeContext,
  CLIENT,
  runInContext,
  type Tools,
} from '../src/instrumentation'
import { failWithException, plainAddress } from './_http-semantics'
import {
  type Endpoint,
  hostOf,
  METHOD,
  methodName,
  OK,
  PEER_ADDRESS,
  PEER_PORT,
  parseHostPort,
  parseTarget,
  SERVER_ADDRESS,
  SERVER_PORT,
  SLASH,
  STATUS_CODE,
  SYSTEM_NAME,
  statusName,
} from './grpc-semantics'

/** What is used of grpc-js, versions 1.0 to 1.14. */
interface Metadata {
  clone(): Metadata
  get(key: string): (string | Buffer)[]
  set(key: string, value: string | Buffer): void
}
interface Status {
  code: number
  details: string
  metadata: Metadata | undefined
}
interface Listener {
  onReceiveMetadata?(metadata: Metadata): void
  onReceiveMessage?(message: unknown): void
  onReceiveStatus?(status: Status): void
}
/** A call of the channel, or one around it that serializes, or one around that which an interceptor made. */
interface Call {
  start(metadata: Metadata, listener: Listener): void
  getPeer(): string
}
interface Channel {
  getTarget(): string
  createCall(...args: unknown[]): Call
}
interface MethodDefinition {
  /** `/package.Service/Method` */
  path: string
  responseStream: boolean
}
interface InterceptorArguments {
  clientInterceptors: unknown[]
  clientInterceptorProviders: unknown[]
  callInterceptors: unknown[]
  callInterceptorProviders: unknown[]
}

/** Where a channel leads, and the same as the user's patterns know it. */
interface Destination extends Endpoint {
  readonly host: string
}

const NO_ENDPOINT: Endpoint = { address: '', port: undefined }
const NO_LISTENER: Listener = {}

/** Patches client-interceptors.js. */
export function patchCalls(exports: any, tools: Tools): void {
  tools.wrap(exports, 'getInterceptingCall', original => traceCall(original, tools))
}

/** Patches client.js: what a program does when the channel is ready belongs to where it asked, not to who connected. */
export function patchClient(exports: any, tools: Tools): void {
  tools.wrap(exports.Client.prototype, 'waitForReady', original => {
    return {
      waitForReady(this: unknown, deadline: unknown, callback: unknown): unknown {
        if (typeof callback !== 'function') return Reflect.apply(original, this, arguments)
        const context = activeContext()
        const inContext = (...args: unknown[]) => runInContext(context, callback, undefined, args)
        return Reflect.apply(original, this, [deadline, inContext])
      },
    }.waitForReady
  })
}

function traceCall(original: Function, tools: Tools): Function {
  const client = new GrpcClient(tools)
  return function getInterceptingCall(
    this: unknown,
    interceptors: InterceptorArguments,
    definition: MethodDefinition,
    options: unknown,
    channel: Channel,
  ): Call {
    const caller = activeContext()
    const traced = client.begin(caller, definition, channel)
    if (traced === undefined) {
      const call: Call = Reflect.apply(original, this, arguments)
      if (caller.suppressed)
        return onStart(call, (metadata, listener) => call.start(metadata, new ContextListener(caller, listener)))
      return call
    }
    const direct = isEmpty(interceptors)
    let call: Call
    try {
      const below = direct ? channel : injectingChannel(channel, traced)
      call = Reflect.apply(original, this, [interceptors, definition, options, below])
    } catch (error) {
      traced.threw(error)
      throw error
    }
    return traced.attach(call, direct)
  }
}

/** What the calls of one copy of grpc-js have in common. */
class GrpcClient {
  /** Calls without a status so far. */
  readonly open = new Set<TracedCall>()
  private readonly destinations = new WeakMap<object, Destination>()
  private lastPeer = ''
  private lastPeerEndpoint = NO_ENDPOINT

  constructor(readonly tools: Tools) {
    // The thread ends: what will become of these calls nobody here learns.
    tools.atExit(() => {
      for (const call of this.open) call.end()
    })
  }

  /** The span of a call, or undefined for a call that is not to be traced. */
  begin(caller: AgentContext, definition: MethodDefinition, channel: Channel): TracedCall | undefined {
    if (caller.suppressed) return undefined
    const { tools } = this
    try {
      const { path } = definition
      if (typeof path !== 'string') return undefined
      let destination = this.destinations.get(channel)
      if (destination === undefined) {
        destination = destinationOf(channel)
        this.destinations.set(channel, destination)
      }
      const { ignoreOutgoing } = tools.settings
      if (ignoreOutgoing?.('POST', destination.host, path)) return undefined
      return new TracedCall(this, caller, path, destination, definition.responseStream === true)
    } catch (error) {
      tools.fault('starting a call', error)
      return undefined
    }
  }

  /** Calls mostly go where the last one went. */
  parsePeer(peer: string): Endpoint {
    if (peer !== this.lastPeer) {
      const { address, port } = parseHostPort(peer)
      this.lastPeer = peer
      this.lastPeerEndpoint = { address: plainAddress(address), port }
    }
    return this.lastPeerEndpoint
  }
}

function destinationOf(channel: Channel): Destination {
  const target = typeof channel.getTarget === 'function' ? channel.getTarget() : undefined
  const endpoint = typeof target === 'string' ? parseTarget(target) : NO_ENDPOINT
  return { ...endpoint, host: hostOf(endpoint) }
}

/** No interceptor stands between the client and the channel. */
function isEmpty(interceptors: InterceptorArguments): boolean {
  return (
    interceptors.callInterceptors.length === 0 &&
    interceptors.clientInterceptors.length === 0 &&
    interceptors.callInterceptorProviders.length === 0 &&
    interceptors.clientInterceptorProviders.length === 0
  )
}

/** The channel as interceptors reach it at the end of their chain, once or several times: each of its calls carries the headers. */
function injectingChannel(channel: Channel, traced: TracedCall): Channel {
  return Object.create(channel, {
    createCall: {
      value: (...args: unknown[]) => {
        const call = channel.createCall(...args)
        return onStart(call, (metadata, listener) => {
          call.start(traced.inject(metadata), new ContextListener(traced.caller, listener))
        })
      },
    },
  })
}

/**
 * Has `start` called in the place of the call's own method, once. When it runs the call is as it was before: the object
 * belongs to the program, which may have made it and sees it as `call.call`.
 *
 * @returns the call, or one that inherits from it where it cannot be changed
 */
function onStart(call: Call, start: Call['start']): Call {
  const before = Object.hasOwn(call, 'start') ? Object.getOwnPropertyDescriptor(call, 'start')! : undefined
  const once = (metadata: Metadata, listener: Listener) => {
    if (before === undefined) delete (call as Partial<Call>).start
    else Object.defineProperty(call, 'start', before)
    start(metadata, listener)
  }
  try {
    call.start = once
    return call
  } catch {
    return Object.create(call, { start: { configurable: true, writable: true, value: once } })
  }
}

function describe(traced: TracedCall): AttributeList {
  const { address, port } = traced.destination
  const list: AttributeList = [SYSTEM_NAME, 'grpc', METHOD, traced.method]
  if (address !== '') list.push(SERVER_ADDRESS, address)
  if (port !== undefined) list.push(SERVER_PORT, port)
  return list
}

/**
 * Hands the events of a call on in the context of whoever made it: grpc-js delivers them from wherever the connection was
 * opened, which may have been for somebody else.
 */
class ContextListener implements Listener {
  constructor(
    readonly caller: AgentContext,
    protected listener: Listener,
  ) {}

  onReceiveMetadata(metadata: Metadata): void {
    const { onReceiveMetadata } = this.listener
    if (onReceiveMetadata !== undefined) runInContext(this.caller, onReceiveMetadata, this.listener, [metadata])
  }

  onReceiveMessage(message: unknown): void {
    const { onReceiveMessage } = this.listener
    if (onReceiveMessage !== undefined) runInContext(this.caller, onReceiveMessage, this.listener, [message])
  }

  onReceiveStatus(status: Status): void {
    const { onReceiveStatus } = this.listener
    if (onReceiveStatus !== undefined) runInContext(this.caller, onReceiveStatus, this.listener, [status])
  }
}

/** One call: its span, and the listener between grpc-js and the client. */
class TracedCall extends ContextListener {
  readonly method: string
  private readonly span: AgentSpan
  private call: Call | undefined = undefined
  private initialMetadata: Metadata | undefined = undefined
  private requestCaptured = false
  private ended = false

  constructor(
    private readonly client: GrpcClient,
    caller: AgentContext,
    private readonly path: string,
    readonly destination: Destination,
    private readonly responseStream: boolean,
  ) {
    super(caller, NO_LISTENER)
    this.method = methodName(path)
    this.span = client.tools.tracer.start(this.method, CLIENT, caller, describe, this)
    if (this.span.isRecording()) client.open.add(this)
  }

  /**
   * @param direct there are no interceptors: this call is the one whose metadata is sent
   * @returns the call to use
   */
  attach(call: Call, direct: boolean): Call {
    this.call = call
    return onStart(call, (metadata, listener) => {
      this.listener = listener
      call.start(direct ? this.inject(metadata) : metadata, this)
    })
  }

  /** The metadata to send: a copy with our headers. The caller's object may be used for other calls. */
  inject(metadata: Metadata): Metadata {
    const { caller, span, destination, path } = this
    const { tools } = this.client
    try {
      this.captureRequest(metadata)
      const { mayInject } = tools.settings
      if (mayInject !== undefined && !mayInject(destination.host, path)) return metadata
      const copy = metadata.clone()
      tools.inject(caller.withSpan(span), copy, SETTER)
      return copy
    } catch (error) {
      tools.fault('adding headers to a call', error)
      return metadata
    }
  }

  override onReceiveMetadata(metadata: Metadata): void {
    this.initialMetadata = metadata
    super.onReceiveMetadata(metadata)
  }

  /** A single response is only kept by the client until the status comes: no code of the program runs here. */
  override onReceiveMessage(message: unknown): void {
    if (this.responseStream) super.onReceiveMessage(message)
    else this.listener.onReceiveMessage?.(message)
  }

  override onReceiveStatus(status: Status): void {
    if (!this.ended) {
      try {
        if (this.span.isRecording()) this.complete(status)
      } catch (error) {
        this.client.tools.fault('ending a call', error)
      }
      this.end()
    }
    super.onReceiveStatus(status)
  }

  /** The call was never made: an interceptor threw, or the channel is closed. */
  threw(error: unknown): void {
    failWithException(this.span, error)
    this.end()
  }

  end(): void {
    this.ended = true
    this.client.open.delete(this)
    try {
      this.span.end()
    } catch (error) {
      this.client.tools.fault('ending a span', error)
    }
  }

  private complete(status: Status): void {
    const { span } = this
    const { code, details } = status
    const name = statusName(code)
    span.add(STATUS_CODE, name)
    this.addPeer()
    const wanted = this.client.tools.settings.grpcClientResponseMetadata
    for (let i = 0; i < wanted.length; i++) {
      const { header, key } = wanted[i]!
      const values = [...textsOf(this.initialMetadata, header), ...textsOf(status.metadata, header)]
      if (values.length > 0) span.add(key, values)
    }
    if (code !== OK) span.fail(name, typeof details === 'string' && details !== '' ? details : undefined)
  }

  /** Without a connection grpc-js gives the channel's target, or `unknown`, as the peer; version 1.0 throws. */
  private addPeer(): void {
    let peer: unknown
    try {
      peer = this.call?.getPeer()
    } catch {
      return
    }
    if (typeof peer !== 'string') return
    const { address, port } = this.client.parsePeer(peer)
    if (port === undefined && address.charCodeAt(0) !== SLASH) return
    this.span.add(PEER_ADDRESS, address)
    if (port !== undefined) this.span.add(PEER_PORT, port)
  }

  private captureRequest(metadata: Metadata): void {
    const wanted = this.client.tools.settings.grpcClientRequestMetadata
    if (wanted.length === 0 || this.requestCaptured) return
    this.requestCaptured = true
    for (let i = 0; i < wanted.length; i++) {
      const { header, key } = wanted[i]!
      const values = textsOf(metadata, header)
      if (values.length > 0) this.span.add(key, values)
    }
  }
}

/** Values of binary keys come and go as base64, as they do on the wire. */
const SETTER: TextMapSetter<Metadata> = {
  set(metadata, key, value) {
    metadata.set(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value)
  },
}

function textsOf(metadata: Metadata | undefined, key: string): string[] {
  if (metadata === undefined || metadata === null) return []
  return metadata.get(key).map(value => (typeof value === 'string' ? value : value.toString('base64')))
}
