import { maskCredentials } from '../credentials'
import { type EnvFile, readEnvFile } from './dotenv'
import type { Document } from './file/document-settings'
import { implications } from './implications'
import type { ExporterName } from './names'
import { type Config, OPTIONS, type OptionName } from './options'
import { type Problem, refusal } from './problem'
import type { Row } from './row'

export type { Config, OptionName } from './options'
export type { Problem } from './problem'

/** Where a value came from. */
export interface Origin {
  readonly from: 'default' | 'environment' | 'file' | 'config file' | 'code' | 'implied'
  /** The variable as the user wrote it; for `implied`, what implied it; for `config file`, the file and the path in it. */
  readonly variable?: string
}

/** An exporter of a configuration file, which may have several of one kind. */
export interface Pipeline {
  readonly exporter: ExporterName
  readonly config: Config
  readonly origins: Readonly<Record<OptionName, Origin>>
}

export interface Loaded {
  /** Frozen, with a value for every row of the table. */
  readonly config: Config
  /** For the log, in the order of the table. */
  readonly problems: readonly Problem[]
  readonly origins: Readonly<Record<OptionName, Origin>>
  /** The .env file that was read; empty when none was. */
  readonly envFile: string
  /** Absolute path of the configuration file; empty when none was asked for. */
  readonly configFile: string
  /** The exporters of the configuration file. Undefined: those that `config` names. */
  readonly pipelines: readonly Pipeline[] | undefined
}

/** What the loading knows while it goes on. */
export interface Draft {
  readonly config: Record<string, unknown>
  readonly problems: Problem[]
  readonly origins: Record<string, Origin>
}

const NAMES = Object.keys(OPTIONS) as OptionName[]
const PREFIXES = /^(?:OTEL_|AWS_XRAY_|TRACING_AGENT_)/

/**
 * Reads all variables. Never throws: a value that cannot be used becomes a problem and the default stays.
 *
 * @param env the environment; it is not changed
 * @param overrides values set in code, which win over every variable
 * @param file more variables, which lose against `env`
 */
export function loadConfig(
  env: NodeJS.ProcessEnv = process.env,
  overrides: Partial<Config> = {},
  file: EnvFile = readEnvFile(env),
): Loaded {
  const draft: Draft = { config: {}, problems: [], origins: {} }
  if (file.problem !== undefined) draft.problems.push(file.problem)
  const source = new Source(env, file.variables)
  readOption('configFile', source, overrides, draft)
  const document = readDocument(source, env, draft)
  for (const name of NAMES) {
    if (name !== 'configFile') readOption(name, source, overrides, draft)
    document?.apply(name, draft)
  }
  for (const name of Object.keys(overrides)) {
    if (!Object.hasOwn(OPTIONS, name)) draft.problems.push(unknownOverride(name))
  }
  if (source.strangers.length > 0) {
    const { strangers } = require('./strangers') as typeof import('./strangers')
    draft.problems.push(...strangers(source.strangers, variable => source.read(variable)))
  }
  const pipelines = document?.pipelines(draft, overrides)
  if (document === undefined) implications(draft)
  return {
    config: Object.freeze(draft.config) as unknown as Config,
    problems: draft.problems,
    origins: draft.origins as Record<OptionName, Origin>,
    envFile: file.path,
    configFile: document?.path ?? '',
    pipelines,
  }
}

/** Most programs have no configuration file: what reads one, a parser of YAML with it, is loaded when there is one. */
function readDocument(source: Source, env: NodeJS.ProcessEnv, draft: Draft): Document | undefined {
  if (draft.config['configFile'] === '') return undefined
  const { openDocument } = require('./file/document-settings') as typeof import('./file/document-settings')
  return openDocument(source, env, draft)
}

function readOption(name: OptionName, source: Source, overrides: Partial<Config>, draft: Draft): void {
  const own = overrides[name]
  if (own === undefined) {
    readRow(name, OPTIONS[name] as Row<unknown>, source, draft)
    return
  }
  draft.config[name] = own
  draft.origins[name] = { from: 'code' }
}

/** The environment and the file behind it, looked through once. */
export class Source {
  /** Variables with a prefix of ours that no row knows. */
  strangers: string[] = []
  private readonly values = new Map<string, string>()
  private readonly fromFile = new Set<string>()

  constructor(env: NodeJS.ProcessEnv, file: Readonly<Record<string, string>>) {
    const known = knownVariables()
    for (const variable of Object.keys(env)) this.add(variable, env[variable], known)
    for (const variable of Object.keys(file)) {
      if (this.values.has(variable)) continue
      if (this.add(variable, file[variable], known)) this.fromFile.add(variable)
    }
  }

  /** The trimmed value; undefined when it is unset or empty, which is the same. */
  read(variable: string): string | undefined {
    return this.values.get(variable)
  }

  /**
   * From here on the variables of the standard are as if they were not set, but for those to keep.
   *
   * @returns the known ones among them
   */
  forgetStandard(keep: ReadonlySet<string>): string[] {
    const isStandard = (variable: string) => variable.startsWith('OTEL_') && !keep.has(variable)
    const unknown = new Set(this.strangers)
    const forgotten = [...this.values.keys()].filter(isStandard)
    for (const variable of forgotten) this.values.delete(variable)
    this.strangers = this.strangers.filter(variable => !isStandard(variable))
    return forgotten.filter(variable => !unknown.has(variable))
  }

  origin(variable: string): Origin {
    return { from: this.fromFile.has(variable) ? 'file' : 'environment', variable }
  }

  /** The variables of a row in the order in which they count. A name in the environment beats all names in the file. */
  candidates({ aliases, env, fallbacks }: Row<unknown>): readonly string[] {
    if (aliases === undefined) return fallbacks === undefined ? [env] : [env, ...fallbacks]
    const names = [env, ...aliases]
    const isReal = (variable: string) => this.values.has(variable) && !this.fromFile.has(variable)
    return [...(names.some(isReal) ? names.filter(isReal) : names), ...(fallbacks ?? [])]
  }

  private add(variable: string, raw: string | undefined, known: ReadonlySet<string>): boolean {
    const isKnown = known.has(variable)
    if (!isKnown && !PREFIXES.test(variable)) return false
    const value = raw?.trim()
    if (value === undefined || value === '') return false
    this.values.set(variable, value)
    if (!isKnown) this.strangers.push(variable)
    return true
  }
}

/** Every variable of the table, with aliases and fallbacks. */
export function knownVariables(): Set<string> {
  const known = new Set<string>()
  for (const name of NAMES) {
    const { env, aliases, fallbacks } = OPTIONS[name] as Row<unknown>
    known.add(env)
    if (aliases !== undefined) for (const alias of aliases) known.add(alias)
    if (fallbacks !== undefined) for (const fallback of fallbacks) known.add(fallback)
  }
  return known
}

function readRow(name: OptionName, row: Row<unknown>, source: Source, draft: Draft): void {
  const refused: { variable: string; raw: string; parsed: ReturnType<Row<unknown>['type']['parse']> }[] = []
  let value: unknown
  let used: string | undefined
  for (const variable of source.candidates(row)) {
    const raw = source.read(variable)
    if (raw === undefined) continue
    if (used !== undefined) {
      if (row.aliases?.includes(variable)) passedOver(variable, raw, used, source.read(used)!, row, draft)
      continue
    }
    const parsed = row.type.parse(raw)
    if (parsed.value === undefined || parsed.refused !== undefined) refused.push({ variable, raw, parsed })
    if (parsed.value !== undefined) {
      value = parsed.value
      used = variable
    }
  }
  draft.config[name] = used === undefined ? row.default : value
  draft.origins[name] = used === undefined ? { from: 'default' } : source.origin(used)
  if (refused.length === 0) return
  const shown = used === undefined ? defaultText(row) : row.type.show(value)
  for (const { variable, raw, parsed } of refused) {
    const said = draft.problems.some(problem => problem.variable === variable && problem.expected === row.type.expected)
    if (!said) draft.problems.push(refusal(variable, raw, row.type, parsed, shown))
  }
}

/** The default as the user reads it. */
export function defaultText(row: Row<unknown>): string {
  return row.defaultText ?? row.type.show(row.default)
}

/** Two names of one thing are set and differ. */
function passedOver(
  variable: string,
  raw: string,
  used: string,
  usedRaw: string,
  row: Row<unknown>,
  draft: Draft,
): void {
  if (raw === usedRaw) return
  const { mask } = row.type
  const value = mask === undefined ? maskCredentials(raw) : mask(raw)
  const expected = `the same as ${used}, or nothing`
  draft.problems.push({
    variable,
    value,
    expected,
    used,
    message: `${variable}="${value}" is passed over: ${used} is set, too, and is used instead`,
  })
}

function unknownOverride(name: string): Problem {
  const { nearest } = require('./suggest') as typeof import('./suggest')
  const meant = nearest(name, NAMES)
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  return {
    variable: name,
    value: '',
    expected: 'an option',
    used: '',
    message: `the option ${name} that was set in code is not known and changes nothing${hint}`,
  }
}

/** The trace header of the Lambda invocation that runs now: the runtime sets this variable, which is no setting, for each anew. */
export function lambdaTraceId(): string | undefined {
  return process.env._X_AMZN_TRACE_ID
}
