import { type Described, type DescribedPipeline, describePipelines, describeVariables } from '../config/describe'
import { type Loaded, loadConfig } from '../config/load'
import { variablesAsMarkdown } from '../config/markdown'
import { createSampler } from '../sampling/index'
import { collectingLog } from './collecting-log'
import type { Command } from './main'

export const env: Command = {
  usage: 'env [--json|--markdown]',
  doc: 'Shows every variable, its value and where the value comes from.',
  run(args) {
    const unknown = args.find(arg => arg !== '--json' && arg !== '--markdown')
    if (unknown !== undefined) {
      process.stderr.write(`tracing-agent env: ${unknown} is not an option of it: --json or --markdown\n`)
      return 2
    }
    if (args.includes('--markdown')) {
      process.stdout.write(variablesAsMarkdown())
      return 0
    }
    const loaded = loadConfig()
    const variables = describeVariables(loaded)
    const problems = [...loaded.problems.map(({ message }) => message), ...samplerProblems(loaded)]
    const { configFile, envFile } = loaded
    const exporters = describePipelines(loaded)
    if (args.includes('--json')) {
      const all = { variables, problems, envFile, ...(configFile === '' ? undefined : { configFile, exporters }) }
      process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`)
    } else process.stdout.write(asText(variables, exporters, problems))
    return 0
  },
}

/** What the sampler says of its argument. */
function samplerProblems({ config }: Loaded): string[] {
  const { log, said } = collectingLog()
  createSampler(config.sampler, config.samplerArg || undefined, { log, serviceName: '' })
  return said
}

function asText(
  variables: readonly Described[],
  exporters: readonly DescribedPipeline[],
  problems: readonly string[],
): string {
  const lines: string[] = []
  let group = ''
  for (const item of variables) {
    if (item.group !== group) {
      group = item.group
      if (lines.length > 0) lines.push('')
      lines.push(`# ${group}`)
    }
    lines.push('', `${item.variable}=${item.value}${item.from === 'default' ? '' : `   (${source(item)})`}`)
    for (const line of wrap(item.doc, 96)) lines.push(`    ${line}`)
    lines.push(`    Expected: ${item.expected}`)
    const others = [...item.aliases, ...item.fallbacks]
    if (others.length > 0) lines.push(`    Also: ${others.join(', ')}`)
    lines.push(`    Default: ${item.default === '' ? 'none' : item.default}`)
  }
  // One exporter is what the variables show.
  if (exporters.length > 1) lines.push('', '# Exporters of the configuration file')
  for (const { exporter, settings } of exporters.length > 1 ? exporters : []) {
    lines.push('', exporter, ...settings.map(({ name, set, value }) => `    ${name}: ${value}   (${set})`))
  }
  if (problems.length > 0) lines.push('', '# Problems', '', ...problems)
  return `${lines.join('\n')}\n`
}

/** Where a value that is not the default comes from. */
export function source({ from, set, variable }: Described): string {
  if (from === 'implied') return `because of ${set}`
  if (from === 'config file') return `from ${set}`
  const place = from === 'file' ? 'from the .env file' : from === 'code' ? 'from code' : 'from the environment'
  return set === variable || set === undefined ? place : `${place}, ${set}`
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length >= width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines
}
