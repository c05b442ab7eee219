/** Runs a program as a child process, under the agent or bare, and says what came of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Collector, type Protocol, startCollector } from './collector'
import type { ReceivedSpan } from './otlp'

export type { ReceivedSpan } from './otlp'

/** The folder of the package: this file runs as build/test/kit/agent.js. */
export const ROOT_FOLDER = resolve(__dirname, '../../..')
export const REGISTER = join(ROOT_FOLDER, 'register.js')

/** What `npm run build` leaves and register.js prefers to the separate files. */
const BUNDLE = join(ROOT_FOLDER, 'build/agent')

/** Coverage is of the separate files, and a bundle that is older than a source is not what is under test: it goes. */
function dropBundle(): void {
  const built = statSync(join(BUNDLE, 'register.js'), { throwIfNoEntry: false })
  if (built === undefined) return
  const sources = ['src', 'instrumentations'].flatMap(folder =>
    readdirSync(join(ROOT_FOLDER, folder), { recursive: true, encoding: 'utf8' }).map(file =>
      join(ROOT_FOLDER, folder, file),
    ),
  )
  const isStale = sources.some(file => file.endsWith('.ts') && statSync(file).mtimeMs > built.mtimeMs)
  if (isStale || process.env['NYC_CONFIG'] !== undefined) rmSync(BUNDLE, { recursive: true, force: true })
}
dropBundle()

/** How the agent gets into the program: `--require`, `--import`, `--require` in NODE_OPTIONS, or the test's own flags. */
export type How = 'require' | 'import' | 'node-options' | 'none'

export interface RunOptions {
  how?: How
  /** Added to a nearly empty environment; undefined removes a variable. */
  env?: Record<string, string | undefined>
  /** Arguments of the program. */
  args?: string[]
  /** Flags of Node that stand before the agent's. */
  nodeArgs?: string[]
  /** Flags of Node that stand after the agent's. */
  lateArgs?: string[]
  /** Another Node than the one of this run (npm run matrix), which is the one that runs the tests. */
  node?: string
  cwd?: string
  /** Written to standard input, which is empty otherwise. */
  input?: string
  /** Standard input stays open until `endInput()`: programs that serve until then. */
  keepInput?: boolean
  /** The child is killed and the test fails after that time. */
  timeoutMs?: number
  protocol?: Protocol
  /** A receiver that the test keeps; without it each run has its own. Its spans are not taken. */
  collector?: Collector
  /**
   * False runs the agent as it is published, without code that counts its lines: for tests of time, memory and exits. What
   * runs there is then not in the coverage.
   */
  coverage?: boolean
}

export interface RunResult {
  stdout: string
  stderr: string
  code: number | null
  signal: NodeJS.Signals | null
  durationMs: number
  /** A shell line that runs the same program in the same way. */
  command: string
}

export interface AgentResult extends RunResult {
  /** All spans that arrived until the end, by start time. */
  spans: ReceivedSpan[]
}

/** A child that is still running. */
export interface Running<R extends RunResult> {
  readonly child: ChildProcess
  readonly command: string
  readonly stdout: string
  readonly stderr: string
  /** Resolves when standard output matches; rejects when the program ended without. */
  output(pattern: RegExp | string, timeoutMs?: number): Promise<string>
  kill(signal: NodeJS.Signals): void
  endInput(): void
  finished: Promise<R>
}

/** @param program path of the program, absolute or relative to test/; empty when `nodeArgs` say what runs */
export async function runAgent(program: string, options: RunOptions = {}): Promise<AgentResult> {
  return (await startAgent(program, options)).finished
}

/** The same program without the agent: what it does then is the standard. */
export async function runBare(program: string, options: RunOptions = {}): Promise<RunResult> {
  return startBare(program, options).finished
}

export async function startAgent(program: string, options: RunOptions = {}): Promise<Running<AgentResult>> {
  const { how = 'require', protocol = 'http/protobuf' } = options
  const collector = options.collector ?? (await startCollector({ grpc: protocol === 'grpc' }))
  const env: Record<string, string | undefined> = {
    ...collector.env(protocol),
    OTEL_SERVICE_NAME: 'fixture',
    TRACING_AGENT_ENV_FILE: '',
    ...options.env,
  }
  const flags: string[] = []
  if (how === 'require') flags.push('--require', REGISTER)
  if (how === 'import') flags.push('--import', pathToFileURL(REGISTER).href)
  if (how === 'node-options') env['NODE_OPTIONS'] = `--require ${REGISTER} ${env['NODE_OPTIONS'] ?? ''}`.trim()
  const nodeArgs = [...(options.nodeArgs ?? []), ...flags, ...(options.lateArgs ?? [])]
  const running = startChild(program, nodeArgs, env, options, counting(options))
  const own = options.collector === undefined
  const finished = running.finished.then(
    async result => {
      const spans = own ? await collector.takeAll() : []
      if (own) await collector.close()
      return { ...result, spans }
    },
    async error => {
      if (own) {
        await collector.takeAll()
        await collector.close()
      }
      throw error
    },
  )
  return {
    child: running.child,
    command: running.command,
    get stdout() {
      return running.stdout
    },
    get stderr() {
      return running.stderr
    },
    output: running.output,
    kill: running.kill,
    endInput: running.endInput,
    finished,
  }
}

export function startBare(program: string, options: RunOptions = {}): Running<RunResult> {
  const flags = [...(options.nodeArgs ?? []), ...(options.lateArgs ?? [])]
  return startChild(program, flags, { ...options.env }, options)
}

/** Where the numbers go, when nyc runs these tests and has prepared instrumented code (npm test). */
function counting({ coverage = true }: RunOptions): Record<string, string> | undefined {
  const config = process.env['NYC_CONFIG']
  if (!coverage || config === undefined || !existsSync(INSTRUMENTED_FOLDER)) return undefined
  return { COVERAGE_FOLDER: resolve(ROOT_FOLDER, JSON.parse(config).tempDir), INSTRUMENTED_FOLDER }
}

const INSTRUMENTED_FOLDER = join(ROOT_FOLDER, 'node_modules/.cache/instrumented')
const COUNTER = join(ROOT_FOLDER, 'test/kit/coverage.cjs')
const KEPT_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_EXTRA_CA_CERTS']
const children = new Set<ChildProcess>()
let commands: string[] = []

function startChild(
  program: string,
  nodeArgs: string[],
  extra: Record<string, string | undefined>,
  options: RunOptions,
  counted?: Record<string, string>,
): Running<RunResult> {
  const file = isAbsolute(program) ? program : join(ROOT_FOLDER, 'test', program)
  const programs = program === '' ? [] : [file]
  const node = options.node ?? process.env['TEST_NODE'] ?? process.execPath
  const cwd = options.cwd ?? ROOT_FOLDER
  const args = [...nodeArgs, ...programs, ...(options.args ?? [])]
  const env: Record<string, string> = {}
  for (const key of KEPT_VARIABLES) if (process.env[key] !== undefined) env[key] = process.env[key]
  const own: string[] = []
  for (const [key, value] of Object.entries(extra)) {
    if (value === undefined) continue
    env[key] = value
    own.push(`${key}=${value}`)
  }
  const command = `cd ${quote(cwd)} && env ${[...own, node, ...args].map(quote).join(' ')}`
  commands.push(command)
  const startedMs = performance.now()
  if (counted !== undefined) {
    Object.assign(env, counted)
    if (options.how === 'node-options') env['NODE_OPTIONS'] = `--require ${COUNTER} ${env['NODE_OPTIONS']}`
    else args.unshift('--require', COUNTER)
  }
  // nyc adds itself to the environment of every child that is spawned; `env -i` takes it out again.
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  const child = spawn('env', ['-i', ...variables, node, ...args], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  children.add(child)
  child.stdin!.on('error', () => {})
  if (!options.keepInput) child.stdin!.end(options.input ?? '')
  let stdout = ''
  let stderr = ''
  let ended = false
  child.stdout!.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr!.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const words = () => `${command}\nstdout: ${stdout}\nstderr: ${stderr}`
  const finished = new Promise<RunResult>((resolve, reject) => {
    const timeoutMs = options.timeoutMs ?? 20_000
    const timer = setTimeout(() => {
      killGroup(child)
      reject(new Error(`the program did not end within ${timeoutMs} ms: ${words()}`))
    }, timeoutMs)
    child.on('error', error => {
      clearTimeout(timer)
      reject(new Error(`the program did not start: ${error.message}: ${command}`))
    })
    child.on('exit', () => {
      ended = true
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      children.delete(child)
      resolve({ stdout, stderr, code, signal, durationMs: performance.now() - startedMs, command })
    })
  })
  // The test may look at the output first; a failure is still told to whoever awaits `finished`.
  finished.catch(() => {})
  return {
    child,
    command,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    finished,
    kill: signal => void child.kill(signal),
    endInput: () => void child.stdin!.end(),
    output: (pattern, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + timeoutMs
        const look = () => {
          const matches = typeof pattern === 'string' ? stdout.includes(pattern) : pattern.test(stdout)
          if (matches) resolve(stdout)
          else if (ended || Date.now() > deadline) reject(new Error(`${pattern} was not printed: ${words()}`))
          else setTimeout(look, 5)
        }
        look()
      }),
  }
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

process.on('exit', () => {
  for (const child of children) killGroup(child)
})

// Registered once for the whole run: a failed test tells how to run its programs by hand.
if (typeof afterEach === 'function') {
  beforeEach(() => {
    commands = []
  })
  afterEach('the commands of a failed test are printed', function () {
    if (this.currentTest?.state === 'failed') for (const command of commands) console.error(`    run: ${command}`)
  })
}
