import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { maskCredentials } from '../credentials'
import type { Problem } from './problem'

/** A file of settings is a screenful; what is larger is something else. */
const MAX_BYTES = 1_000_000
/** Blanks of one line only: with line ends among them, a file of empty lines would take time in proportion to its square. */
const OURS = /^[ \t]*(?:export[ \t]+)?(?:OTEL|AWS|TRACING_AGENT)_/m
/** Empty lines in a row that stay. A value in quotes may hold some; dotenv reads each run once for each of its lines. */
const MAX_EMPTY_LINES = 10

export interface EnvFile {
  /** Absolute path of the file that was read; empty when none was. */
  readonly path: string
  readonly variables: Readonly<Record<string, string>>
  readonly problem?: Problem
}

const NONE: EnvFile = { path: '', variables: {} }

/**
 * The variables in the .env file of the working directory, or in that which `TRACING_AGENT_ENV_FILE` names. Only parsed:
 * the environment of the process stays as it is. dotenv is loaded only for a file that mentions a variable of ours.
 */
export function readEnvFile(env: NodeJS.ProcessEnv, directory?: string): EnvFile {
  const named = env.TRACING_AGENT_ENV_FILE
  if (named !== undefined && named.trim() === '') return NONE
  try {
    const path = resolve(directory ?? process.cwd(), named?.trim() ?? '.env')
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined || !stats.isFile()) {
      return named === undefined ? NONE : unreadable(named, stats === undefined ? 'no such file' : 'not a file')
    }
    if (stats.size > MAX_BYTES) return unreadable(path, `larger than ${MAX_BYTES} bytes`)
    const content = readFileSync(path, 'utf8')
    if (!OURS.test(content)) return { path, variables: {} }
    const { parse } = require('dotenv') as typeof import('dotenv')
    return { path, variables: parse(withoutLongGaps(content)) }
  } catch (error) {
    return unreadable(named ?? '.env', (error as Error).message)
  }
}

function withoutLongGaps(content: string): string {
  let empty = 0
  const kept = content.split(/\r\n?|\n/).filter(line => {
    empty = line.trim() === '' ? empty + 1 : 0
    return empty <= MAX_EMPTY_LINES
  })
  return kept.join('\n')
}

function unreadable(path: string, reason: string): EnvFile {
  const file = maskCredentials(path)
  return {
    ...NONE,
    problem: {
      variable: 'TRACING_AGENT_ENV_FILE',
      value: file,
      expected: 'a readable file',
      used: 'the environment alone',
      message: `TRACING_AGENT_ENV_FILE="${file}": expected a readable file, but ${maskCredentials(reason)}; using the environment alone`,
    },
  }
}
