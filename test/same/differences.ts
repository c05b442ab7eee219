/** What differs between two values of plain data, one line for each place. */
export function differences(traced: unknown, bare: unknown, at = ''): string[] {
  if (Object.is(traced, bare)) return []
  if (Array.isArray(traced) && Array.isArray(bare)) return differentItems(traced, bare, at)
  if (isObject(traced) && isObject(bare)) {
    const keys = new Set([...Object.keys(traced), ...Object.keys(bare)])
    return [...keys].flatMap(key => differences(traced[key], bare[key], `${at}.${key}`))
  }
  return [`${at}: traced ${JSON.stringify(traced)}, bare ${JSON.stringify(bare)}`]
}

/** Lists whose items are the same in another order differ, too: that is said in one line. */
function differentItems(traced: unknown[], bare: unknown[], at: string): string[] {
  const [ours, theirs] = [traced.map(item => JSON.stringify(item)), bare.map(item => JSON.stringify(item))]
  const lines = [
    ...without(ours, theirs).map(item => `${at}: only traced ${item}`),
    ...without(theirs, ours).map(item => `${at}: only bare ${item}`),
  ]
  if (lines.length > 0) return lines
  const index = ours.findIndex((item, position) => item !== theirs[position])
  return index < 0 ? [] : [`${at}: another order from ${index} on: traced ${ours[index]}, bare ${theirs[index]}`]
}

/** What is left of one list when each item of the other has been taken out once. */
function without(one: string[], other: string[]): string[] {
  const counts = new Map<string, number>()
  for (const item of other) counts.set(item, (counts.get(item) ?? 0) + 1)
  return one.filter(item => {
    const count = counts.get(item) ?? 0
    if (count > 0) counts.set(item, count - 1)
    return count === 0
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
