/** References to variables (OpenTelemetry specification, "Environment variable substitution"). */

/** What stands between the braces. */
const REFERENCE = /^(?:env:)?([a-zA-Z_][a-zA-Z0-9_]*)(?::-([^\n]*))?$/

/**
 * Replaces `${NAME}`, `${env:NAME}` and `${NAME:-default}`. `$$` is a `$` that begins no reference; what is put in is not
 * looked at again. Time is linear.
 *
 * @returns undefined when something looks like a reference and is none
 */
export function substitute(text: string, read: (variable: string) => string | undefined): string | undefined {
  if (!text.includes('$')) return text
  const parts: string[] = []
  for (const part of text.split('$$')) {
    const replaced = replaceIn(part, read)
    if (replaced === undefined) return undefined
    parts.push(replaced)
  }
  return parts.join('$')
}

function replaceIn(text: string, read: (variable: string) => string | undefined): string | undefined {
  let replaced = ''
  let from = 0
  for (;;) {
    const start = text.indexOf('${', from)
    const end = start < 0 ? -1 : text.indexOf('}', start)
    if (end < 0) return replaced + text.slice(from)
    const match = REFERENCE.exec(text.slice(start + 2, end))
    if (match === null) return undefined
    replaced += text.slice(from, start) + (read(match[1]!) || match[2] || '')
    from = end + 1
  }
}
