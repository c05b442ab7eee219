/** A configuration file in place of the variables of the standard. */
import { exporterImplications, xray } from '../implications'
import type { Draft, Origin, Pipeline, Source } from '../load'
import { type Config, OPTIONS, type OptionName } from '../options'
import { BACKENDS } from '../options/backends'
import { EXPORT } from '../options/export'
import { OTLP } from '../options/otlp'
import { type ConfigFile, type Processor, readConfigFile, type Setting } from './read'

/** Options that each exporter has for itself. */
const OF_EXPORTERS = Object.keys({ ...EXPORT, ...OTLP, ...BACKENDS }).filter(
  name => name !== 'exporters',
) as OptionName[]

/** What detectors read that exist for it. */
const READ_BY: Readonly<Record<string, readonly string[]>> = {
  service: ['OTEL_SERVICE_NAME'],
  env: ['OTEL_RESOURCE_ATTRIBUTES', 'OTEL_ENTITIES'],
}

/** Reads the file that the draft names. From then on `source` knows no variables of the standard any more. */
export function openDocument(source: Source, env: NodeJS.ProcessEnv, draft: Draft): Document {
  const named = draft.config['configFile'] as string
  const variable = draft.origins['configFile']!.variable ?? 'configFile'
  const file = readConfigFile(variable, named, name => env[name] ?? source.read(name))
  const kept = new Set([variable])
  for (const detector of file.said?.detectors ?? []) for (const name of READ_BY[detector] ?? []) kept.add(name)
  draft.problems.push(...file.problems)
  if (file.said === undefined) {
    // Nothing of the standard is left but how loud its absence may be said.
    source.forgetStandard(kept.add(OPTIONS.logLevel.env))
    return new Document(file, variable)
  }
  const isIgnored = (name: string) => !file.referredTo.has(name) && !OWN_NAMES.has(name)
  const ignored = source.forgetStandard(kept).filter(isIgnored)
  if (ignored.length > 0) draft.problems.push(ignoredVariables(variable, ignored))
  return new Document(file, variable)
}

const OWN_NAMES: ReadonlySet<string> = new Set([OPTIONS.configFile.env, ...(OPTIONS.configFile.aliases ?? [])])

function ignoredVariables(variable: string, names: readonly string[]) {
  const change = names.length === 1 ? 'changes' : 'change'
  const message = `${names.join(', ')} ${change} nothing: ${variable} is set, and its file does not refer to \${${names[0]}}`
  return {
    variable: names.join(', '),
    value: '',
    expected: `to be referred to by the file of ${variable}`,
    used: 'nothing',
    message,
  }
}

export class Document {
  readonly path: string
  private readonly values: ReadonlyMap<OptionName, Setting>
  private readonly processors: readonly Processor[] | undefined

  constructor(
    { path, said }: ConfigFile,
    private readonly variable: string,
  ) {
    this.path = path
    this.values = said?.settings.values ?? new Map()
    this.processors = said?.processors
  }

  /** Puts in what the file says of an option that nobody set in code. */
  apply(name: OptionName, draft: Draft): void {
    const before = draft.origins[name]!
    if (before.from === 'code') return
    if (this.processors === undefined && name === 'disabled') {
      draft.config[name] = true
      draft.origins[name] = { from: 'implied', variable: `${this.variable}, which names no usable file` }
    }
    const setting = this.values.get(name)
    if (setting === undefined) return
    if (before.from !== 'default' && String(draft.config[name]) !== String(setting.value)) {
      const message = `${before.variable} is passed over: ${setting.place} is set, too, and is used instead`
      draft.problems.push({ variable: before.variable!, value: '', expected: 'nothing', used: setting.place, message })
    }
    put(draft, name, setting)
  }

  /**
   * The exporters of the file, each with the configuration that it reads; undefined when there is none or code chose
   * others. The draft gets what the first one has, to be shown.
   */
  pipelines(draft: Draft, overrides: Partial<Config>): Pipeline[] | undefined {
    xray(draft)
    if (this.processors === undefined || overrides.exporters !== undefined) {
      exporterImplications(draft)
      return undefined
    }
    const own = this.processors.map(({ exporter, settings }) => {
      const { config, origins } = draft
      const each: Draft = { config: { ...config }, origins: { ...origins }, problems: draft.problems }
      for (const [name, setting] of settings.values) if (overrides[name] === undefined) put(each, name, setting)
      exporterImplications(each)
      return { exporter, ...each }
    })
    for (const name of own.length > 0 ? OF_EXPORTERS : []) {
      draft.config[name] = own[0]!.config[name]
      draft.origins[name] = own[0]!.origins[name]!
    }
    return own.map(({ config, exporter, origins }) => ({
      exporter,
      config: Object.freeze(config) as unknown as Config,
      origins: origins as Record<OptionName, Origin>,
    }))
  }
}

function put(draft: Draft, name: OptionName, { place, value }: Setting): void {
  draft.config[name] = value
  draft.origins[name] = { from: 'config file', variable: place }
}
