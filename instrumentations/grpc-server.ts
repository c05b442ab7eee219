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
import { type AgentContext, activeContext, runInContext, type Tools } from '../src/instrumentation'
import { noteException, ServedCalls } from './grpc-served'
import { follow, type Headers, isFollowed, type Stream } from './grpc-stream'

/** What is used of an Http2Server. */
interface Http2Server {
  listeners(event: string): Function[]
  removeListener(event: string, listener: Function): void
  on(event: string, listener: Function): void
}
interface Server {
  handlers?: { has(path: string): boolean }
}

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
      register(this: Server, _name: string, _handler: unknown): unknown {
        return Reflect.apply(original, this, withNoting(arguments, tools))
      },
    }.register
  })
}

/** The arguments of `register` with a handler whose exceptions are noted. */
function withNoting(args: IArguments, tools: Tools): ArrayLike<unknown> {
  try {
    const [name, handler, ...others] = args
    return typeof handler === 'function' ? [name, noteThrown(handler, tools), ...others] : args
  } catch (error) {
    tools.fault('a handler', error)
    return args
  }
}

/** grpc-js answers an exception with UNKNOWN and without a word of it; here it passes by. */
function noteThrown(handler: Function, tools: Tools): Function {
  const noting = function (this: unknown): unknown {
    try {
      return Reflect.apply(handler, this, arguments)
    } catch (error) {
      try {
        const span = activeContext().entry
        if (span?.isRecording()) noteException(span, error)
      } catch (fault) {
        tools.fault('noting an exception', fault)
      }
      throw error
    }
  }
  Object.defineProperty(noting, 'name', { configurable: true, value: handler.name })
  Object.defineProperty(noting, 'length', { configurable: true, value: handler.length })
  return noting
}

class GrpcServer {
  private readonly calls: ServedCalls

  constructor(private readonly tools: Tools) {
    this.calls = new ServedCalls(tools)
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
      if (activeContext().suppressed || isFollowed(stream)) return undefined
      const call = this.calls.begin(headers, path, stream, server.handlers?.has(path) === true)
      follow(stream, call)
      return call.context
    } catch (error) {
      tools.fault('starting a call', error)
      return undefined
    }
  }
}
