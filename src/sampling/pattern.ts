/** A piece of a pattern between two stars: texts, and `undefined` for one segment of a path. */
type Fragment = readonly (string | undefined)[]

const SLASH = 0x2f

/**
 * A path pattern: `*` is any text, also none and also slashes; `:name` is one segment that is not empty. All else is
 * itself. Matching takes time in proportion to pattern times text, whatever either is: no regular expression, no backtracking.
 */
export class Pattern {
  private constructor(
    private readonly source: string,
    private readonly fragments: readonly Fragment[],
  ) {}

  /** @returns the pattern, or the position in `source` of a `:` that is not a whole segment */
  static path(source: string): Pattern | number {
    const fragments: (string | undefined)[][] = [[]]
    let plain = ''
    let i = 0
    const endPlain = () => {
      if (plain !== '') fragments[fragments.length - 1]?.push(plain)
      plain = ''
    }
    while (i < source.length) {
      const character = source[i] as string
      if (character === '*') {
        endPlain()
        fragments.push([])
        i++
      } else if (character === ':') {
        const name = /^:[A-Za-z0-9_]+(?=\/|$)/.exec(source.slice(i))
        if (name === null || source[i - 1] !== '/') return i
        endPlain()
        fragments[fragments.length - 1]?.push(undefined)
        i += name[0].length
      } else {
        plain += character
        i++
      }
    }
    endPlain()
    return new Pattern(source, fragments)
  }

  /** Only `*` has a meaning. */
  static text(source: string): Pattern {
    return new Pattern(
      source,
      source.split('*').map(part => (part === '' ? [] : [part])),
    )
  }

  matches(text: string): boolean {
    const { fragments } = this
    const first = fragments[0] as Fragment
    const last = fragments.length - 1
    let at = endOf(first, text, 0)
    if (last === 0 || at === -1) return at === text.length
    for (let i = 1; i < last; i++) {
      at = find(fragments[i] as Fragment, text, at)
      if (at === -1) return false
    }
    return endsWith(fragments[last] as Fragment, text, at)
  }

  toString(): string {
    return this.source
  }
}

/** Where `fragment` ends when it begins at `at`; -1 when it does not stand there. A segment goes up to the next slash. */
function endOf(fragment: Fragment, text: string, at: number): number {
  for (const part of fragment) {
    if (part === undefined) {
      const from = at
      while (at < text.length && text.charCodeAt(at) !== SLASH) at++
      if (at === from) return -1
    } else {
      if (!text.startsWith(part, at)) return -1
      at += part.length
    }
  }
  return at
}

/** The end of the first `fragment` at or after `from`: the first to begin is the first to end, as each has a fixed number of slashes. */
function find(fragment: Fragment, text: string, from: number): number {
  if (fragment.length === 0) return from
  const begin = fragment[0] as string
  for (let at = text.indexOf(begin, from); at !== -1; at = text.indexOf(begin, at + 1)) {
    const end = endOf(fragment, text, at)
    if (end !== -1) return end
  }
  return -1
}

function endsWith(fragment: Fragment, text: string, from: number): boolean {
  if (fragment.length === 0) return true
  const begin = fragment[0] as string
  if (fragment.length === 1) return text.length - begin.length >= from && text.endsWith(begin)
  for (let at = text.lastIndexOf(begin); at >= from; at = at === 0 ? -1 : text.lastIndexOf(begin, at - 1)) {
    const end = endOf(fragment, text, at)
    if (end === text.length) return true
  }
  return false
}
