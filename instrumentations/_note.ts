/**
 * A private field on somebody else's object: no key of it is seen by `Reflect.ownKeys`, `util.inspect` or `JSON`, a frozen
 * object can have it, and reading it costs what a property costs (a WeakMap that is written for each request costs half a
 * microsecond, most of it in the garbage collector).
 *
 * A constructor that returns an object makes `super()` return that object: the fields of the class go there.
 */
const Given = class {
  constructor(target: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is what it is for
    return target
  }
}

export interface Note<V> {
  /** Undefined when nothing was written. */
  read(target: object): V | undefined
  write(target: object, value: V): void
}

/** Makes a field of its own. */
export function createNote<V>(): Note<V> {
  class Field extends Given {
    #value: V

    constructor(target: object, value: V) {
      super(target)
      this.#value = value
    }

    static read(target: object): V | undefined {
      return #value in target ? target.#value : undefined
    }

    static write(target: object, value: V): void {
      if (#value in target) target.#value = value
      else new Field(target, value)
    }
  }
  return Field
}
