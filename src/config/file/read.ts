/** The file that `OTEL_CONFIG_FILE` names. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { maskCredentials } from '../../credentials'
import type { Problem } from '../problem'
import { parseText, Unusable } from './document'
import type { Report } from './place'
import { type Translated, translate } from './translate'

export type { Processor } from './exporters'
export type { Setting } from './settings'

export interface ConfigFile {
  /** Absolute. */
  readonly path: string
  /** Undefined: the file cannot be used at all. */
  readonly said: Translated | undefined
  readonly problems: readonly Problem[]
  /** The variables that it refers to. */
  readonly referredTo: ReadonlySet<string>
}

/** The example with every key of the schema, each explained, has a quarter of it. */
const MAX_BYTES = 256_000
/** Places in it that are looked at: more than this no document without aliases of aliases has. */
const BUDGET = 20_000
/** What nobody reads need not be said. */
const MAX_PROBLEMS = 50

export const EXPECTED = 'a readable YAML file of the OpenTelemetry configuration schema'
/** Instead of what a file says that cannot be read. */
export const INSTEAD = 'nothing: no spans are made, the headers of callers are passed on'

/**
 * Never throws: a file that cannot be used is a problem.
 *
 * @param variable the one that names it, @param named its value
 * @param read the value of a variable to which the file refers
 */
export function readConfigFile(
  variable: string,
  named: string,
  read: (variable: string) => string | undefined,
): ConfigFile {
  const path = resolve(named)
  const problems: Problem[] = []
  const referredTo = new Set<string>()
  const lookUp = (name: string) => {
    referredTo.add(name)
    return read(name)
  }
  const report: Report = { file: maskCredentials(named), problems, budget: BUDGET }
  try {
    const said = translate(parseText(load(path), lookUp), report)
    return { path, said, problems: theFirstOf(problems, report.file), referredTo }
  } catch (error) {
    return { path, said: undefined, problems: [unusable(variable, named, reasonOf(error))], referredTo }
  }
}

function theFirstOf(problems: readonly Problem[], file: string): readonly Problem[] {
  const more = problems.length - MAX_PROBLEMS
  if (more <= 0) return problems
  const message = `${file}: ${more} more mistakes of this kind`
  return [...problems.slice(0, MAX_PROBLEMS), { variable: file, value: '', expected: '', used: '', message }]
}

function load(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new Unusable('no such file')
  if (!stats.isFile()) throw new Unusable('not a file')
  if (stats.size > MAX_BYTES) throw new Unusable(`larger than ${MAX_BYTES} bytes`)
  return readFileSync(path, 'utf8')
}

function reasonOf(error: unknown): string {
  if (error instanceof Unusable) return error.message
  const { code } = error as NodeJS.ErrnoException
  // Parsers recurse: what is nested too deeply ends there.
  return error instanceof RangeError ? 'it is nested too deeply' : (code ?? 'it cannot be understood')
}

function unusable(variable: string, named: string, reason: string): Problem {
  const value = maskCredentials(named)
  const message = `${variable}="${value}": expected ${EXPECTED} (${reason}); using ${INSTEAD}`
  return { variable, value, expected: EXPECTED, used: INSTEAD, message }
}
