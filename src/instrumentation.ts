/**
 * The contract that an instrumentation sees: the only file under src/ that instrumentations/ may import.
 */
import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { Log } from './log'
import { monotonicMillis } from './trace/clock'
import type { AgentContext } from './trace/context'
import * as context from './trace/context'
import type { AttributeList, Kind } from './trace/data'
import type { AgentSpan } from './trace/span'

export type { Log } from './log'
export { startTimer, stopTimer } from './timers'
export { AgentContext, ROOT } from './trace/context'
export type { AttributeList, Kind } from './trace/data'
export { CLIENT, INTERNAL, SERVER } from './trace/data'
export type { AgentSpan, SpanEnding } from './trace/span'

// Constants and not re-exports: those are compiled to getters, which every call on the hot path would go through.
export const activeContext = context.activeContext
export const contextAt = context.contextAt
export const currentPlace = context.currentPlace
export const enterContextAt = context.enterContextAt
export const runInContext = context.runInContext
/** `performance.now()` as it was before the program could replace it, for its tests, by a clock that stands still. */
export const nowMs = monotonicMillis

/** A tracer with the scope of one instrumentation. */
export interface InstrumentationTracer {
  start<S>(
    name: string,
    kind: Kind,
    parent: AgentContext,
    describe: (subject: S) => AttributeList,
    subject: S,
  ): AgentSpan
}

/** A header (or gRPC metadata key) to record: `header` in lower case, `key` the attribute, such as `http.request.header.x-id`. */
export interface CapturedHeader {
  readonly header: string
  readonly key: string
}

/** What the user chose, decided once at start so that nothing is parsed per call. */
export interface Settings {
  /** Methods that keep their name; all others become `_OTHER`. Case-sensitive. */
  readonly knownMethods: ReadonlySet<string>
  /** The incoming request makes no span (and neither does what it starts). Undefined: none is ignored. */
  readonly ignoreIncoming: ((method: string, path: string, host: string | undefined) => boolean) | undefined
  /** The outgoing request makes no span. Undefined: none is ignored. */
  readonly ignoreOutgoing: ((method: string, host: string, path: string) => boolean) | undefined
  /** The headers may be sent to this host with this path and query. Undefined: to all. */
  readonly mayInject: ((host: string, pathAndQuery: string) => boolean) | undefined
  /** A query string without `?`, with the values of sensitive parameters replaced by `REDACTED`. */
  readonly redactQuery: (query: string) => string
  readonly serverRequestHeaders: readonly CapturedHeader[]
  readonly serverResponseHeaders: readonly CapturedHeader[]
  readonly clientRequestHeaders: readonly CapturedHeader[]
  readonly clientResponseHeaders: readonly CapturedHeader[]
  readonly grpcServerRequestMetadata: readonly CapturedHeader[]
  readonly grpcServerResponseMetadata: readonly CapturedHeader[]
  readonly grpcClientRequestMetadata: readonly CapturedHeader[]
  readonly grpcClientResponseMetadata: readonly CapturedHeader[]
  /** This status of a response of ours is an error (default: 500 and above). */
  readonly serverErrorStatus: (status: number) => boolean
  /** This status of a response to us is an error (default: 400 and above). */
  readonly clientErrorStatus: (status: number) => boolean
  /** Which express layers get a span of their own. */
  readonly expressSpans: 'none' | 'handler' | 'router' | 'all'
}

export interface Tools {
  readonly tracer: InstrumentationTracer
  readonly settings: Settings
  readonly log: Log
  /** Writes the headers of `context` into `carrier` with every configured propagator. */
  inject<C>(context: AgentContext, carrier: C, setter: TextMapSetter<C>): void
  /** `context` with the caller's span and baggage as found in `carrier`. */
  extract<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext
  /** Header names that `inject` may write, in lower case: what a caller set itself under these is replaced, not doubled. */
  readonly injectedHeaders: readonly string[]
  /** Set when a propagator answers in the response (X-Ray's `Sampled=?`). */
  readonly answer:
    | (<C>(context: AgentContext, span: AgentSpan, carrier: C, setter: TextMapSetter<C>) => void)
    | undefined
  /**
   * Replaces `target[key]` by `make(original)`, once: a function that is already ours is left alone. The replacement gets
   * name, length, own properties and the property's attributes from the original. Undone when the agent stops.
   */
  wrap<T extends object, K extends keyof T & (string | symbol)>(
    target: T,
    key: K,
    make: (original: any) => Function,
  ): void
  /** Subscribes to a diagnostics channel; the listener is guarded. Undone when the agent stops. */
  subscribe(channel: string, listener: (message: any) => void): void
  /**
   * Calls `hear` with each exception that nobody caught, before the program is told. One function stands in the place of
   * Node's for all of us: two would be two frames in stacks.
   */
  onUncaught(hear: (error: unknown) => void): void
  /** Calls `finish` when the thread ends, before the last spans are sent: what is still open may be ended. */
  atExit(finish: () => void): void
  /** `fn` for a place where an exception of ours would be the program's: it is caught and said once. */
  guard<F extends (...args: any[]) => void>(fn: F): F
  /** An exception of ours that was caught at `place`: said once. */
  fault(place: string, error: unknown): void
}

export interface Instrumentation {
  /** @param file the matched file, relative to the package; empty for a builtin */
  patch(exports: any, tools: Tools, file: string): void
}

/** One that needs nothing before it hears of something on a diagnostics channel. */
export interface WatchingInstrumentation {
  /** @param tools makes them; not before there is something to trace */
  watch(subscribe: Tools['subscribe'], tools: () => Tools): void
}

/** One row of instrumentations/index.ts. */
export interface InstrumentationRow {
  /** Name in the lists of enabled and disabled instrumentations. */
  readonly name: string
  /** Name of the npm package, or of the builtin. */
  readonly module: string
  /** Part of Node. Its exports stay as they are, so that it does not matter who got hold of them when: `patch` gets none. */
  readonly builtin?: boolean
  /**
   * The diagnostics channel that this builtin makes last while it is loaded: only then it is patched. Left out: at start.
   * In `patch` this channel cannot be subscribed to yet.
   */
  readonly channel?: string
  /** First supported version and first unsupported one. */
  readonly versions?: readonly [min: string, below: string]
  /**
   * Files of the package to patch, relative to its folder. Left out: its entry, which may be an ES module; to see that, a
   * loader is needed, which takes time at every start.
   */
  readonly files?: readonly string[]
  /** One sentence for the user. */
  readonly doc: string
  load(): Instrumentation | WatchingInstrumentation
}
