/** A decimal number as people write it, without sign: `10`, `0.5`, `.5`, `5e-1`. */
export function readNumber(text: string): number | undefined {
  const trimmed = text.trim()
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return undefined
  const number = Number(trimmed)
  return Number.isFinite(number) ? number : undefined
}

/** A number from 0 to 1. */
export function readRatio(text: string): number | undefined {
  const ratio = readNumber(text)
  return ratio !== undefined && ratio <= 1 ? ratio : undefined
}

/** So many per second: `10/s`. */
export function readRate(text: string): number | undefined {
  const match = /^(.*?)\s*\/\s*s$/i.exec(text.trim())
  return match === null ? undefined : readNumber(match[1] as string)
}
