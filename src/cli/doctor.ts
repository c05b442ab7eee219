/**
 * `tracing-agent doctor [-- node app.js]`: why are there no traces? Looks at what is set, sends a test export with every
 * chosen exporter, and runs a program under the agent for a moment.
 */
import { join } from 'node:path'
import { loadConfig } from '../config/load'
import { nodeOptions } from '../config/surroundings'
import { checkExporters } from './doctor-export'
import { checkProgram, entryOf } from './doctor-program'
import { checkNode, checkOthers, checkPreloads, checkSampling, checkVariables } from './doctor-setup'
import { count, type Finding, printFindings } from './finding'
import type { Command } from './main'

const DEFAULT_SECONDS = 5

export const doctor: Command = {
  usage: 'doctor [--seconds N] [-- node app.js]',
  doc:
    'Says what is set and what is wrong with it, sends a test span and shows the answer; runs the program for N seconds ' +
    `(${DEFAULT_SECONDS}) and reports what was patched and which spans came. Exit status 0: all well, 1: not.`,
  async run(args) {
    const split = args.indexOf('--')
    const own = split < 0 ? args : args.slice(0, split)
    const program = split < 0 ? [] : args.slice(split + 1)
    const seconds = readSeconds(own)
    if (seconds === undefined || (split >= 0 && program.length === 0)) {
      process.stderr.write(`Usage: tracing-agent ${doctor.usage}\n`)
      return 2
    }
    const loaded = loadConfig()
    // Without a program: as if it were a file in this folder.
    const entry = entryOf(program) ?? join(process.cwd(), 'program.js')
    const all: Finding[] = []
    const show = (title: string, findings: readonly Finding[]) => {
      all.push(...findings)
      if (findings.length > 0) printFindings(title, findings, text => process.stdout.write(text))
    }
    process.stdout.write(`tracing-agent ${require('../../../package.json').version}\n`)
    show('Node.js', checkNode())
    show('Variables', checkVariables(loaded))
    show('What follows from them', checkSampling(loaded, entry))
    show('Preloads', checkPreloads(nodeOptions()))
    show('Other agents', checkOthers(process.cwd()))
    show('Test export', await checkExporters(loaded, entry))
    if (program.length > 0) show(`Program: ${program.join(' ')}`, await checkProgram(program, seconds, loaded))
    const { failures, text } = count(all)
    process.stdout.write(`\n${failures === 0 ? 'Passed' : 'Failed'}: ${text}.\n`)
    return failures === 0 ? 0 : 1
  },
}

/** The value of `--seconds`, or undefined when the arguments are none of ours. */
function readSeconds(args: readonly string[]): number | undefined {
  if (args.length === 0) return DEFAULT_SECONDS
  const text = args[0] === '--seconds' && args.length === 2 ? args[1]! : /^--seconds=(.*)$/.exec(args[0]!)?.[1]
  const seconds = Number(text)
  return text !== undefined && args.length <= 2 && seconds > 0 && seconds <= 86_400 ? seconds : undefined
}
