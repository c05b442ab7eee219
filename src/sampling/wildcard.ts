/**
 * A text with `*` (any text) and `?` (any one character), in which case does not count: the wildcards of X-Ray's sampling
 * rules. Time in proportion to pattern times text at worst.
 */
export class Wildcard {
  private readonly any: boolean
  private readonly pattern: string

  constructor(pattern: string) {
    this.any = /^\*+$/.test(pattern)
    this.pattern = pattern.toLowerCase()
  }

  /** What is not known is matched by `*` alone. */
  matches(text: string | undefined): boolean {
    if (this.any) return true
    if (text === undefined) return false
    const { pattern } = this
    const lower = text.toLowerCase()
    let at = 0
    let p = 0
    // After the last star: where to go on with a longer text for it. Earlier stars never need more.
    let star = -1
    let resume = 0
    while (at < lower.length) {
      if (p < pattern.length && (pattern[p] === '?' || pattern[p] === lower[at]) && pattern[p] !== '*') {
        at++
        p++
      } else if (p < pattern.length && pattern[p] === '*') {
        star = p++
        resume = at
      } else if (star !== -1) {
        p = star + 1
        at = ++resume
      } else return false
    }
    while (p < pattern.length && pattern[p] === '*') p++
    return p === pattern.length
  }
}
