/** A place in a configuration file, with its path, and what is said of it. */

import type { Problem } from '../problem'
import { nearest } from '../suggest'
import { type Scalar, type Tree, Unusable } from './document'

/** What reading a file collects. */
export interface Report {
  /** The file as the user wrote it. */
  readonly file: string
  readonly problems: Problem[]
  /** Places that may still be looked at: aliases make a small file a large one. */
  budget: number
}

/** What a mapping may hold. */
export interface Keys {
  readonly known: readonly string[]
  /** Keys of the schema that this agent does not support: said when they are there. */
  readonly unsupported?: readonly string[]
  /** Keys that are none of this agent's business. */
  readonly silent?: (key: string) => boolean
}

export class Place {
  constructor(
    readonly tree: Tree,
    /** `tracer_provider.processors[0].batch` */
    readonly path: string,
    readonly report: Report,
  ) {
    if (--report.budget < 0) throw new Unusable('it says too much')
  }

  /** How the place is called in messages: `otel.yaml: tracer_provider.sampler`. */
  get name(): string {
    return `${this.report.file}: ${this.path}`
  }

  get isNull(): boolean {
    return isScalar(this.tree) && this.tree.value === null
  }

  /** The scalar that is here; undefined for null, and for what is none, which is said. */
  scalar(expected: string): Scalar | undefined {
    if (isScalar(this.tree)) return this.tree.value === null ? undefined : this.tree
    this.say(`expected ${expected}; using nothing`, expected)
    return undefined
  }

  /** The children of a mapping by their keys; null is an empty one. What is no mapping, and unknown keys, are said. */
  map({ known, silent, unsupported = [] }: Keys): Fields {
    const children = new Map<string, Place>()
    if (this.tree instanceof Map) {
      for (const [key, tree] of this.tree) {
        if (known.includes(key)) children.set(key, this.child(key, tree))
        else if (unsupported.includes(key)) this.child(key, tree).say('is not supported and changes nothing')
        else if (silent?.(key) !== true) this.unknown(key, [...known, ...unsupported])
      }
    } else if (!this.isNull) this.say('expected a mapping; using nothing', 'a mapping')
    return new Fields(children)
  }

  /** All children of a mapping, whatever their keys. */
  entries(): [string, Place][] {
    if (this.tree instanceof Map) return [...this.tree].map(([key, tree]) => [key, this.child(key, tree)])
    if (!this.isNull) this.say('expected a mapping; using nothing', 'a mapping')
    return []
  }

  /** The items of a list; null is an empty one. */
  list(): Place[] {
    if (Array.isArray(this.tree)) {
      return this.tree.map((tree: Tree, index) => new Place(tree, `${this.path}[${index}]`, this.report))
    }
    if (!this.isNull) this.say('expected a list; using nothing', 'a list')
    return []
  }

  /** The one key of a mapping that chooses something, such as the exporter of a processor. A bare text chooses, too. */
  choice(expected: string): [string, Place] | undefined {
    if (isScalar(this.tree) && typeof this.tree.value === 'string') {
      return [this.tree.text, new Place(NOTHING, this.path, this.report)]
    }
    const entries = this.tree instanceof Map ? [...this.tree] : []
    if (entries.length === 1) return [entries[0]![0], this.child(entries[0]![0], entries[0]![1])]
    this.say(`expected one of ${expected}; using nothing`, `one of ${expected}`)
    return undefined
  }

  /** @param words after the name of the place */
  say(words: string, expected = ''): void {
    const joint = words.startsWith('expected') ? ': ' : ' '
    const message = `${this.name}${joint}${words}`
    this.report.problems.push({ variable: this.name, value: '', expected, used: '', message })
  }

  add(problem: Problem): void {
    this.report.problems.push(problem)
  }

  unknown(key: string, known: readonly string[]): void {
    const stable = known.map(name => name.replace(/\/development$/, ''))
    const near = nearest(key, known) ?? nearest(key, stable)
    const meant = near === undefined || known.includes(near) ? near : `${near}/development`
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    this.child(key, NOTHING).say(`is not known and changes nothing${hint}`)
  }

  private child(key: string, tree: Tree): Place {
    const shown = key.length <= 60 ? key : `${key.slice(0, 60)}…`
    return new Place(tree, this.path === '' ? shown : `${this.path}.${shown}`, this.report)
  }
}

const NOTHING: Scalar = { text: '', value: null }

/** The known keys of one mapping. */
export class Fields {
  constructor(private readonly children: ReadonlyMap<string, Place>) {}

  /** The place of a key; undefined when it is not there. Null is there. */
  at(key: string): Place | undefined {
    return this.children.get(key)
  }

  get size(): number {
    return this.children.size
  }
}

export function isScalar(tree: Tree): tree is Scalar {
  return !(tree instanceof Map) && !Array.isArray(tree)
}
