/**
 * Route templates: what stands in `http.route` for the path of a layer.
 *
 * A template is what the program wrote, never what a caller asked for: `/users/:id`, the source of a regular expression, and
 * of a list of paths the one that fits.
 */

/** A layer of Express 4 or of the package `router`, as far as it is read here. */
export interface Layer {
  handle: Function
  name?: string
  route?: { path?: unknown } | undefined
  match(path: string): unknown
  constructor: Function
}

/** One of several paths of a layer. */
interface Choice {
  readonly text: string
  readonly matcher: Layer
}

/** The path of one layer, and the templates that came of it under each prefix. */
export class LayerPath {
  private readonly templates = new Map<string, string>()

  constructor(
    private readonly text: string,
    private readonly choices: readonly Choice[] | undefined,
  ) {}

  /**
   * The template below `prefix`, itself the template of a mount or empty.
   *
   * @param path the part of the request's path that the layer matched or, with more behind it, was asked to match
   */
  below(prefix: string, path: string): string {
    if (this.choices !== undefined) return join(prefix, choose(this.choices, path))
    let template = this.templates.get(prefix)
    if (template === undefined) {
      template = join(prefix, this.text)
      this.templates.set(prefix, template)
    }
    return template
  }

  /** One path for all requests: `below` does not look at its second argument. */
  get isFixed(): boolean {
    return this.choices === undefined
  }
}

const routePaths = new WeakMap<object, LayerPath>()

/** The path of a layer that belongs to a route. */
export function pathOfRoute(layer: Layer): LayerPath {
  let path = routePaths.get(layer)
  if (path === undefined) {
    path = layerPath(layer, layer.route!.path, true)
    routePaths.set(layer, path)
  }
  return path
}

/** The path of a layer that `use(path, …)` made; undefined for `/`, under which everything keeps the prefix that it has. */
export function pathOfMount(layer: Layer, path: unknown): LayerPath | undefined {
  const items = Array.isArray(path) ? path.flat(Infinity) : [path]
  if (items.every(item => mountText(item) === '')) return undefined
  return layerPath(layer, path, false)
}

function layerPath(layer: Layer, path: unknown, isRoute: boolean): LayerPath {
  const textOf = isRoute ? String : mountText
  if (!Array.isArray(path)) return new LayerPath(textOf(path), undefined)
  const items = path.flat(Infinity)
  if (items.length < 2) return new LayerPath(items.length === 0 ? '' : textOf(items[0]), undefined)
  const LayerClass = layer.constructor as new (path: unknown, options: object, fn: Function) => Layer
  const choices = items.map(item => ({
    text: textOf(item),
    matcher: new LayerClass(item, { strict: false, end: isRoute }, layer.handle),
  }))
  return new LayerPath(choices[0]!.text, choices)
}

/** Express ignores slashes at the end of a mount path. */
function mountText(path: unknown): string {
  const text = String(path)
  if (typeof path !== 'string') return text
  let end = text.length
  while (end > 0 && text[end - 1] === '/') end--
  return text.slice(0, end)
}

function choose(choices: readonly Choice[], path: string): string {
  for (const { matcher, text } of choices) {
    try {
      if (matcher.match(path)) return text
    } catch {
      // A parameter that cannot be decoded.
    }
  }
  return choices[0]!.text
}

function join(prefix: string, text: string): string {
  if (prefix === '') return text === '' ? '/' : text
  if (text === '' || text === '/') return prefix
  return text[0] === '/' ? prefix + text : `${prefix}/${text}`
}
