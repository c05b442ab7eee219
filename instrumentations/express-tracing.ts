/** What happens to a request of Express: its dispatch, the spans of its layers, the contexts in which they run. */
import type { AgentContext, AgentSpan, AttributeList, Tools } from '../src/instrumentation'
import { activeContext, contextAt, currentPlace, enterContextAt, INTERNAL } from '../src/instrumentation'
import { Texts } from './_texts'
import { Dispatch, type Next, type OpenLayer, type Request, type Response } from './express-dispatch'
import { type Layer, type LayerPath, pathOfRoute } from './express-paths'

/** What a layer runs in: its context, and the `next` that it gets. */
export interface Run {
  readonly context: AgentContext
  readonly next: Next
}

/** A layer with a span. */
class TracedLayer implements OpenLayer, Run {
  outer: OpenLayer | undefined = undefined
  next: Next

  constructor(
    readonly frameNext: Next,
    readonly span: AgentSpan,
    readonly context: AgentContext,
  ) {
    this.next = frameNext
  }
}

/** What a span of Express is about. */
interface Subject {
  readonly name: string
  readonly type: 'router' | 'middleware'
  readonly template: string
}

export class ExpressTracing {
  readonly spans: 'none' | 'handler' | 'router' | 'all'
  /** Routers, or all layers, have spans of their own. */
  readonly tracesEachLayer: boolean
  /** Paths of layers that are mounted under one. */
  readonly mounts = new WeakMap<object, LayerPath>()
  /** Prototypes of our own, by the one that they stand before: see express-layers. */
  readonly prototypes = {
    routes: new WeakMap<object, object>(),
    mounts: new WeakMap<object, object>(),
    errors: new WeakMap<object, object>(),
  }
  private newest: Dispatch | undefined = undefined
  /** The one that was asked for last: mostly the next one, too. */
  private recent: Dispatch | undefined = undefined
  private readonly names = new Texts('request handler - ')

  constructor(readonly tools: Tools) {
    this.spans = tools.settings.expressSpans
    this.tracesEachLayer = this.spans === 'router' || this.spans === 'all'
  }

  /** The dispatch of this request: by the context, and without it (a library lost it) among all that are under way. */
  find(request: Request): Dispatch | undefined {
    if (this.recent?.request === request) return this.recent
    const ending = (activeContext().entry as AgentSpan | undefined)?.ending
    if (ending instanceof Dispatch && ending.request === request) {
      this.recent = ending
      return ending
    }
    for (let dispatch = this.newest; dispatch !== undefined; dispatch = dispatch.older) {
      if (dispatch.request === request) return dispatch
    }
    return undefined
  }

  begin(request: Request, response: Response): Dispatch | undefined {
    const context = activeContext()
    const entry = context.entry as AgentSpan | undefined
    if (entry === undefined || !entry.isRecording() || entry.ending !== undefined) return undefined
    const dispatch = new Dispatch(entry, context, request, response, this.tools, this.newest, this.forget)
    if (this.newest !== undefined) this.newest.newer = dispatch
    this.newest = this.recent = dispatch
    return dispatch
  }

  private readonly forget = (dispatch: Dispatch): void => {
    const { newer, older } = dispatch
    if (newer !== undefined) newer.older = older
    else if (this.newest === dispatch) this.newest = older
    if (older !== undefined) older.newer = newer
    dispatch.newer = dispatch.older = undefined
    if (this.recent === dispatch) this.recent = undefined
  }

  /** A route is about to get the request. */
  enterRoute(layer: Layer, request: Request, next: Next, active: AgentContext): Run | undefined {
    const dispatch = this.find(request)
    if (dispatch === undefined || dispatch.answered) return undefined
    const template = dispatch.enterRoute(pathOfRoute(layer), next)
    const base = dispatch.nextContext(active)
    if (this.spans === 'none') return { context: base, next: leaveRoute(this, dispatch, undefined, base, next) }
    const span = this.tools.tracer.start(this.names.with(template), INTERNAL, base, describeRoute, template)
    const run = new TracedLayer(next, span, base.withSpan(span))
    run.next = leaveRoute(this, dispatch, run, base, next)
    dispatch.openLayer(run)
    return run
  }

  /** For spans of routers, or of all layers: any layer is about to get the request. */
  enterLayer(layer: Layer, request: Request, next: Next, active: AgentContext): Run | undefined {
    const dispatch = this.find(request)
    if (dispatch === undefined) return undefined
    dispatch.closeBefore(next)
    if (layer.route !== undefined) return this.enterRoute(layer, request, next, active)
    const path = this.mounts.get(layer)
    // The layers inside of a route are part of its span.
    if (path === undefined && isInsideRoute(layer)) return undefined
    const template = path === undefined ? dispatch.templateOf(next) : dispatch.enterMount(path, next)
    const context = dispatch.nextContext(active)
    const type = isRouter(layer.handle) ? 'router' : 'middleware'
    // A handler of errors is not called without one.
    if (dispatch.answered || layer.handle.length > 3) return { context, next }
    if (type === 'middleware' && this.spans !== 'all') return { context, next }
    return this.startLayer(layer, dispatch, context, next, type, template)
  }

  /** For spans of routers, or of all layers: a layer is about to get an error. */
  enterErrorLayer(layer: Layer, dispatch: Dispatch, next: Next, active: AgentContext): Run {
    dispatch.closeBefore(next)
    const context = dispatch.nextContext(active)
    if (this.spans !== 'all' || dispatch.answered || layer.handle.length !== 4) return { context, next }
    return this.startLayer(layer, dispatch, context, next, 'middleware', dispatch.templateOf(next))
  }

  private startLayer(
    layer: Layer,
    dispatch: Dispatch,
    context: AgentContext,
    next: Next,
    type: 'router' | 'middleware',
    template: string,
  ): Run {
    const name = type === 'router' ? template || '/' : layer.name || layer.handle.name || '<anonymous>'
    const subject = { name, type, template }
    const span = this.tools.tracer.start(`${type} - ${name}`, INTERNAL, context, describeLayer, subject)
    const run = new TracedLayer(next, span, context.withSpan(span))
    dispatch.openLayer(run)
    return run
  }
}

/** The `next` of a route. What comes behind it does not belong to its span any more. */
function leaveRoute(
  tracing: ExpressTracing,
  dispatch: Dispatch,
  layer: TracedLayer | undefined,
  base: AgentContext,
  next: Next,
): Next {
  return function (error?: unknown): unknown {
    const place = currentPlace()
    const previous = contextAt(place)
    try {
      dispatch.leaveRoute(error)
      if (layer !== undefined) dispatch.closeLayer(layer)
    } catch (fault) {
      tracing.tools.fault('leaving a route', fault)
    }
    if (layer === undefined || previous.span !== layer.span) return next(error)
    enterContextAt(place, base)
    try {
      return next(error)
    } finally {
      enterContextAt(place, previous)
    }
  }
}

function isRouter(handle: Function): boolean {
  return Array.isArray((handle as { stack?: unknown }).stack) || handle.name === 'mounted_app'
}

/** A layer that `route.get(…)` made has a method, that of `route.all(…)` has the property without a value. */
function isInsideRoute(layer: Layer): boolean {
  return 'method' in layer
}

function describeRoute(template: string): AttributeList {
  return ['express.name', template, 'express.type', 'request_handler', 'http.route', template]
}

function describeLayer({ name, type, template }: Subject): AttributeList {
  const attributes: AttributeList = ['express.name', name, 'express.type', type]
  if (template !== '') attributes.push('http.route', template)
  return attributes
}
