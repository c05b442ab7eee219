/**
 * Around the layers of a router: what runs before a handler, and its context.
 *
 * By default only some layers matter: those of routes, those with a path, and handlers of errors. They get a prototype of
 * their own between them and the one that they share with all; the others, which every request goes through, are called
 * by the router as ever, with nothing of ours on the stack. When every layer may have a span the shared prototype is patched.
 */
import { contextAt, currentPlace, enterContextAt } from '../src/instrumentation'
import type { Next, Request, Response } from './express-dispatch'
import type { Layer } from './express-paths'
import type { ExpressTracing, Run } from './express-tracing'

/** The prototype of all layers. The names are those of Express 4, then those of the package `router`. */
type LayerPrototype = Record<'handle_request' | 'handle_error' | 'handleRequest' | 'handleError', Function>
type Method = keyof LayerPrototype

function requestMethod(prototype: object): Method {
  return 'handle_request' in prototype ? 'handle_request' : 'handleRequest'
}

function errorMethod(prototype: object): Method {
  return 'handle_error' in prototype ? 'handle_error' : 'handleError'
}

/** Every layer may have a span. */
export function patchLayers(prototype: LayerPrototype, tracing: ExpressTracing): void {
  const { tools } = tracing
  tools.wrap(prototype, requestMethod(prototype), original => traceLayers(original, tracing))
  tools.wrap(prototype, errorMethod(prototype), original => traceErrors(original, tracing))
}

export function adoptRouteLayer(layer: Layer, tracing: ExpressTracing): void {
  adopt(layer, tracing.prototypes.routes, requestMethod, base => traceRoute(base, tracing))
}

export function adoptMountLayer(layer: Layer, tracing: ExpressTracing): void {
  adopt(layer, tracing.prototypes.mounts, requestMethod, base => traceMount(base, tracing))
}

export function adoptErrorLayer(layer: Layer, tracing: ExpressTracing): void {
  adopt(layer, tracing.prototypes.errors, errorMethod, base => traceErrorLayer(base, tracing))
}

function adopt(
  layer: Layer,
  known: WeakMap<object, object>,
  methodOf: (prototype: object) => Method,
  make: (base: LayerPrototype) => Function,
): void {
  const base = Object.getPrototypeOf(layer) as LayerPrototype
  let own = known.get(base)
  if (own === undefined) {
    const method = methodOf(base)
    const original = Object.getOwnPropertyDescriptor(base, method)
    // A layer of a kind that we do not know, or one that is adopted already.
    if (original === undefined || typeof original.value !== 'function') return
    const value = make(base)
    Object.defineProperty(value, 'name', { configurable: true, value: original.value.name })
    own = Object.create(base, { [method]: { ...original, value } }) as object
    known.set(base, own)
  }
  Reflect.setPrototypeOf(layer, own)
}

/** A layer of a route: its handlers run in the context of their span. */
function traceRoute(base: LayerPrototype, tracing: ExpressTracing): Function {
  const method = requestMethod(base)
  return function (this: Layer, request: Request, response: Response, next: Next): unknown {
    const place = currentPlace()
    const previous = contextAt(place)
    let run: Run | undefined
    try {
      run = tracing.enterRoute(this, request, next, previous)
    } catch (error) {
      tracing.tools.fault('entering a route', error)
    }
    if (run === undefined) return base[method].call(this, request, response, next)
    if (run.context === previous) return base[method].call(this, request, response, run.next)
    enterContextAt(place, run.context)
    try {
      return base[method].call(this, request, response, run.next)
    } finally {
      enterContextAt(place, previous)
    }
  }
}

/** A layer with a path: what is below it is below its path. */
function traceMount(base: LayerPrototype, tracing: ExpressTracing): Function {
  const method = requestMethod(base)
  return function (this: Layer, request: Request, response: Response, next: Next): unknown {
    try {
      tracing.find(request)?.enterMount(tracing.mounts.get(this)!, next)
    } catch (error) {
      tracing.tools.fault('entering a mounted layer', error)
    }
    return base[method].call(this, request, response, next)
  }
}

/** A layer for errors: it gets what a layer before it threw or passed on. */
function traceErrorLayer(base: LayerPrototype, tracing: ExpressTracing): Function {
  const method = errorMethod(base)
  return function (this: Layer, error: unknown, request: Request, response: Response, next: Next): unknown {
    try {
      tracing.find(request)?.fail(error)
    } catch (fault) {
      tracing.tools.fault('handling an error', fault)
    }
    return base[method].call(this, error, request, response, next)
  }
}

/** The same where every layer may have a span, and runs in its context. */
function traceLayers(original: Function, tracing: ExpressTracing): Function {
  return function handleRequest(this: Layer, request: Request, response: Response, next: Next): unknown {
    const place = currentPlace()
    const previous = contextAt(place)
    let run: Run | undefined
    try {
      run = tracing.enterLayer(this, request, next, previous)
    } catch (error) {
      tracing.tools.fault('entering a layer', error)
    }
    if (run === undefined) return original.call(this, request, response, next)
    enterContextAt(place, run.context)
    try {
      return original.call(this, request, response, run.next)
    } finally {
      enterContextAt(place, previous)
    }
  }
}

/** Around `handle_error`, which a router calls for every layer until one takes the error. */
function traceErrors(original: Function, tracing: ExpressTracing): Function {
  return function handleError(this: Layer, error: unknown, request: Request, response: Response, next: Next): unknown {
    const place = currentPlace()
    const previous = contextAt(place)
    let run: Run | undefined
    try {
      const dispatch = tracing.find(request)
      if (dispatch !== undefined) {
        dispatch.fail(error)
        run = tracing.enterErrorLayer(this, dispatch, next, previous)
      }
    } catch (fault) {
      tracing.tools.fault('handling an error', fault)
    }
    if (run === undefined) return original.call(this, error, request, response, next)
    enterContextAt(place, run.context)
    try {
      return original.call(this, error, request, response, next)
    } finally {
      enterContextAt(place, previous)
    }
  }
}
