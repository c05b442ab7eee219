import type { Type } from './types'

/** One variable: all that the agent and its documentation know of it. */
export interface Row<T> {
  readonly env: string
  /** Other names of the same thing. The first that is set and valid is used, `env` before all. */
  readonly aliases?: readonly string[]
  /** Variables of wider meaning that apply when this one is not set. */
  readonly fallbacks?: readonly string[]
  readonly type: Type<T>
  readonly default: T
  /** The default in words, where the value itself does not say it. */
  readonly defaultText?: string
  /** One or two sentences for the user. */
  readonly doc: string
}

export function option<const T>(row: Row<T> & { readonly default: NoInfer<T> }): Row<T> {
  return row
}
