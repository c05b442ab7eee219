/** What the doctor finds, and how it is printed. */

/** `fail` decides the exit status; `warn` is worth a look; `ok` and `note` are facts. */
export type Level = 'ok' | 'note' | 'warn' | 'fail'

export interface Finding {
  readonly level: Level
  readonly text: string
}

export const ok = (text: string): Finding => ({ level: 'ok', text })
export const note = (text: string): Finding => ({ level: 'note', text })
export const warn = (text: string): Finding => ({ level: 'warn', text })
export const fail = (text: string): Finding => ({ level: 'fail', text })

const MARKS: Readonly<Record<Level, string>> = { ok: 'ok  ', note: '    ', warn: 'warn', fail: 'FAIL' }

/** One line a finding: what a stranger sent (an answer of a backend, a variable) cannot draw on the terminal. */
export function printFindings(title: string, findings: readonly Finding[], write: (text: string) => void): void {
  write(`\n${title}\n`)
  for (const { level, text } of findings) {
    const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')
    write(`  ${MARKS[level]}  ${line}\n`)
  }
}

/** `2 failures, 1 warning` */
export function count(findings: readonly Finding[]): { failures: number; warnings: number; text: string } {
  const failures = findings.filter(({ level }) => level === 'fail').length
  const warnings = findings.filter(({ level }) => level === 'warn').length
  return { failures, warnings, text: `${plural(failures, 'failure')}, ${plural(warnings, 'warning')}` }
}

export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
