/** HTTP/2 streams of a server, each in the context of the call that it carries. */
import { type AgentContext, contextAt, currentPlace, enterContextAt, ROOT } from '../src/instrumentation'
import { plainAddress } from './_http-semantics'
import { Given } from './_note'
import type { Endpoint } from './grpc-semantics'

export type Headers = Record<string, string | string[] | undefined>

/** What is used of a stream. */
export interface Stream {
  readonly session: object | undefined
  readonly sentHeaders: Headers | undefined
  readonly sentTrailers: Headers | undefined
  emit: Function
  respond: Function
}

/** What is told of the events of a stream. Must not throw. */
export interface Follower {
  readonly context: AgentContext
  /** The status may have been sent. */
  look(stream: Stream, closed: boolean): void
  /** The last event has come. */
  close(stream: Stream): void
}

export const NO_PEER: Endpoint = { address: '', port: undefined }

/** The call that a stream carries. */
class CallNote extends Given {
  #call: Follower

  constructor(stream: object, call: Follower) {
    super(stream)
    this.#call = call
  }

  static has(stream: object): boolean {
    return #call in stream
  }

  /** Undefined for what only inherits from a stream, or passes on to one. */
  static read(stream: object): Follower | undefined {
    return #call in stream ? stream.#call : undefined
  }

  static end(stream: object): void {
    if (#call in stream) stream.#call = OVER
  }
}

/** What streams keep of their calls: Node's table of streams leads to them long after their end. */
const OVER: Follower = { context: ROOT, look() {}, close() {} }

/** The other end of a connection. */
class PeerNote extends Given {
  #peer: Endpoint

  constructor(session: object, peer: Endpoint) {
    super(session)
    this.#peer = peer
  }

  static read(session: object): Endpoint | undefined {
    return #peer in session ? session.#peer : undefined
  }
}

/** Asking a session for its socket is slow: once is enough. */
export function peerOf(stream: Stream): Endpoint {
  const { session } = stream as { session: any }
  if (session === undefined || session === null) return NO_PEER
  let peer = PeerNote.read(session)
  if (peer === undefined) {
    const address = session.socket?.remoteAddress
    peer = typeof address === 'string' ? { address: plainAddress(address), port: session.socket.remotePort } : NO_PEER
    new PeerNote(session, peer)
  }
  return peer
}

/** From these events code of the program may run. */
function mayReachProgram(event: string): boolean {
  switch (event) {
    case 'data':
    case 'end':
    case 'wantTrailers':
    case 'close':
    case 'drain':
    case 'error':
    case 'aborted':
      return true
  }
  return false
}

/**
 * `emit` of a stream that carries a call. Only the events from which code of the program may run are taken into the
 * context, and after those that send the status or come last the call is looked at.
 *
 * Node emits eighteen events for a unary call. `super.emit` with the arguments that there are is compiled into one piece with
 * what it calls; a function that is called with a list of arguments makes lists all the way down, two kilobytes for a call.
 *
 * @param above has the `emit` of the stream
 */
function emitFollowed(above: object): Function {
  const home = {
    __proto__: above as { emit(...args: unknown[]): boolean },

    emit(this: Stream, event: string, first: unknown, second: unknown): boolean {
      if (!mayReachProgram(event)) {
        if (event === 'finish') CallNote.read(this)?.look(this, false)
        if (arguments.length === 1) return super.emit(event)
        if (arguments.length === 3) return super.emit(event, first, second)
        return Reflect.apply(super.emit, this, arguments)
      }
      const call = CallNote.read(this)
      if (call === undefined) return Reflect.apply(super.emit, this, arguments)
      const { context } = call
      const place = currentPlace()
      const before = contextAt(place)
      if (before !== context) enterContextAt(place, context)
      try {
        if (arguments.length === 1) return super.emit(event)
        if (arguments.length === 2) return super.emit(event, first)
        return Reflect.apply(super.emit, this, arguments)
      } finally {
        if (before !== context) enterContextAt(place, before)
        if (event === 'close') {
          call.close(this)
          CallNote.end(this)
        } else if (event === 'wantTrailers') call.look(this, false)
      }
    },
  }
  return home.emit
}

/** The `emit` that streams inherit, all from the same class, and what stands in its place. */
let inherited: Function | undefined
let following: Function | undefined

/** From now on the events of the stream come in the context of the call. One with an `emit` of its own keeps that, below ours. */
export function follow(stream: Stream, call: Follower): void {
  const { emit } = stream
  new CallNote(stream, call)
  if (Object.hasOwn(stream, 'emit')) {
    stream.emit = emitFollowed({ emit })
    return
  }
  if (emit !== inherited || following === undefined) {
    following = emitFollowed(Object.getPrototypeOf(stream))
    inherited = emit
  }
  stream.emit = following
}

export function isFollowed(stream: Stream): boolean {
  return CallNote.has(stream)
}
