/** Lets a builtin be loaded as if no function of ours stood between it and the module that asks for it. */

/** Calls the function that it gets first with the others. */
export type StandIn = (apply: typeof Reflect.apply, original: Function, module: NodeModule, args: IArguments) => unknown

/**
 * `punycode` looks at the stack while it is loaded: from node_modules it says nothing, to others that it is deprecated. The first
 * frame that is not Node's own decides, and it must be among the last ten. The function that is made here stands in for the
 * module: it says that it is of the same file.
 */
export function standInFor({ filename }: NodeModule): StandIn {
  const { compileFunction } = require('node:vm') as typeof import('node:vm')
  const parameters = ['apply', 'original', 'module', 'args']
  return compileFunction('return apply(original, module, args)', parameters, { filename: filename ?? '' }) as StandIn
}
