import { defaultText, type Loaded, type Origin } from './load'
import { GROUPS, OPTIONS, type OptionName } from './options'
import type { Row } from './row'

/** One variable with its value, ready to be shown: no credentials in it. */
export interface Described {
  readonly group: string
  /** The option in code, such as `serviceName`. */
  readonly name: string
  readonly variable: string
  readonly aliases: readonly string[]
  readonly fallbacks: readonly string[]
  readonly expected: string
  readonly default: string
  readonly doc: string
  readonly value: string
  readonly from: Origin['from']
  /** The variable that was set, or what implied the value. */
  readonly set?: string
}

/** Every variable in reading order, with the value in effect. */
export function describeVariables({ config, origins }: Loaded): Described[] {
  const described: Described[] = []
  for (const [group, rows] of Object.entries(GROUPS)) {
    for (const [name, row] of Object.entries(rows) as [OptionName, Row<unknown>][]) {
      const { from, variable: set } = origins[name]
      described.push({
        group,
        name,
        variable: row.env,
        aliases: row.aliases ?? [],
        fallbacks: row.fallbacks ?? [],
        expected: row.type.expected,
        default: defaultText(row),
        doc: row.doc,
        value: row.type.show(config[name]),
        from,
        ...(set === undefined ? undefined : { set }),
      })
    }
  }
  return described
}

/** An exporter of a configuration file, with what the file says of it. */
export interface DescribedPipeline {
  readonly exporter: string
  readonly settings: readonly { readonly name: string; readonly value: string; readonly set: string }[]
}

/** The exporters of a configuration file; the first of them is what `describeVariables` shows. */
export function describePipelines({ origins: main, pipelines = [] }: Loaded): DescribedPipeline[] {
  return pipelines.map(({ config, exporter, origins }, index) => {
    const settings: { name: string; value: string; set: string }[] = []
    for (const [name, { from, variable = '' }] of Object.entries(origins) as [OptionName, Origin][]) {
      if (from !== 'config file' || (index > 0 && main[name] === origins[name])) continue
      if (index === 0 && !variable.includes('.processors[')) continue
      settings.push({ name, value: (OPTIONS[name] as Row<unknown>).type.show(config[name]), set: variable })
    }
    return { exporter, settings }
  })
}
