/**
 * Compares `major.minor.patch`; a prerelease counts as its release.
 *
 * @returns a number below, at or above zero; NaN when one of them is no version
 */
export function compareVersions(a: string, b: string): number {
  const left = a.split('-', 1)[0]!.split('.')
  const right = b.split('-', 1)[0]!.split('.')
  for (let i = 0; i < 3; i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
