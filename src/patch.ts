import { channel, unsubscribe } from 'node:diagnostics_channel'
import shimmer from 'shimmer'
import type { Log } from './log'

/** Functions that stand in the place of others: none of them is wrapped again. */
const replacements = new WeakSet<Function>()

type Undo = () => void
type ChannelListener = Parameters<ReturnType<typeof channel>['subscribe']>[0]

/** All changes that the agent makes to modules, in one list, so that they can be taken back. */
export class Patches {
  private readonly undos: Undo[] = []
  private readonly finishers: (() => void)[] = []
  private readonly hearers: ((error: unknown) => void)[] = []

  constructor(private readonly log: Log) {}

  /** See `Tools.wrap`. */
  wrap(target: object, key: PropertyKey, make: (original: any) => Function): void {
    const holder = target as Record<PropertyKey, unknown>
    const original = holder[key]
    if (typeof original !== 'function') {
      this.log.warn(
        `cannot trace ${String(key)}: it is ${original === null ? 'null' : typeof original}, not a function`,
      )
      return
    }
    if (replacements.has(original)) return
    const replacement = wrapped(original, make)
    if (replacement === original) return
    replacements.add(replacement)
    const before = Object.getOwnPropertyDescriptor(target, key)
    // An inherited method becomes an own one that nobody enumerates. An export of an ES module must keep its attributes.
    const { configurable = true, enumerable = false, writable = true } = before ?? {}
    Object.defineProperty(target, key, { configurable, enumerable, writable, value: replacement })
    this.undos.push(() => {
      if (holder[key] !== replacement) return
      if (before === undefined) delete holder[key]
      else Object.defineProperty(target, key, before)
    })
  }

  /** See `Tools.subscribe`. */
  subscribe(name: string, listener: (message: any) => void): void {
    const guarded = (message: unknown) => {
      try {
        listener(message)
      } catch (error) {
        this.fault(`channel ${name}`, error)
      }
    }
    const subject = channel(name)
    // The program's own find the context entered already, also those that were there before.
    const others = [...((subject as { _subscribers?: Function[] })._subscribers ?? [])] as ChannelListener[]
    for (const other of others) subject.unsubscribe(other)
    subject.subscribe(guarded)
    for (const other of others) subject.subscribe(other)
    this.undos.push(() => unsubscribe(name, guarded))
  }

  /** See `Tools.guard`. */
  guard<F extends (...args: any[]) => void>(fn: F, place = fn.name || 'a callback'): F {
    const patches = this
    return function guarded(this: unknown, ...args: unknown[]): void {
      try {
        Reflect.apply(fn, this, args)
      } catch (error) {
        patches.fault(place, error)
      }
    } as F
  }

  /** See `Tools.fault`. */
  fault(place: string, error: unknown): void {
    this.log.warn(`fault in ${place}, the program goes on: ${describe(error)}`, `fault ${place}`)
  }

  /** See `Tools.onUncaught`. @param hear guarded */
  onUncaught(hear: (error: unknown) => void): void {
    this.hearers.push(hear)
  }

  /** An exception that nobody caught. */
  uncaught(error: unknown): void {
    for (const hear of this.hearers) hear(error)
  }

  /** See `Tools.atExit`. */
  atExit(finish: () => void): void {
    this.finishers.push(finish)
  }

  /** The thread ends. */
  finish(): void {
    for (const finish of this.finishers) {
      try {
        finish()
      } catch (error) {
        this.fault('ending what is open', error)
      }
    }
  }

  /** Something else to take back when the agent stops. */
  onUndo(undo: Undo): void {
    this.undos.push(undo)
  }

  /** Takes everything back, the last change first. */
  undo(): void {
    this.finishers.length = 0
    this.hearers.length = 0
    for (const undo of this.undos.splice(0).reverse()) {
      try {
        undo()
      } catch (error) {
        this.fault('undoing a patch', error)
      }
    }
  }
}

/**
 * `make(original)` by shimmer, on an object of its own: not every target (an ES module) takes the property that it defines. The
 * marks that shimmer leaves on a wrapper, and a program that looks at own properties would see, go to a function that is
 * thrown away.
 *
 * @see RATIONALE.md, "Why does a wrapper have the name of the original in its source, and none of shimmer's marks?"
 */
function wrapped(original: Function, make: (original: any) => Function): Function {
  let replacement = original
  shimmer.wrap({ original } as any, 'original', (found: any) => {
    replacement = make(found)
    return (() => {}) as any
  })
  return replacement === original ? original : disguise(replacement, original)
}

/** Gives `replacement` the name, length, prototype and own properties of `original`. */
function disguise(replacement: Function, original: Function): Function {
  for (const key of Reflect.ownKeys(original)) {
    if (key === 'arguments' || key === 'caller') continue
    const wanted = Object.getOwnPropertyDescriptor(original, key)!
    const present = Object.getOwnPropertyDescriptor(replacement, key)
    if (present !== undefined && isSame(present, wanted)) continue
    if (present === undefined || present.configurable) Object.defineProperty(replacement, key, wanted)
    else if (present.writable && 'value' in wanted) (replacement as any)[key] = wanted.value
  }
  const prototype = Object.getPrototypeOf(original)
  if (Object.getPrototypeOf(replacement) !== prototype) Object.setPrototypeOf(replacement, prototype)
  return replacement
}

/**
 * What is right already is not defined again: `bind` leaves compiled code for a function whose name or length was defined, and
 * takes half a microsecond. So a function that Node binds for each request has the name and the length of the original as it
 * stands in the source.
 */
function isSame(present: PropertyDescriptor, wanted: PropertyDescriptor): boolean {
  return (
    Object.is(present.value, wanted.value) &&
    present.writable === wanted.writable &&
    present.enumerable === wanted.enumerable &&
    present.configurable === wanted.configurable &&
    present.get === wanted.get &&
    present.set === wanted.set
  )
}

/** The message and where it happened, in one line. Reading a hostile error must not hurt. */
function describe(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error)
    const at = /\n\s+(at .+)/.exec(String(error.stack))
    return at === null ? String(error) : `${error} ${at[1]}`
  } catch {
    return 'an error that cannot be read'
  }
}
