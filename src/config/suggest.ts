/**
 * The name in `names` that `wrong` was probably meant to be, or undefined when none is near.
 *
 * @param most how many characters may differ; a swap of neighbours counts as one
 */
export function nearest(wrong: string, names: Iterable<string>, most = tolerance(wrong)): string | undefined {
  let best: string | undefined
  let bestDistance = most + 1
  for (const name of names) {
    const distance = editDistance(wrong, name, bestDistance)
    if (distance < bestDistance) {
      best = name
      bestDistance = distance
    }
  }
  return best
}

/** A quarter of the word: found by trying misspelled sampler and exporter names, short ones with two slips included. */
function tolerance(wrong: string): number {
  return wrong.length < 4 ? 1 : Math.max(2, Math.floor(wrong.length / 4))
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
 * Stops and returns `limit` when there are at least so many.
 */
export function editDistance(a: string, b: string, limit = Infinity): number {
  if (a === b) return 0
  if (Math.abs(a.length - b.length) >= limit) return limit
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let smallest = i
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
      let distance = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1))
      if (
        i > 1 &&
        j > 1 &&
        a.charCodeAt(i - 1) === b.charCodeAt(j - 2) &&
        a.charCodeAt(i - 2) === b.charCodeAt(j - 1)
      ) {
        distance = Math.min(distance, beforeLast[j - 2] + 1)
      }
      row.push(distance)
      if (distance < smallest) smallest = distance
    }
    if (smallest >= limit) return limit
    beforeLast = last
    last = row
  }
  return Math.min(last[b.length], limit)
}
