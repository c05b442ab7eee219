/**
 * One request on its way through routers: which route is in charge, which spans are open, which error was seen.
 */
import { type AgentContext, type AgentSpan, nowMs, type SpanEnding, type Tools } from '../src/instrumentation'
import { errorClass, failWithException, setRoute } from './_http-semantics'
import type { LayerPath } from './express-paths'

/** What is read of a request of Express. */
export interface Request {
  url: string
  baseUrl?: string
}

export interface Response {
  /** Of HTTP/1: null until the head is rendered. */
  _header?: string | null
  headersSent?: boolean
  statusCode?: number
}

export type Next = (error?: unknown) => unknown

/** One call of `router.handle`. Its layers all get the same `next`, by which it is known again. */
interface Frame {
  /** Undefined until a layer with a path was seen in it. */
  next: Next | undefined
  /** `request.baseUrl`: the path of the request under which the router is mounted. */
  readonly base: string
  /** Template of that path. */
  readonly template: string
  readonly before: Frame | undefined
}

/** A layer that has a span and did not call its `next` yet. */
export interface OpenLayer {
  /** The `next` of its frame. */
  readonly frameNext: Next
  readonly span: AgentSpan
  /** The one around it. */
  outer: OpenLayer | undefined
}

/** The span of a handler that passed the request on. */
interface Passed {
  readonly span: AgentSpan
  /** `performance.now()` */
  readonly endMs: number
}

export class Dispatch implements SpanEnding {
  newer: Dispatch | undefined = undefined
  /** Template of the route whose handlers have the request. */
  route: string | undefined = undefined
  /** False after the outermost router gave the request back. */
  inside = true
  private innermost: OpenLayer | undefined = undefined
  /** Spans of layers that are over but whose context may go on. */
  private over: AgentSpan[] | undefined = undefined
  private passed: Passed[] | undefined = undefined
  private frame: Frame
  private mountBase = ''
  private mountTemplate = ''
  private error: unknown = undefined

  constructor(
    readonly entry: AgentSpan,
    readonly context: AgentContext,
    readonly request: Request,
    private readonly response: Response,
    private readonly tools: Tools,
    /** The dispatch that began before this one and did not end yet. */
    public older: Dispatch | undefined,
    private readonly forget: (dispatch: Dispatch) => void,
  ) {
    this.frame = { next: undefined, base: request.baseUrl ?? '', template: '', before: undefined }
    entry.ending = this
  }

  /** A router inside of another one begins. */
  enterRouter(): void {
    const base = this.request.baseUrl ?? ''
    this.frame = { next: undefined, base, template: this.templateOfBase(base), before: this.frame }
  }

  /** The outermost router gives the request back: nobody answered it, or an error came out. */
  leaveRouters(error: unknown): void {
    this.inside = false
    this.leaveRoute(error)
    this.closeUpTo(undefined)
  }

  /** A layer of `use(path, …)` gets the request; `baseUrl` contains its path already. */
  enterMount(path: LayerPath, next: Next): string {
    const frame = this.frameOf(next)
    const base = this.request.baseUrl ?? ''
    this.mountTemplate = path.below(frame.template, path.isFixed ? '' : base.slice(frame.base.length))
    this.mountBase = base
    return this.mountTemplate
  }

  /** Template under which the layers with this `next` are. */
  templateOf(next: Next): string {
    return this.frameOf(next).template
  }

  /** A route gets the request. */
  enterRoute(path: LayerPath, next: Next): string {
    const { template } = this.frameOf(next)
    this.route = path.below(template, path.isFixed ? '' : pathname(this.request.url))
    return this.route
  }

  /** A route calls `next`: it is not the one that answers, unless it has answered or failed. */
  leaveRoute(error: unknown): void {
    if (isError(error)) this.fail(error)
    else if (!this.answered) this.route = undefined
  }

  /**
   * Express gives each request and response another prototype, and V8 then knows none of their properties: each one that
   * is read takes half a microsecond. `headersSent` reads `_header` in its turn.
   */
  get answered(): boolean {
    const { _header: head } = this.response
    return head === undefined ? this.response.headersSent === true : head !== null
  }

  /** Records the error, once, on the innermost span that is open. */
  fail(error: unknown): void {
    if (!isError(error) || error === this.error) return
    this.error = error
    const span = this.innermost?.span ?? this.entry
    if (span === this.entry || isCallersFault(error)) span.recordException(error as Error)
    else failWithException(span, error)
  }

  /**
   * The context in which the next layer runs: the active one, if it is one of this request. Where a library lost it, or
   * brought that of another request, it is the one in which the first router began.
   */
  nextContext(active: AgentContext): AgentContext {
    if (active.entry !== this.entry) return this.context
    const { span } = active
    if (this.over === undefined || span === undefined || !this.over.includes(span as AgentSpan)) return active
    return active.withSpan(this.innermost?.span ?? this.context.span)
  }

  openLayer(layer: OpenLayer): void {
    layer.outer = this.innermost
    this.innermost = layer
  }

  /** The router goes on to another layer: the one before it, and all inside of that, are over. */
  closeBefore(next: Next): void {
    for (let layer = this.innermost; layer !== undefined; layer = layer.outer) {
      if (layer.frameNext === next) this.closeUpTo(layer.outer)
    }
  }

  /**
   * The layer calls `next`. The handler that answers has a span; one that passed the request on gets one only if something
   * hangs on it: a child, an attribute, an error. That is known when the request is over.
   */
  closeLayer(layer: OpenLayer): void {
    for (let open = this.innermost; open !== layer; open = open.outer) if (open === undefined) return
    const { outer, span } = layer
    if (span.untouched && !this.answered) {
      this.closeUpTo(layer)
      this.innermost = outer
      this.passed ??= []
      this.passed.push({ span, endMs: nowMs() })
    } else this.closeUpTo(outer)
  }

  private closeUpTo(outer: OpenLayer | undefined): void {
    while (this.innermost !== outer) {
      const { span, outer: next } = this.innermost!
      this.innermost = next
      span.end()
      this.over ??= []
      this.over.push(span)
    }
  }

  spanEnding(): void {
    this.forget(this)
    // The span waits for its export: request and response must not wait with it.
    this.entry.ending = undefined
    try {
      for (let layer = this.innermost; layer !== undefined; layer = layer.outer) layer.span.end()
      this.innermost = undefined
      if (this.passed !== undefined) {
        for (const { span, endMs } of this.passed) if (!span.untouched) span.end(endMs)
      }
      const route = this.route ?? this.mountInCharge()
      if (route !== undefined) setRoute(this.entry, route)
      if (this.error !== undefined) this.noteError()
    } catch (error) {
      this.tools.fault('ending a request', error)
    }
  }

  private noteError(): void {
    const { statusCode } = this.response
    if (statusCode !== undefined && this.tools.settings.serverErrorStatus(statusCode)) {
      this.entry.setAttribute('error.type', errorClass(this.error))
    }
  }

  /**
   * No route answered, but middleware that is mounted somewhere (a folder of files, a guard). `baseUrl` still tells, for it is
   * set back only by a call of `next`. What was not found there was no match.
   */
  private mountInCharge(): string | undefined {
    const base = this.request.baseUrl ?? ''
    if (!this.inside || base === '' || this.response.statusCode === 404) return undefined
    return this.templateOfBase(base) || undefined
  }

  private frameOf(next: Next): Frame {
    for (let frame: Frame | undefined = this.frame; frame !== undefined; frame = frame.before) {
      if (frame.next === next) return frame
    }
    this.frame.next ??= next
    return this.frame
  }

  private templateOfBase(base: string): string {
    if (base === '') return ''
    if (base === this.mountBase) return this.mountTemplate
    for (let frame: Frame | undefined = this.frame; frame !== undefined; frame = frame.before) {
      if (frame.base === base) return frame.template
    }
    return ''
  }
}

/** `next('route')` and `next('router')` leave a route or a router; nothing failed. */
export function isError(error: unknown): boolean {
  return Boolean(error) && error !== 'route' && error !== 'router'
}

/** An error that says itself that the caller made it: `http-errors` with a status from 400 to 499. */
function isCallersFault(error: unknown): boolean {
  try {
    const { status, statusCode } = error as { status?: unknown; statusCode?: unknown }
    const code = Number(status ?? statusCode)
    return code >= 400 && code < 500
  } catch {
    return false
  }
}

function pathname(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}
