/** One call of a gRPC client, and what all of them have in common. */
import type { TextMapSetter } from '@opentelemetry/api'
import {
  type AgentContext,
  type AgentSpan,
  type AttributeList,
  activeContext,
  CLIENT,
  ROOT,
  runInContext,
  type Tools,
} from '../src/instrumentation'
import { failWithException, plainAddress } from './_http-semantics'
import { Listed, OpenList } from './_open-list'
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
export interface Metadata {
  /** Keys in lower case. */
  readonly internalRepr?: Map<string, (string | Buffer)[]>
  clone(): Metadata
  get(key: string): (string | Buffer)[]
  set(key: string, value: string | Buffer): void
}

export interface Status {
  code: number
  details: string
  metadata: Metadata | undefined
}

export interface Listener {
  onReceiveMetadata?(metadata: Metadata): void
  onReceiveMessage?(message: unknown): void
  onReceiveStatus?(status: Status): void
}

/** A call of the channel, or one around it that serializes, or one around that which an interceptor made. */
export interface Call {
  start(metadata: Metadata, listener: Listener): void
  getPeer(): string
}
export interface Channel {
  getTarget(): string
  createCall(...args: unknown[]): Call
}
export interface MethodDefinition {
  /** `/package.Service/Method` */
  path: string
  responseStream: boolean
}
/** Where a channel leads, and the same as the user's patterns know it. */
interface Destination extends Endpoint {
  readonly host: string
}

const NO_ENDPOINT: Endpoint = { address: '', port: undefined }
const NO_LISTENER: Listener = {}
const TRACEPARENT = 'traceparent'

/** What the calls of one copy of grpc-js have in common. */
export class GrpcClient {
  /** Calls without a status so far. */
  readonly open = new OpenList<TracedCall>()
  private readonly destinations = new WeakMap<object, Destination>()
  private lastPath = ''
  private lastMethod = ''
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

  /** A program calls few methods, mostly the same again. */
  methodOf(path: string): string {
    if (path !== this.lastPath) {
      this.lastMethod = methodName(path)
      this.lastPath = path
    }
    return this.lastMethod
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

function describe(traced: TracedCall): AttributeList {
  const { address, port } = traced.destination
  const list: AttributeList = [SYSTEM_NAME, 'grpc', METHOD, traced.method]
  if (address !== '') list.push(SERVER_ADDRESS, address)
  if (port !== undefined) list.push(SERVER_PORT, port)
  return list
}

// grpc-js delivers events from wherever the connection was opened, which may have been for somebody else. These hand them on
// in the context of whoever made the call; mostly that is the active one, and nothing is entered.

function passMetadata(caller: AgentContext, listener: Listener, metadata: Metadata): void {
  if (listener.onReceiveMetadata === undefined) return
  if (activeContext() === caller) listener.onReceiveMetadata(metadata)
  else runInContext(caller, listener.onReceiveMetadata, listener, [metadata])
}

function passMessage(caller: AgentContext, listener: Listener, message: unknown): void {
  if (listener.onReceiveMessage === undefined) return
  if (activeContext() === caller) listener.onReceiveMessage(message)
  else runInContext(caller, listener.onReceiveMessage, listener, [message])
}

function passStatus(caller: AgentContext, listener: Listener, status: Status): void {
  if (listener.onReceiveStatus === undefined) return
  if (activeContext() === caller) listener.onReceiveStatus(status)
  else runInContext(caller, listener.onReceiveStatus, listener, [status])
}

/** One call: its span, and the listener between grpc-js and the client. */
class TracedCall extends Listed implements Listener {
  readonly method: string
  /** The call that serializes, or that of an interceptor. Undefined before it is made and after it has ended. */
  call: Call | undefined = undefined
  /** Undefined after the end of a call that nobody can start again. */
  private span: AgentSpan | undefined
  /** The client's. */
  listener = NO_LISTENER
  private initialMetadata: Metadata | undefined = undefined
  private requestCaptured = false
  private ended = false
  /** No interceptor can start it, or an attempt of it, again. */
  direct = false

  constructor(
    private readonly client: GrpcClient,
    public caller: AgentContext,
    private readonly path: string,
    readonly destination: Destination,
    private readonly responseStream: boolean,
  ) {
    super()
    this.method = client.methodOf(path)
    const span = client.tools.tracer.start(this.method, CLIENT, caller, describe, this)
    this.span = span
    if (span.isRecording()) client.open.add(this)
  }

  /** The metadata to send: a copy with our headers. The caller's object may be used for other calls. */
  inject(metadata: Metadata): Metadata {
    const { caller, span, destination, path } = this
    const { tools } = this.client
    if (span === undefined) return metadata
    try {
      this.captureRequest(span, metadata)
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

  onReceiveMetadata(metadata: Metadata): void {
    this.initialMetadata = metadata
    passMetadata(this.caller, this.listener, metadata)
  }

  /** A single response is only kept by the client until the status comes: no code of the program runs here. */
  onReceiveMessage(message: unknown): void {
    if (this.responseStream) passMessage(this.caller, this.listener, message)
    else this.listener.onReceiveMessage?.(message)
  }

  /**
   * grpc-js and Node's table of streams know a call, and us with it, long after its end: a third of what a call allocates
   * outlives a collection or two. So what is large lets go here.
   */
  onReceiveStatus(status: Status): void {
    const { client, span } = this
    if (!this.ended) {
      try {
        if (span?.isRecording()) this.complete(span, status)
      } catch (error) {
        client.tools.fault('ending a call', error)
      }
      this.end()
    }
    const { caller } = this
    if (this.direct) {
      this.span = undefined
      this.caller = ROOT
    }
    passStatus(caller, this.listener, status)
  }

  /** The call was never made: an interceptor threw, or the channel is closed. */
  threw(error: unknown): void {
    try {
      if (this.span !== undefined) failWithException(this.span, error)
    } catch (fault) {
      this.client.tools.fault('the failure of a call', fault)
    }
    this.end()
  }

  end(): void {
    this.ended = true
    // Streams, promises and the call itself lead here for a while yet.
    this.call = undefined
    this.initialMetadata = undefined
    try {
      this.client.open.delete(this)
      this.span?.end()
    } catch (error) {
      this.client.tools.fault('ending a span', error)
    }
  }

  private complete(span: AgentSpan, status: Status): void {
    const { code, details } = status
    const name = statusName(code)
    span.add(STATUS_CODE, name)
    this.addPeer(span)
    const wanted = this.client.tools.settings.grpcClientResponseMetadata
    for (let i = 0; i < wanted.length; i++) {
      const { header, key } = wanted[i]!
      const values = [...textsOf(this.initialMetadata, header), ...textsOf(status.metadata, header)]
      if (values.length > 0) span.add(key, values)
    }
    if (code !== OK) span.fail(name, typeof details === 'string' && details !== '' ? details : undefined)
  }

  /** Without a connection grpc-js gives the channel's target, or `unknown`, as the peer; version 1.0 throws. */
  private addPeer(span: AgentSpan): void {
    let peer: unknown
    try {
      peer = this.call?.getPeer()
    } catch {
      return
    }
    if (typeof peer !== 'string') return
    const { address, port } = this.client.parsePeer(peer)
    if (port === undefined && address.charCodeAt(0) !== SLASH) return
    span.add(PEER_ADDRESS, address)
    if (port !== undefined) span.add(PEER_PORT, port)
  }

  private captureRequest(span: AgentSpan, metadata: Metadata): void {
    const wanted = this.client.tools.settings.grpcClientRequestMetadata
    if (wanted.length === 0 || this.requestCaptured) return
    this.requestCaptured = true
    for (let i = 0; i < wanted.length; i++) {
      const { header, key } = wanted[i]!
      const values = textsOf(metadata, header)
      if (values.length > 0) span.add(key, values)
    }
  }
}

/** Values of binary keys come and go as base64, as they do on the wire. */
const SETTER: TextMapSetter<Metadata> = {
  set(metadata, key, value) {
    const { internalRepr } = metadata
    // There is nothing to check in what we made ourselves.
    if (key === TRACEPARENT && internalRepr instanceof Map) internalRepr.set(key, [value])
    else metadata.set(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value)
  },
}

function textsOf(metadata: Metadata | undefined, key: string): string[] {
  if (metadata === undefined || metadata === null) return []
  return metadata.get(key).map(value => (typeof value === 'string' ? value : value.toString('base64')))
}

export type { TracedCall }
