#!/usr/bin/env node
/** `npx tracing-agent`: what one asks the agent without running a program. Each command is loaded when it is named. */

export interface Command {
  /** One sentence for the list of commands. */
  readonly doc: string
  /** How it is called, after `tracing-agent`. */
  readonly usage: string
  /** Runs it and returns the exit status. */
  run(args: readonly string[]): number | Promise<number>
}

/** All commands, in the order of the help. */
const COMMANDS: Readonly<Record<string, () => Command>> = {
  doctor: () => require('./doctor').doctor,
  env: () => require('./env').env,
}

const INTRODUCTION = `Traces an unchanged Node.js program:

  node --import tracing-agent/register app.js
  NODE_OPTIONS="--require tracing-agent/register" npm start`

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === '--version' || name === '-v') return print(require('../../../package.json').version)
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    if (rest.length > 0 && Object.hasOwn(COMMANDS, rest[0]!)) return print(helpFor(COMMANDS[rest[0]!]!()))
    return print(help())
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const { nearest } = require('../config/suggest') as typeof import('../config/suggest')
    const meant = nearest(name, Object.keys(COMMANDS))
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
    process.stderr.write(`tracing-agent: there is no command ${name}.${hint} See tracing-agent --help.\n`)
    return 2
  }
  const command = COMMANDS[name]!()
  const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest
  if (own.includes('--help') || own.includes('-h')) return print(helpFor(command))
  return command.run(rest)
}

function help(): string {
  const rows = Object.values(COMMANDS).map(load => load())
  const width = Math.max(...rows.map(({ usage }) => usage.length))
  const commands = rows.map(({ usage, doc }) => `  tracing-agent ${usage.padEnd(width)}  ${doc}`)
  return [
    INTRODUCTION,
    '',
    'Commands:',
    ...commands,
    `  tracing-agent ${'--help'.padEnd(width)}  This text; after a command, more of it.`,
    `  tracing-agent ${'--version'.padEnd(width)}  The version.`,
  ].join('\n')
}

function helpFor({ doc, usage }: Command): string {
  return `Usage: tracing-agent ${usage}\n\n${doc}`
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

main(process.argv.slice(2)).then(
  status => {
    process.exitCode = status
  },
  error => {
    process.stderr.write(`tracing-agent: ${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 2
  },
)
