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
 * Depends on: `Router.prototype.handle`, `use` and `route` (of both); `Layer.prototype.handle_request` and `handle_error`
 * (Express 4.6 to 4.x), `handleRequest` and `handleError` (router 2.x); `request.baseUrl`. Functions of the program, layers
 * and stacks keep what can be seen of them; some layers get one more prototype.
 */
import type { Tools } from '../src/instrumentation'
import type { Dispatch, Request, Response } from './express-dispatch'
import { findEntryModule } from './express-entry'
import { adoptErrorLayer, adoptMountLayer, adoptRouteLayer, patchLayers } from './express-layers'
import { type Layer, pathOfMount } from './express-paths'
import { ExpressTracing } from './express-tracing'

export function patch(exports: any, tools: Tools, file: string): void {
  const tracing = tracingFor(tools)
  if (file.endsWith('layer.js')) {
    if (tracing.tracesEachLayer) patchLayers(exports.prototype, tracing)
    // A router that an ES module imports by itself is not seen when it is loaded, its layers are.
    findEntryModule(exports, entry => patchRouter(entry, tracing), tools)
  } else patchRouter(exports, tracing)
}

/** @param Router the function itself in Express 4, its prototype in the package `router` */
function patchRouter(Router: any, tracing: ExpressTracing): void {
  const holder = Object.hasOwn(Router, 'handle') ? Router : Router.prototype
  tracing.tools.wrap(holder, 'handle', original => traceRouter(original, tracing))
  tracing.tools.wrap(holder, 'use', original => noteMounts(original, tracing))
  if (!tracing.tracesEachLayer) tracing.tools.wrap(holder, 'route', original => noteRoutes(original, tracing))
}

let tracing: ExpressTracing | undefined

/** One for all copies of Express in the process. */
function tracingFor(tools: Tools): ExpressTracing {
  if (tracing?.tools.tracer !== tools.tracer) tracing = new ExpressTracing(tools)
  return tracing
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

/** After `use(path, …)`: the layers do not keep their path, so it is noted here. */
function noteMounts(original: Function, tracing: ExpressTracing): Function {
  return function use(this: { stack?: Layer[] }, first: unknown): unknown {
    const before = this?.stack?.length
    const result = Reflect.apply(original, this, arguments)
    try {
      const { stack } = this
      if (stack !== undefined && before !== undefined) {
        for (let i = before; i < stack.length; i++) noteMount(stack[i]!, isPath(first) ? first : '/', tracing)
      }
    } catch (error) {
      tracing.tools.fault('noting the path of a layer', error)
    }
    return result
  }
}

function noteMount(layer: Layer, path: unknown, tracing: ExpressTracing): void {
  const mount = pathOfMount(layer, path)
  if (mount !== undefined) tracing.mounts.set(layer, mount)
  if (tracing.tracesEachLayer) return
  if (layer.handle.length === 4) adoptErrorLayer(layer, tracing)
  else if (mount !== undefined) adoptMountLayer(layer, tracing)
}

/** After `route(path)`, which `get`, `post`, `all` and so on call. */
function noteRoutes(original: Function, tracing: ExpressTracing): Function {
  return function route(this: { stack?: Layer[] }): unknown {
    const result = Reflect.apply(original, this, arguments)
    try {
      const layer = this?.stack?.at(-1)
      if (layer !== undefined && layer.route === result) adoptRouteLayer(layer, tracing)
    } catch (error) {
      tracing.tools.fault('noting a route', error)
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
