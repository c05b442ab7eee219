/**
 * Express 4, Express 5 and the package `router` that the latter is made of.
 *
 * The SERVER span of the request gets the template of the route that answered (`http.route`, with the paths under which
 * routers are mounted). The route's handlers run in a span of their own, `request handler - /users/:id`; routers and
 * middleware have spans when the settings ask for them.
 *
 * - A request without a SERVER span of ours (not sampled, ignored, not from node:http) is not looked at.
 * - A route that calls `next()` did not answer: its template is taken back. Neither a route nor middleware mounted under a
 *   path answered: there is no `http.route`.
 * - An error that a layer passes on or throws is recorded once, on the innermost open span.
 *
 * Depends on: `Layer.prototype.handle_request` and `handle_error` (Express 4.6 to 4.x), `handleRequest` and `handleError`
 * (router 2.x), `Router.prototype.handle` and `use` (both). The program's functions, layers and stacks stay as they are.
 */
import type { AgentContext, AgentSpan, AttributeList, Tools } from '../src/instrumentation'
import { activeContext, enterContext, INTERNAL } from '../src/instrumentation'
import { Dispatch, type Next, type Request, type Response } from './express-dispatch'
import { findEntryModule } from './express-entry'
import { type Layer, type LayerPath, pathOfMount, pathOfRoute } from './express-paths'

export function patch(exports: any, tools: Tools, file: string): void {
  const tracing = tracingFor(tools)
  if (file.endsWith('layer.js')) {
    patchLayer(exports, tracing)
    // A router that an ES module imports by itself is not seen when it is loaded, its layers are.
    findEntryModule(exports, entry => tools.guard(patchRouter)(entry, tracing))
  } else patchRouter(exports, tracing)
}

function patchLayer(Layer: any, tracing: ExpressTracing): void {
  const { prototype } = Layer
  const { tools } = tracing
  const isEarly = 'handle_request' in prototype
  tools.wrap(prototype, isEarly ? 'handle_request' : 'handleRequest', original =>
    tracing.spans === 'none' || tracing.spans === 'handler'
      ? traceRoutes(original, tracing)
      : traceLayers(original, tracing),
  )
  tools.wrap(prototype, isEarly ? 'handle_error' : 'handleError', original => traceErrors(original, tracing))
}

/** @param Router the function itself in Express 4, its prototype in the package `router` */
function patchRouter(Router: any, tracing: ExpressTracing): void {
  const holder = Object.hasOwn(Router, 'handle') ? Router : Router.prototype
  tracing.tools.wrap(holder, 'handle', original => traceRouter(original, tracing))
  tracing.tools.wrap(holder, 'use', original => noteMounts(original, tracing))
}

/** What a layer runs in: its context, and the `next` that it gets. */
interface Run {
  readonly context: AgentContext
  readonly next: Next
}

/** What a span of Express is about. */
interface Subject {
  readonly name: string
  readonly type: 'router' | 'middleware'
  readonly template: string
}

let tracing: ExpressTracing | undefined

/** One for all copies of Express in the process. */
function tracingFor(tools: Tools): ExpressTracing {
  if (tracing?.tools.tracer !== tools.tracer) tracing = new ExpressTracing(tools)
  return tracing
}

class ExpressTracing {
  readonly spans: 'none' | 'handler' | 'router' | 'all'
  /** Paths of layers that are mounted under one. */
  readonly mounts = new WeakMap<object, LayerPath>()
  private newest: Dispatch | undefined = undefined

  constructor(readonly tools: Tools) {
    this.spans = tools.settings.expressSpans
  }

  /** The dispatch of this request: by the context, and without it (a library lost it) among all that are under way. */
  find(request: Request): Dispatch | undefined {
    const ending = (activeContext().entry as AgentSpan | undefined)?.ending
    if (ending instanceof Dispatch && ending.request === request) return ending
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
    this.newest = dispatch
    return dispatch
  }

  private readonly forget = (dispatch: Dispatch): void => {
    const { newer, older } = dispatch
    if (newer !== undefined) newer.older = older
    else if (this.newest === dispatch) this.newest = older
    if (older !== undefined) older.newer = newer
    dispatch.newer = dispatch.older = undefined
  }

  /** A route is about to get the request. */
  enterRoute(layer: Layer, request: Request, next: Next): Run | undefined {
    const dispatch = this.find(request)
    if (dispatch === undefined || dispatch.answered) return undefined
    const template = dispatch.enterRoute(pathOfRoute(layer), next)
    const base = dispatch.nextContext()
    if (this.spans === 'none') return { context: base, next: leaveRoute(this, dispatch, undefined, base, next) }
    const span = this.tools.tracer.start(`request handler - ${template}`, INTERNAL, base, describeRoute, template)
    dispatch.openLayer(next, span)
    return { context: base.withSpan(span), next: leaveRoute(this, dispatch, span, base, next) }
  }

  /** For spans of routers, or of all layers: any layer is about to get the request. */
  enterLayer(layer: Layer, request: Request, next: Next): Run | undefined {
    const dispatch = this.find(request)
    if (dispatch === undefined) return undefined
    dispatch.closeBefore(next)
    if (layer.route !== undefined) return this.enterRoute(layer, request, next)
    const path = this.mounts.get(layer)
    // The layers inside of a route are part of its span.
    if (path === undefined && isInsideRoute(layer)) return undefined
    const template = path === undefined ? dispatch.templateOf(next) : dispatch.enterMount(path, next)
    const context = dispatch.nextContext()
    const type = isRouter(layer.handle) ? 'router' : 'middleware'
    // A handler of errors is not called without one.
    if (dispatch.answered || layer.handle.length > 3) return { context, next }
    if (type === 'middleware' && this.spans !== 'all') return { context, next }
    return this.startLayer(layer, dispatch, context, next, type, template)
  }

  /** For spans of routers, or of all layers: a layer is about to get an error. */
  enterErrorLayer(layer: Layer, dispatch: Dispatch, next: Next): Run {
    dispatch.closeBefore(next)
    const context = dispatch.nextContext()
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
    dispatch.openLayer(next, span)
    return { context: context.withSpan(span), next }
  }
}

/** Around `handle_request`: only layers with a route or a path cost something. */
function traceRoutes(original: Function, tracing: ExpressTracing): Function {
  const { mounts, tools } = tracing
  return function handleRequest(this: Layer, request: Request, response: Response, next: Next): unknown {
    let run: Run | undefined
    try {
      if (this.route !== undefined) run = tracing.enterRoute(this, request, next)
      else {
        const path = mounts.get(this)
        if (path !== undefined) tracing.find(request)?.enterMount(path, next)
      }
    } catch (error) {
      tools.fault('entering a layer', error)
    }
    if (run === undefined) return original.call(this, request, response, next)
    const previous = activeContext()
    enterContext(run.context)
    try {
      return original.call(this, request, response, run.next)
    } finally {
      enterContext(previous)
    }
  }
}

/** The same where every layer may have a span. */
function traceLayers(original: Function, tracing: ExpressTracing): Function {
  return function handleRequest(this: Layer, request: Request, response: Response, next: Next): unknown {
    let run: Run | undefined
    try {
      run = tracing.enterLayer(this, request, next)
    } catch (error) {
      tracing.tools.fault('entering a layer', error)
    }
    if (run === undefined) return original.call(this, request, response, next)
    const previous = activeContext()
    enterContext(run.context)
    try {
      return original.call(this, request, response, run.next)
    } finally {
      enterContext(previous)
    }
  }
}

/** Around `handle_error`, which a router calls for every layer until one takes the error. */
function traceErrors(original: Function, tracing: ExpressTracing): Function {
  return function handleError(this: Layer, error: unknown, request: Request, response: Response, next: Next): unknown {
    let run: Run | undefined
    try {
      const dispatch = tracing.find(request)
      if (dispatch !== undefined) {
        dispatch.fail(error)
        if (tracing.spans === 'router' || tracing.spans === 'all') run = tracing.enterErrorLayer(this, dispatch, next)
      }
    } catch (fault) {
      tracing.tools.fault('handling an error', fault)
    }
    if (run === undefined) return original.call(this, error, request, response, next)
    const previous = activeContext()
    enterContext(run.context)
    try {
      return original.call(this, error, request, response, next)
    } finally {
      enterContext(previous)
    }
  }
}

/** Around `router.handle`: the outermost one begins, and gets a `done` that tells who gave the request back. */
function traceRouter(original: Function, tracing: ExpressTracing): Function {
  return function handle(this: unknown, request: Request, response: Response, done: unknown): unknown {
    try {
      const known = tracing.find(request)
      if (known?.inside) known.enterRouter()
      else {
        const dispatch = known ?? tracing.begin(request, response)
        if (dispatch !== undefined) {
          dispatch.inside = true
          if (typeof done === 'function') done = leaveRouters(done, dispatch, tracing)
        }
      }
    } catch (error) {
      tracing.tools.fault('entering a router', error)
    }
    return original.call(this, request, response, done)
  }
}

function leaveRouters(done: Function, dispatch: Dispatch, tracing: ExpressTracing): Function {
  return function (this: unknown, error?: unknown): unknown {
    try {
      dispatch.leaveRouters(error)
    } catch (fault) {
      tracing.tools.fault('leaving the routers', fault)
    }
    return Reflect.apply(done, this, arguments)
  }
}

/** The `next` of a route. What comes behind it does not belong to its span any more. */
function leaveRoute(
  tracing: ExpressTracing,
  dispatch: Dispatch,
  span: AgentSpan | undefined,
  base: AgentContext,
  next: Next,
): Next {
  return function (error?: unknown): unknown {
    const previous = activeContext()
    try {
      dispatch.leaveRoute(error)
      if (span !== undefined) dispatch.closeLayer(span)
    } catch (fault) {
      tracing.tools.fault('leaving a route', fault)
    }
    if (previous.span !== span || span === undefined) return next(error)
    enterContext(base)
    try {
      return next(error)
    } finally {
      enterContext(previous)
    }
  }
}

/** After `use(path, …)`: the layers do not keep their path, so it is noted here. */
function noteMounts(original: Function, tracing: ExpressTracing): Function {
  return function use(this: { stack?: Layer[] }, first: unknown): unknown {
    const before = this?.stack?.length
    const result = Reflect.apply(original, this, arguments)
    try {
      const { stack } = this
      if (stack !== undefined && before !== undefined && isPath(first)) {
        for (let i = before; i < stack.length; i++) {
          const path = pathOfMount(stack[i]!, first)
          if (path !== undefined) tracing.mounts.set(stack[i]!, path)
        }
      }
    } catch (error) {
      tracing.tools.fault('noting the path of a layer', error)
    }
    return result
  }
}

/** `use` takes a path, or a function, or functions in nested lists. */
function isPath(first: unknown): boolean {
  let item = first
  while (Array.isArray(item) && item.length > 0) item = item[0]
  return typeof item !== 'function'
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
