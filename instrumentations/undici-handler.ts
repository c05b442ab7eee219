/**
 * The handler of a request of undici, whose callbacks run in the context of the caller.
 *
 * A connection is shared, and its events come in the context of whoever opened it. Promises and streams find back to their
 * caller by themselves; the handlers that send a request again (`RedirectHandler`, `RetryHandler`) do not: the next attempt
 * would be a child of a stranger. So they are called in the context of the request.
 */
import { AsyncResource } from 'node:async_hooks'
import { type AgentContext, runInContext } from '../src/instrumentation'

/** What is told to the attempt, before the handler. */
export interface Listener {
  readonly callerContext: AgentContext
  /** The context for a callback after which the request may be sent again. */
  readonly againContext: AgentContext
  readonly mayBeSentAgain: boolean
  upgraded(status: number): void
}

/** undici calls these: the names up to undici 7, then those of 8. All but a few are optional. */
type Handler = Record<string, ((...args: any[]) => unknown) | undefined>

/** Puts itself between the request and its handler. Nothing happens where the handler is not where it should be. */
export function bindHandler(request: object, listener: Listener): void {
  const key = handlerKey(request)
  if (key === undefined) return
  const holder = request as Record<symbol, Handler>
  const handler = holder[key]
  if (typeof handler !== 'object' || handler === null) return
  // The handlers of `undici.request` and its kin call the program in the right context themselves; that of `fetch` calls
  // nobody: it settles promises and fills streams.
  if ((handler instanceof AsyncResource || isOfFetch(handler)) && !isHandshake(request)) return
  holder[key] = new BoundHandler(handler, listener) as any
}

/** The literal that `fetch` makes for each of its requests, in undici 5 to 8. What sends a request again is a class. */
function isOfFetch(handler: object): boolean {
  return (
    Object.getPrototypeOf(handler) === Object.prototype &&
    Object.hasOwn(handler, 'abort') &&
    Object.hasOwn(handler, 'body')
  )
}

function isHandshake(request: { method?: unknown; upgrade?: unknown }): boolean {
  return request.method === 'CONNECT' || Boolean(request.upgrade)
}

const keys = new WeakMap<Function, symbol>()

/** Each copy of undici has a symbol of its own. */
function handlerKey(request: object): symbol | undefined {
  const maker = request.constructor
  let key = keys.get(maker)
  if (key === undefined) {
    key = Object.getOwnPropertySymbols(request).find(({ description }) => description === 'handler')
    if (key !== undefined) keys.set(maker, key)
  }
  return key
}

class BoundHandler {
  constructor(
    private readonly handler: Handler,
    private readonly listener: Listener,
  ) {}

  onConnect(...args: unknown[]): unknown {
    return this.handler.onConnect?.(...args)
  }

  onResponseStarted(...args: unknown[]): unknown {
    return this.handler.onResponseStarted?.(...args)
  }

  onHeaders(...args: unknown[]): unknown {
    return this.run('onHeaders', args)
  }

  onData(chunk: unknown): unknown {
    return this.handler.onData?.(chunk)
  }

  onComplete(...args: unknown[]): unknown {
    return this.run('onComplete', args)
  }

  onError(...args: unknown[]): unknown {
    return this.run('onError', args)
  }

  onUpgrade(status: number, ...args: unknown[]): unknown {
    this.listener.upgraded(status)
    return this.run('onUpgrade', [status, ...args])
  }

  onBodySent(...args: unknown[]): unknown {
    return this.handler.onBodySent?.(...args)
  }

  onRequestSent(...args: unknown[]): unknown {
    return this.handler.onRequestSent?.(...args)
  }

  onRequestStart(...args: unknown[]): unknown {
    return this.handler.onRequestStart?.(...args)
  }

  onResponseStart(...args: unknown[]): unknown {
    return this.run('onResponseStart', args)
  }

  onResponseData(controller: unknown, chunk: unknown): unknown {
    return this.handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(...args: unknown[]): unknown {
    return this.run('onResponseEnd', args)
  }

  onResponseError(...args: unknown[]): unknown {
    return this.run('onResponseError', args)
  }

  onRequestUpgrade(controller: unknown, status: number, ...args: unknown[]): unknown {
    this.listener.upgraded(status)
    return this.run('onRequestUpgrade', [controller, status, ...args])
  }

  private run(method: string, args: unknown[]): unknown {
    const { handler, listener } = this
    const callback = handler[method]
    if (callback === undefined) return undefined
    const context = listener.mayBeSentAgain ? listener.againContext : listener.callerContext
    return runInContext(context, callback, handler, args)
  }
}
