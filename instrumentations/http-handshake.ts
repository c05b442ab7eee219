/**
 * The SERVER span of a request for another protocol: WebSocket and other upgrades, CONNECT.
 *
 * It covers the handshake: from the request to the first bytes that the listener of `upgrade` or `connect` writes, which
 * hold the status. What is spoken afterwards is no HTTP. The listener runs in the context of the span.
 *
 * Node publishes no channel here, and `emit` is not an own key of any server prototype. The server's `emit` is shadowed
 * between the end of the parser's work and the event, which follows in the same call.
 */
import type { IncomingMessage } from 'node:http'
import { type AgentContext, activeContext, runInContext } from '../src/instrumentation'
import type { Connection, HttpServer } from './http-server'
import { listen } from './http-tap'

export function traceHandshake(
  http: HttpServer,
  server: object,
  request: IncomingMessage,
  connection: Connection,
): void {
  let unshadow = () => {}
  const restore = http.tools.guard(function restore() {
    unshadow()
  })
  unshadow = shadow(server, 'emit', original => {
    return function emit(this: unknown, event: unknown, about: unknown, stream: unknown) {
      if (about !== request || (event !== 'upgrade' && event !== 'connect')) {
        return Reflect.apply(original, this, arguments)
      }
      restore()
      const context = begin(http, request, connection, stream as object)
      let returned = false
      try {
        const result = runInContext(context, original, this, arguments)
        returned = true
        return result
      } finally {
        if (!returned) http.onInterrupted()
      }
    }
  })
  // Nobody listens: there is no event.
  process.nextTick(restore)
}

function begin(http: HttpServer, request: IncomingMessage, connection: Connection, stream: object): AgentContext {
  try {
    const { context, exchange } = http.startHandshake(request, connection)
    http.onDispatch(exchange)
    if (exchange !== undefined) {
      const written = (chunk: unknown) => http.endHandshake(connection, exchange, statusOf(chunk))
      const destroyed = (error: unknown) => http.breakHandshake(connection, exchange, error)
      listen(stream, { written, destroyed }, http.tools)
    }
    return context
  } catch (error) {
    http.tools.fault('a handshake', error)
    return activeContext()
  }
}

/** `HTTP/1.1 101 Switching Protocols`: 101. */
function statusOf(chunk: unknown): number | undefined {
  const line =
    typeof chunk === 'string' ? chunk.slice(0, 13) : Buffer.isBuffer(chunk) ? chunk.toString('latin1', 0, 13) : ''
  const found = /^HTTP\/1\.[01] ([1-9]\d\d)/.exec(line)
  return found === null ? undefined : Number(found[1])
}

/** Puts a function in front of `target[key]`, where enumeration does not see it, until the returned function is called. */
function shadow(target: object, key: string, make: (original: Function) => Function): () => void {
  const before = Object.getOwnPropertyDescriptor(target, key)
  const replacement = make((target as any)[key])
  Object.defineProperty(target, key, { configurable: true, enumerable: false, writable: true, value: replacement })
  return () => {
    if ((target as any)[key] !== replacement) return
    if (before === undefined) delete (target as any)[key]
    else Object.defineProperty(target, key, before)
  }
}
