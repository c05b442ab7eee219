import { EXPORTERS } from '../export/index'
import { PROPAGATORS } from '../propagation/index'
import { SAMPLERS } from '../sampling/index'
import { defaultText } from './load'
import { GROUPS } from './options'
import type { Row } from './row'
import { NOTED } from './strangers'

/** The tables of variables as the README shows them, one for each group. */
export function variablesAsMarkdown(): string {
  const tables = Object.entries(GROUPS).map(([group, rows]) => {
    const lines = Object.values(rows).map(asRow)
    return `### ${group}\n\n| Variable | Default | Meaning |\n| --- | --- | --- |\n${lines.join('\n')}\n`
  })
  tables.push(rowsAsMarkdown('Exporters', EXPORTERS))
  tables.push(rowsAsMarkdown('Samplers', SAMPLERS))
  tables.push(rowsAsMarkdown('Propagators', PROPAGATORS))
  const noted = Object.entries(NOTED).map(([name, { doc }]) => `| \`${name}\` | ${escapeCell(doc)} |`)
  tables.push(`### Known and without effect\n\n| Variable | Why |\n| --- | --- |\n${noted.join('\n')}\n`)
  return tables.join('\n')
}

/** A table of what a variable may name. */
function rowsAsMarkdown(title: string, rows: Readonly<Record<string, { doc: string; argument?: string }>>): string {
  const hasArguments = Object.values(rows).some(({ argument }) => argument !== undefined)
  const lines = Object.entries(rows).map(([name, { argument = '', doc }]) => {
    return `| ${code(name)} | ${escapeCell(doc)} |${hasArguments ? ` ${escapeCell(argument)} |` : ''}`
  })
  const head = hasArguments
    ? '| Name | Meaning | Argument (default) |\n| --- | --- | --- |'
    : '| Name | Meaning |\n| --- | --- |'
  return `### ${title}\n\n${head}\n${lines.join('\n')}\n`
}

function asRow(row: Row<unknown>): string {
  const { aliases = [], doc, env, fallbacks = [], type } = row
  const names = [env, ...aliases].map(name => `\`${name}\``).join(' or ')
  const wider = fallbacks.length === 0 ? '' : `<br>else ${fallbacks.map(name => `\`${name}\``).join(', ')}`
  const shown = defaultText(row)
  const value = shown === '' ? '' : row.defaultText === undefined ? code(shown) : escapeCell(shown)
  return `| ${names}${wider} | ${value} | ${escapeCell(doc)}${choices(type.expected)} |`
}

/** ` One of a, b.` with the names marked as code, when the type is a choice of names. */
function choices(expected: string): string {
  const match = /^(one|a list) of (.+)$/.exec(expected)
  const names = match === null ? [] : match[2]!.split(', ')
  if (names.length < 2 || names.some(name => name.includes(' '))) return ''
  return ` ${match![1] === 'one' ? 'One' : 'A list'} of ${names.map(code).join(', ')}.`
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;')
}
