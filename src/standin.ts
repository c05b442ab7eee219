/** Lets a builtin be loaded as if no function of ours stood between it and the module that asks for it. */

/** The one builtin that looks at the stack while it is loaded: from node_modules it says nothing, to others that it is deprecated. */
export function asksWhoLoads(id: unknown): boolean {
  return id === 'punycode' || id === 'node:punycode'
}

/**
 * The first frame that is not Node's own decides, and it must be among the last ten. The function that is made here stands in
 * for the module: it says that it is of the same file.
 */
export function loadInPlaceOf(module: NodeModule, original: Function, args: ArrayLike<unknown>): unknown {
  const { compileFunction } = require('node:vm') as typeof import('node:vm')
  const parameters = ['apply', 'original', 'module', 'args']
  const load = compileFunction('return apply(original, module, args)', parameters, { filename: module.filename ?? '' })
  return load(Reflect.apply, original, module, args)
}
