import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks'
import type { Span as ApiSpan, Baggage, Context, ContextManager } from '@opentelemetry/api'

/** Keys of @opentelemetry/api and @opentelemetry/core: `createContextKey` is `Symbol.for`, so every copy shares them. */
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN')
const BAGGAGE_KEY = Symbol.for('OpenTelemetry Baggage Key')
const SUPPRESS_KEY = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * A span with this property stands for a context: to make it the active span leads back into that context. See
 * `ShadowTracer`.
 */
export const SHADOWED = Symbol('tracing-agent shadowed context')

function shadowedBy(span: unknown): AgentContext | undefined {
  return (span as { [SHADOWED]?: AgentContext } | undefined)?.[SHADOWED]
}

/**
 * What is known along one chain of asynchronous calls. Immutable.
 *
 * The values that every request needs are fields, so that putting a span into a context copies five words instead of a
 * Map, and nesting makes no chain that would keep finished spans alive.
 */
export class AgentContext implements Context {
  constructor(
    readonly span: ApiSpan | undefined,
    /** The SERVER span which this process is answering: where a framework reports its route. */
    readonly entry: ApiSpan | undefined,
    readonly baggage: Baggage | undefined,
    /** Nothing started here is traced: the agent's own traffic, and programs that use suppressTracing. */
    readonly suppressed: boolean,
    private readonly rest: ReadonlyMap<symbol, unknown> | undefined,
  ) {}

  withSpan(span: ApiSpan | undefined): AgentContext {
    return new AgentContext(span, this.entry, this.baggage, this.suppressed, this.rest)
  }

  /** For server instrumentations: the span becomes both the active one and the entry. */
  withEntry(span: ApiSpan): AgentContext {
    return new AgentContext(span, span, this.baggage, this.suppressed, this.rest)
  }

  withBaggage(baggage: Baggage | undefined): AgentContext {
    return new AgentContext(this.span, this.entry, baggage, this.suppressed, this.rest)
  }

  withSuppressed(): AgentContext {
    return new AgentContext(this.span, this.entry, this.baggage, true, this.rest)
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY) return this.span
    if (key === BAGGAGE_KEY) return this.baggage
    if (key === SUPPRESS_KEY) return this.suppressed || undefined
    return this.rest?.get(key)
  }

  setValue(key: symbol, value: unknown): AgentContext {
    if (key === SPAN_KEY) {
      const shadowed = shadowedBy(value)
      if (shadowed === undefined) return this.withSpan(value as ApiSpan | undefined)
      const suppressed = this.suppressed || shadowed.suppressed
      return new AgentContext(shadowed.span, shadowed.entry, this.baggage, suppressed, this.rest)
    }
    if (key === BAGGAGE_KEY) return this.withBaggage(value as Baggage | undefined)
    if (key === SUPPRESS_KEY) return new AgentContext(this.span, this.entry, this.baggage, value === true, this.rest)
    const rest = new Map(this.rest)
    rest.set(key, value)
    return new AgentContext(this.span, this.entry, this.baggage, this.suppressed, rest)
  }

  deleteValue(key: symbol): AgentContext {
    if (key === SPAN_KEY || key === BAGGAGE_KEY || key === SUPPRESS_KEY) return this.setValue(key, undefined)
    if (!this.rest?.has(key)) return this
    const rest = new Map(this.rest)
    rest.delete(key)
    return new AgentContext(this.span, this.entry, this.baggage, this.suppressed, rest)
  }
}

/** The context in which nothing is known. */
export const ROOT = new AgentContext(undefined, undefined, undefined, false, undefined)
/** The context of the agent's own work. */
export const SUPPRESSED = ROOT.withSuppressed()

const storage = new AsyncLocalStorage<AgentContext>()

/**
 * Up to Node 22 a storage keeps its value on the resource that is being executed, under a symbol of its own. To ask for that
 * resource is what its methods spend their time with (`run` asks three times); who knows it need not ask. Undefined where
 * Node keeps contexts in frames: its methods are cheap there.
 */
const { kResourceStore: STORE } = storage as unknown as { kResourceStore?: symbol }
type Resource = Record<symbol, AgentContext | undefined>

/** The storage is in use: Node passes its value on. */
function isEnabled(): boolean {
  return (storage as unknown as { enabled?: boolean }).enabled === true
}

export function activeContext(): AgentContext {
  return storage.getStore() ?? ROOT
}

/**
 * Calls `fn` with `thisArg` and `args`, and everything it starts, in `context`.
 *
 * Where that is the active one already nothing is entered. In a program that never leaves the root context the storage
 * is then never used, and Node does not turn on the hooks that it needs for it.
 */
export function runInContext<R>(context: AgentContext, fn: Function, thisArg: unknown, args: ArrayLike<unknown>): R {
  if (STORE === undefined || !isEnabled()) {
    if (context === activeContext()) return Reflect.apply(fn as any, thisArg, args) as R
    return storage.run(context, Reflect.apply as any, fn, thisArg, args) as R
  }
  const resource = executionAsyncResource() as Resource
  const before = resource[STORE]
  if (context === (before ?? ROOT)) return Reflect.apply(fn as any, thisArg, args) as R
  resource[STORE] = context
  try {
    return Reflect.apply(fn as any, thisArg, args) as R
  } finally {
    resource[STORE] = before
  }
}

/** What is being executed, for `contextAt` and `enterContextAt`: undefined where Node does not keep contexts there. */
export function currentPlace(): object | undefined {
  return STORE === undefined ? undefined : executionAsyncResource()
}

/** `activeContext`, where `place` is being executed. */
export function contextAt(place: object | undefined): AgentContext {
  return place === undefined || !isEnabled() ? activeContext() : ((place as Resource)[STORE!] ?? ROOT)
}

/**
 * Where `place` is being executed: makes `context` the active one for the rest of the current asynchronous execution
 * (AsyncLocalStorage.enterWith).
 */
export function enterContextAt(place: object | undefined, context: AgentContext): void {
  if (place === undefined || !isEnabled()) storage.enterWith(context)
  else (place as Resource)[STORE!] = context
}

/** A context of the API (it may be the API's own root, or another library's Map) as one of ours. */
export function toAgentContext(context: Context): AgentContext {
  if (context instanceof AgentContext) return context
  const span = context.getValue(SPAN_KEY) as ApiSpan | undefined
  const baggage = context.getValue(BAGGAGE_KEY) as Baggage | undefined
  const suppressed = context.getValue(SUPPRESS_KEY) === true
  const foreign = (context as { _currentContext?: unknown })._currentContext
  let rest: Map<symbol, unknown> | undefined
  if (foreign instanceof Map) {
    for (const [key, value] of foreign as Map<symbol, unknown>) {
      if (key === SPAN_KEY || key === BAGGAGE_KEY || key === SUPPRESS_KEY) continue
      rest ??= new Map()
      rest.set(key, value)
    }
  }
  if (span === undefined && baggage === undefined && !suppressed && rest === undefined) return ROOT
  const shadowed = shadowedBy(span)
  if (shadowed !== undefined) {
    return new AgentContext(shadowed.span, shadowed.entry, baggage, suppressed || shadowed.suppressed, rest)
  }
  return new AgentContext(span, undefined, baggage, suppressed, rest)
}

/** The context manager that is registered with @opentelemetry/api. */
export class AgentContextManager implements ContextManager {
  active(): Context {
    return activeContext()
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return runInContext(toAgentContext(context), fn, thisArg, args)
  }

  /** Functions are bound to the context; an event emitter runs its listeners in it. */
  bind<T>(context: Context, target: T): T {
    if (typeof target === 'function') return bindFunction(toAgentContext(context), target) as T
    if (isEmitter(target)) bindEmitter(toAgentContext(context), target)
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    storage.disable()
    return this
  }
}

function bindFunction(context: AgentContext, target: Function): Function {
  const bound = function (this: unknown, ...args: unknown[]) {
    return runInContext(context, target, this, args)
  }
  Object.defineProperty(bound, 'length', { configurable: true, value: target.length })
  Object.defineProperty(bound, 'name', { configurable: true, value: target.name })
  return bound
}

interface Emitter {
  emit(...args: unknown[]): boolean
}

function isEmitter(target: unknown): target is Emitter {
  return typeof target === 'object' && target !== null && typeof (target as { emit?: unknown }).emit === 'function'
}

/** Runs the emitter's own `emit` in the context: listeners stay the functions that were added. */
function bindEmitter(context: AgentContext, emitter: Emitter): void {
  const emit = emitter.emit
  // A frozen emitter stays as it is: Reflect does not throw.
  Reflect.defineProperty(emitter, 'emit', {
    configurable: true,
    enumerable: false,
    writable: true,
    value: function (this: unknown, ...args: unknown[]) {
      return runInContext(context, emit, this, args)
    },
  })
}
