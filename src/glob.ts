/**
 * Patterns with `*` (any characters, none included) and `?` (one character), compiled once. A match allocates nothing and
 * needs no regular expression: exact names are a set, the rest is compared character by character.
 */
export type Matcher = (text: string) => boolean

/** True when `text` matches one of the patterns; undefined when there is none. */
export function compileGlobs(patterns: readonly string[]): Matcher | undefined {
  if (patterns.length === 0) return undefined
  if (patterns.includes('*')) return () => true
  const exact = new Set<string>()
  const globs: string[] = []
  for (const pattern of patterns) {
    if (pattern.includes('*') || pattern.includes('?')) globs.push(pattern)
    else exact.add(pattern)
  }
  if (globs.length === 0) return text => exact.has(text)
  return text => {
    if (exact.has(text)) return true
    for (let i = 0; i < globs.length; i++) if (globMatches(globs[i], text)) return true
    return false
  }
}

const STAR = 42
const QUESTION = 63

/** Greedy with one step back to the last star: at worst pattern length times text length, never exponential. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    const code = p < pattern.length ? pattern.charCodeAt(p) : -1
    if (code === STAR) {
      star = p++
      resume = t
    } else if (code === QUESTION || code === text.charCodeAt(t)) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (p < pattern.length && pattern.charCodeAt(p) === STAR) p++
  return p === pattern.length
}
