/** A program under the agent for a moment: what was patched, which spans came, how it ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { INSTRUMENTATIONS } from '../../instrumentations/index'
import type { Config, Loaded } from '../config/load'
import { environmentForChild, nodeOptions } from '../config/surroundings'
import { dependencies, isPreloaded, REGISTER } from './doctor-setup'
import { type Finding, fail, note, ok, plural, warn } from './finding'

/** After SIGTERM, before SIGKILL. */
const GRACE_MS = 5000
const PREFIX = 'tracing-agent: '
const MOST_LINES = 20
const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer']

/** How the program ended, and what the agent said in it. */
interface Run {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stopped: boolean
  readonly fault?: Error
  readonly said: readonly string[]
}

export async function checkProgram(
  program: readonly string[],
  seconds: number,
  loaded: Loaded,
  register = REGISTER,
): Promise<Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-doctor-'))
  try {
    process.stdout.write(
      `\nRunning ${program.join(' ')} for ${plural(seconds, 'second')}; send it requests meanwhile.\n`,
    )
    const run = await runProgram(program, seconds, environment(loaded, folder, register))
    return [
      ...describeRun(run, seconds),
      ...describeAgent(run),
      ...describeSpans(readSpans(folder)),
      ...checkBundle(program, run),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** That of the user, except for where spans go, and that all of them are recorded. */
function environment({ config, configFile }: Loaded, folder: string, register: string): NodeJS.ProcessEnv {
  const options = nodeOptions()
  return environmentForChild({
    ...(configFile === '' ? undefined : withoutFile(config, folder)),
    NODE_OPTIONS: isPreloaded(options) ? options : `--require ${JSON.stringify(register)} ${options}`.trim(),
    OTEL_SDK_DISABLED: 'false',
    OTEL_LOG_LEVEL: 'debug',
    OTEL_TRACES_EXPORTER: 'file',
    OTEL_EXPORTER: undefined,
    TRACING_AGENT_FILE: join(folder, '%p.jsonl'),
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_TRACES_SAMPLER_ARG: undefined,
    OTEL_PROPAGATORS: config.propagators.join(',') || 'none',
    OTEL_PROPAGATOR: undefined,
    TRACING_AGENT_TRACE_IDS: config.traceIds,
    OTEL_BSP_SCHEDULE_DELAY: '200',
  })
}

/** A file that says the same of what is traced, in place of the user's, which would win over the variables. */
function withoutFile(config: Config, folder: string): Record<string, string | undefined> {
  const file = join(folder, 'otel.yaml')
  const isOff = (name: string) =>
    config.disabledInstrumentations.includes(name) || !config.enabledInstrumentations.includes(name)
  const off = INSTRUMENTATIONS.map(({ name }) => name).filter(isOff)
  const exporter = { 'otlp_file/development': { output_stream: `file://${join(folder, '%p.jsonl')}` } }
  const document = {
    file_format: '1.0',
    log_level: 'debug',
    resource: { attributes: [{ name: 'service.name', value: 'doctor' }] },
    propagator: { composite_list: config.propagators.join(',') || 'none' },
    tracer_provider: {
      processors: [{ batch: { schedule_delay: 200, exporter } }],
      sampler: { always_on: null },
    },
    'instrumentation/development': { js: Object.fromEntries(off.map(name => [name, { enabled: false }])) },
  }
  writeFileSync(file, JSON.stringify(document))
  return { OTEL_CONFIG_FILE: file, OTEL_EXPERIMENTAL_CONFIG_FILE: undefined }
}

function runProgram(program: readonly string[], seconds: number, env: NodeJS.ProcessEnv): Promise<Run> {
  return new Promise(done => {
    const said = new Set<string>()
    let stopped = false
    const child = spawn(program[0]!, program.slice(1), { env, stdio: ['ignore', 'inherit', 'pipe'], detached: true })
    const stop = () => {
      stopped = true
      end(child, 'SIGTERM')
      setTimeout(end, GRACE_MS, child, 'SIGKILL').unref()
    }
    const timer = setTimeout(stop, seconds * 1000)
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    const finish = (run: Omit<Run, 'said' | 'stopped'>) => {
      clearTimeout(timer)
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      done({ ...run, stopped, said: [...said] })
    }
    let rest = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        if (line.startsWith(PREFIX)) said.add(line.slice(PREFIX.length))
        else process.stderr.write(`${line}\n`)
      }
    })
    child.on('error', fault => finish({ code: null, signal: null, fault }))
    // A grandchild may hold the pipe open for long after.
    child.on('exit', (code, signal) => setTimeout(finish, 100, { code, signal }))
  })
}

/** The whole group: `npm start` does not pass signals on. */
function end(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal)
  } catch {
    child.kill(signal)
  }
}

function describeRun({ code, fault, signal, stopped }: Run, seconds: number): Finding[] {
  if (fault !== undefined) return [fail(`it could not be started: ${fault.message}`)]
  if (stopped) return [ok(`it ran for ${plural(seconds, 'second')} and was stopped`)]
  if (signal !== null) return [warn(`it was ended by ${signal}`)]
  return [code === 0 ? ok('it ended by itself with exit code 0') : warn(`it ended by itself with exit code ${code}`)]
}

/** The agent's own words: what was patched and skipped are facts, a summary is left out, all else is a warning. */
function describeAgent({ fault, said }: Run): Finding[] {
  if (fault !== undefined) return []
  const patched = said.filter(line => line.startsWith('patched '))
  if (said.length === 0)
    return [fail('the agent did not start in it: is it a Node.js program, and not a package manager alone?')]
  const findings = [...byPackage(patched.map(line => line.slice(8)))].map(([name, files]) =>
    ok(`patched ${name}${files.length === 0 ? '' : ` (${files.join(', ')})`}`),
  )
  if (patched.length === 0) findings.push(fail('nothing was patched'))
  for (const line of said) {
    if (line.startsWith('skipped ') || line.startsWith('loaded before ')) findings.push(note(line))
    else if (!/^(?:patched|traces) |^file: /.test(line)) findings.push(warn(line))
  }
  return findings
}

/** `express 5.3.0 lib/router.js` and its like, by package and version. */
function byPackage(patched: readonly string[]): Map<string, string[]> {
  const packages = new Map<string, string[]>()
  for (const line of patched) {
    const words = line.split(' ')
    const file =
      words.length > 1 && /[./]/.test(words.at(-1)!) && !/^\d+\.\d/.test(words.at(-1)!) ? words.pop() : undefined
    const name = words.join(' ')
    const files = packages.get(name) ?? []
    if (file !== undefined) files.push(file)
    packages.set(name, files)
  }
  return packages
}

interface SeenSpan {
  readonly name: string
  readonly kind: number
  readonly scope: string
  readonly failed: boolean
}

/** The lines of OTLP JSON that the program's processes wrote. */
function readSpans(folder: string): SeenSpan[] {
  const spans: SeenSpan[] = []
  for (const file of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
      try {
        for (const { scopeSpans } of JSON.parse(line).resourceSpans) {
          for (const { scope, spans: list } of scopeSpans) {
            for (const { kind, name, status } of list) {
              spans.push({ name, kind, scope: scope?.name ?? '', failed: status?.code === 2 })
            }
          }
        }
      } catch {
        // The last line of a process that was killed may be half a line.
      }
    }
  }
  return spans
}

function describeSpans(spans: readonly SeenSpan[]): Finding[] {
  if (spans.length === 0) return [warn('no span came: it made no call and was sent no request, or none that is traced')]
  const groups = new Map<string, { total: number; failed: number }>()
  for (const { failed, kind, name, scope } of spans) {
    const key = `${KINDS[kind] ?? ''} ${name} (${scope})`
    const group = groups.get(key) ?? { total: 0, failed: 0 }
    group.total++
    if (failed) group.failed++
    groups.set(key, group)
  }
  const findings = [ok(`${plural(spans.length, 'span')} came`)]
  const sorted = [...groups].sort(([, a], [, b]) => b.total - a.total)
  for (const [key, { failed, total }] of sorted.slice(0, MOST_LINES)) {
    findings.push(note(`${total} × ${key}${failed === 0 ? '' : `, ${failed} with an error`}`))
  }
  if (sorted.length > MOST_LINES) findings.push(note(`and ${sorted.length - MOST_LINES} other names`))
  return findings
}

/** What bundlers leave in their output, and what only they do. */
const BUNDLERS: readonly (readonly [RegExp, string])[] = [
  [/__webpack_require__|__webpack_modules__/, 'webpack'],
  [/\b__(?:commonJS|toESM|toCommonJS|esm)\s*=\s*\(/, 'esbuild or a kin of it'],
  [/\/\/#region (?:node_modules|\.\.\/)|\bcommonjsGlobal\b|getDefaultExportFromCjs/, 'rollup or a kin of it'],
  [/\bparcelRequire[a-z0-9]*\b/, 'parcel'],
  [/__turbopack_context__|__turbopack_require__/, 'turbopack'],
]
const MOST_BYTES = 20_000_000

function checkBundle(program: readonly string[], { said }: Run): Finding[] {
  const findings: Finding[] = []
  const entry = entryOf(program)
  const bundler = entry === undefined ? undefined : bundlerOf(entry)
  if (bundler !== undefined) {
    findings.push(
      warn(
        `${entry} is a bundle (${bundler}): packages inside it are not seen, http and fetch are; leave express and ` +
          '@grpc/grpc-js out of the bundle, as external packages',
      ),
    )
  }
  const wanted = dependencies(entry === undefined ? process.cwd() : dirname(entry))
  for (const { builtin, module } of INSTRUMENTATIONS) {
    const isSeen = said.some(line => line.includes(module))
    if (builtin !== true && wanted.includes(module) && !isSeen) {
      const text = `${module} is a dependency and was not loaded${bundler === undefined ? '' : ' as a package'}`
      if (!findings.some(finding => finding.text === text)) findings.push(warn(text))
    }
  }
  return findings
}

/** The first argument that is a file: `node --flag app.js`. */
export function entryOf(program: readonly string[]): string | undefined {
  for (const word of program.slice(1)) {
    if (word.startsWith('-')) continue
    for (const file of [word, `${word}.js`, join(word, 'index.js')]) {
      const path = resolve(file)
      if (existsSync(path) && statSync(path).isFile()) return path
    }
  }
  return undefined
}

export function bundlerOf(file: string): string | undefined {
  if (statSync(file).size > MOST_BYTES) return 'too large to look into'
  const content = readFileSync(file, 'utf8')
  return BUNDLERS.find(([mark]) => mark.test(content))?.[1]
}
