import { defaultText, type Loaded, type Origin } from './load'
import { GROUPS, type OptionName } from './options'
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
