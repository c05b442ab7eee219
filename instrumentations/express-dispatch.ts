/**
 * One request on its way through routers: which route is in charge, which spans are open, which error was seen.
 */
import { performance } from 'node:perf_hooks'
import type { AgentContext, AgentSpan, SpanEnding, Tools } from '../src/instrumentation'
import { activeContext } from '../src/instrumentation'
import { errorClass, failWithException, setRoute } from './_http-semantics'
import type { LayerPath } from './express-paths'

/** What is read of a request of Express. */
export interface Request {
  url: string
  baseUrl?: string
}

export interface Response {
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
interface OpenLayer {
  readonly next: Next
  readonly span: AgentSpan
}

/** The span of a handler that passed the request on. */
interface Passed {
  readonly span: AgentSpan
  /** `performance.now()` */
  readonly endMs: number
}

const NO_LAYERS: OpenLayer[] = []

export class Dispatch implements SpanEnding {
  newer: Dispatch | undefined = undefined
  /** Template of the route whose handlers have the request. */
  route: string | undefined = undefined
  /** False after the outermost router gave the request back. */
  inside = true
  /** Spans of layers, the outermost first. */
  open: OpenLayer[] = NO_LAYERS
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
    this.closeFrom(0)
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
    else if (!this.response.headersSent) this.route = undefined
  }

  get answered(): boolean {
    return this.response.headersSent === true
  }

  /** Records the error, once, on the innermost span that is open. */
  fail(error: unknown): void {
    if (!isError(error) || error === this.error) return
    this.error = error
    const { open } = this
    const span = open.length > 0 ? open[open.length - 1]!.span : this.entry
    if (span === this.entry || isCallersFault(error)) span.recordException(error as Error)
    else failWithException(span, error)
  }

  /**
   * The context in which the next layer runs: the active one, if it is one of this request. Where a library lost it, or
   * brought that of another request, it is the one in which the first router began.
   */
  nextContext(): AgentContext {
    const active = activeContext()
    if (active.entry !== this.entry) return this.context
    const { span } = active
    if (this.over === undefined || span === undefined || !this.over.includes(span as AgentSpan)) return active
    const { open } = this
    return active.withSpan(open.length > 0 ? open[open.length - 1]!.span : this.context.span)
  }

  openLayer(next: Next, span: AgentSpan): void {
    if (this.open === NO_LAYERS) this.open = []
    this.open.push({ next, span })
  }

  /** The router goes on to another layer: the one before it, and all inside of that, are over. */
  closeBefore(next: Next): void {
    const { open } = this
    for (let i = open.length - 1; i >= 0; i--) {
      if (open[i]!.next === next) this.closeFrom(i)
    }
  }

  /**
   * The layer with this span called `next`. The handler that answers has a span; one that passed the request on gets one only
   * if something hangs on it: a child, an attribute, an error. That is known when the request is over.
   */
  closeLayer(span: AgentSpan): void {
    const { open } = this
    for (let i = open.length - 1; i >= 0; i--) {
      if (open[i]!.span !== span) continue
      if (span.untouched && !this.answered) {
        this.closeFrom(i + 1)
        open.pop()
        this.passed ??= []
        this.passed.push({ span, endMs: performance.now() })
      } else this.closeFrom(i)
      return
    }
  }

  private closeFrom(first: number): void {
    const { open } = this
    while (open.length > first) {
      const { span } = open.pop()!
      span.end()
      if (this.over === undefined) this.over = []
      this.over.push(span)
    }
  }

  spanEnding(): void {
    this.forget(this)
    try {
      this.closeFrom(0)
      if (this.passed !== undefined) {
        for (const { span, endMs } of this.passed) if (!span.untouched) span.end(endMs)
      }
      const route = this.route ?? this.mountInCharge()
      if (route !== undefined) setRoute(this.entry, route)
      const { statusCode } = this.response
      if (this.error !== undefined && statusCode !== undefined && this.tools.settings.serverErrorStatus(statusCode)) {
        this.entry.setAttribute('error.type', errorClass(this.error))
      }
    } catch (error) {
      this.tools.fault('ending a request', error)
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
