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
import { type AgentContext, activeContext, runInContext, type Tools } from '../src/instrumentation'
import { Given } from './_note'
import {
  type Call,
  type Channel,
  GrpcClient,
  type Listener,
  type Metadata,
  type MethodDefinition,
  type Status,
  type TracedCall,
} from './grpc-call'

/** What is used of grpc-js, versions 1.0 to 1.14. */
interface InterceptorArguments {
  clientInterceptors: unknown[]
  clientInterceptorProviders: unknown[]
  callInterceptors: unknown[]
  callInterceptorProviders: unknown[]
}

/** grpc-js has two classes of calls with a method `start` of their own. */
const MAX_STARTS = 4

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
  const starts = new Starts(tools)
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
      const call: Call = original.call(this, interceptors, definition, options, channel)
      return caller.suppressed ? keepingContext(call, caller, tools) : call
    }
    const below = channelBelow(interceptors, channel, traced, tools)
    let call: Call
    try {
      call = original.call(this, interceptors, definition, options, below)
    } catch (error) {
      traced.threw(error)
      throw error
    }
    traced.call = call
    const direct = below === channel
    return direct && starts.await(call, traced) ? call : traceStart(call, traced, direct, tools)
  }
}

// Closures, and what V8 allocates for them where they could be made, are here for the calls that need them.

function keepingContext(call: Call, caller: AgentContext, tools: Tools): Call {
  try {
    return onStart(call, (metadata, listener) => call.start(metadata, new ContextListener(caller, listener)))
  } catch (error) {
    tools.fault('the context of a call', error)
    return call
  }
}

function traceStart(call: Call, traced: TracedCall, injecting: boolean, tools: Tools): Call {
  try {
    return onStart(call, (metadata, listener) => {
      traced.listener = listener
      call.start(injecting ? traced.inject(metadata) : metadata, traced)
    })
  } catch (error) {
    tools.fault('following a call', error)
    traced.end()
    return call
  }
}

/** The span of a call that has not started. */
class StartNote extends Given {
  #traced: TracedCall | undefined

  constructor(call: object, traced: TracedCall) {
    super(call)
    this.#traced = traced
  }

  static give(call: object, traced: TracedCall): void {
    if (#traced in call) call.#traced = traced
    else new StartNote(call, traced)
  }

  static take(call: object): TracedCall | undefined {
    if (!(#traced in call)) return undefined
    const traced = call.#traced
    call.#traced = undefined
    return traced
  }
}

/**
 * The methods `start` of calls that grpc-js makes. They are replaced once for all calls of a class: none gets a method of its
 * own, which would have to be taken away again.
 */
class Starts {
  /** Ours. */
  private readonly known: Function[] = []

  constructor(private readonly tools: Tools) {}

  /** @returns whether the call will find its span when it starts */
  await(call: Call, traced: TracedCall): boolean {
    try {
      if (!this.known.includes(call.start) && !this.replace(call)) return false
      StartNote.give(call, traced)
      return true
    } catch (error) {
      this.tools.fault('following calls', error)
      return false
    }
  }

  private replace(call: Call): boolean {
    const { known, tools } = this
    if (known.length === MAX_STARTS || Object.hasOwn(call, 'start')) return false
    const owner = ownerOf(call, 'start')
    if (owner === undefined) return false
    tools.wrap(owner as Call, 'start', startTraced)
    known.push(call.start)
    return true
  }
}

/** `start` of a class of calls that serialize: what we put on a call is taken from it, and is between it and the client then. */
function startTraced(original: Call['start']): Function {
  return {
    start(this: Call, metadata: Metadata, listener: Listener): void {
      const traced = StartNote.take(this)
      if (traced === undefined) {
        original.call(this, metadata, listener)
        return
      }
      traced.listener = listener
      traced.direct = true
      original.call(this, traced.inject(metadata), traced)
    },
  }.start
}

function ownerOf(object: object, key: string): object | undefined {
  let owner = Object.getPrototypeOf(object)
  while (owner !== null && !Object.hasOwn(owner, key)) owner = Object.getPrototypeOf(owner)
  return owner ?? undefined
}

/** The channel itself, unless interceptors stand between the client and it. */
function channelBelow(interceptors: InterceptorArguments, channel: Channel, traced: TracedCall, tools: Tools): Channel {
  try {
    return isEmpty(interceptors) ? channel : injectingChannel(channel, traced, tools)
  } catch (error) {
    tools.fault('the interceptors of a call', error)
    return channel
  }
}

function isEmpty(interceptors: InterceptorArguments): boolean {
  return (
    interceptors.callInterceptors.length === 0 &&
    interceptors.clientInterceptors.length === 0 &&
    interceptors.callInterceptorProviders.length === 0 &&
    interceptors.clientInterceptorProviders.length === 0
  )
}

/** The channel as interceptors reach it at the end of their chain, once or several times: each of its calls carries the headers. */
function injectingChannel(channel: Channel, traced: TracedCall, tools: Tools): Channel {
  return Object.create(channel, {
    createCall: { value: (...args: unknown[]) => injectAtStart(channel.createCall(...args), traced, tools) },
  })
}

function injectAtStart(call: Call, traced: TracedCall, tools: Tools): Call {
  try {
    return onStart(call, (metadata, listener) => {
      call.start(traced.inject(metadata), new ContextListener(traced.caller, listener))
    })
  } catch (error) {
    tools.fault('adding headers to a call', error)
    return call
  }
}

/**
 * Has `start` called in the place of the call's own method, once. When it runs the call is as it was before: the object
 * belongs to the program, which may have made it and sees it as `call.call`.
 *
 * @returns the call, or one that inherits from it where it cannot be changed
 */
function onStart(call: Call, start: Call['start']): Call {
  const before = Object.getOwnPropertyDescriptor(call, 'start')
  const once = (metadata: Metadata, listener: Listener) => {
    if (before === undefined) delete (call as Partial<Call>).start
    else Object.defineProperty(call, 'start', before)
    start(metadata, listener)
  }
  if (Reflect.set(call, 'start', once)) return call
  return Object.create(call, { start: { configurable: true, writable: true, value: once } })
}

/**
 * Hands the events of a call on in the context of whoever made it: grpc-js delivers them from wherever the connection was
 * opened, which may have been for somebody else.
 */
class ContextListener implements Listener {
  constructor(
    private readonly caller: AgentContext,
    private readonly listener: Listener,
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
