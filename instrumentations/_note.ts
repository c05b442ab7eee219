/**
 * A private field on somebody else's object: no key of it is seen by `Reflect.ownKeys`, `util.inspect` or `JSON`, a frozen
 * object can have it, and reading it costs what a property costs (a WeakMap that is written for each request costs half a
 * microsecond, most of it in the garbage collector).
 *
 * A constructor that returns an object makes `super()` return that object: the fields of the class go there.
 *
 *     class CallNote extends Given {
 *       #call: Call
 *       constructor(request: object, call: Call) {
 *         super(request)
 *         this.#call = call
 *       }
 *       static read(request: object): Call | undefined {
 *         return #call in request ? request.#call : undefined
 *       }
 *       static write(request: object, call: Call): void {
 *         if (#call in request) request.#call = call
 *         else new CallNote(request, call)
 *       }
 *     }
 *
 * Each note is written out as a class of its own. A function that made such classes would make them from one piece of code,
 * which then meets a different name each time: V8 looks those up in a table instead of at a known place.
 */
export class Given {
  constructor(target: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is what it is for
    return target
  }
}
