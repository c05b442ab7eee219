/**
 * Runs a program twice, bare and under the agent, and compares all that it and the world around it see: output, exit,
 * warnings, what its process, its modules and the patched objects look like, and the bytes on the wire.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, sep } from 'node:path'
import {
  type AgentResult,
  ROOT_FOLDER,
  type Running,
  type RunOptions,
  type RunResult,
  startAgent,
  startBare,
} from '../kit/agent'
import { type Peer, startPeer } from '../kit/peer'
import { type Conversation, recordWire, type Wire } from '../kit/wire'
import { differences } from './differences'

export interface TwiceOptions extends RunOptions {
  /** Called with the running program, once in each run; what it returns is compared. */
  drive?: (running: Running<RunResult>, peer: Peer) => Promise<unknown>
  /** Arguments of the program, of which the URL of the peer behind a recording proxy may be one. */
  argsFor?: (peerUrl: string, peer: Peer) => string[]
  envFor?: (peerUrl: string, peer: Peer) => Record<string, string>
  /** Without it the headers of the default propagators are on the wire, and are left out of the comparison. */
  silent?: boolean
  /** Modules that ES modules import come in an order that is not fixed. */
  anyModuleOrder?: boolean
  /** Two bare runs divide their requests among connections in other ways, or break off at another byte. */
  anyWire?: boolean
  /** Preloaded by both runs; false when the program itself is about preloads. */
  probe?: boolean
  /** What differs between two bare runs of that program is taken out of its output. */
  normalize?: (text: string) => string
}

export interface Seen {
  code: number | null
  signal: string | null
  stdout: string[]
  stderr: string[]
  driven: unknown
  wire: Conversation[]
  /** Names and values of headers in their order. */
  requests: string[]
  probe: unknown
}

/** Packages that only the agent brings, as they lie in its own folder. */
const AGENT_PACKAGES = [
  '@opentelemetry/api',
  '@opentelemetry/semantic-conventions',
  'cjs-module-lexer',
  'debug',
  'dotenv',
  'import-in-the-middle',
  'module-details-from-path',
  'ms',
  'require-in-the-middle',
  'resolve',
  'shimmer',
]
const PROBE = join(ROOT_FOLDER, 'test/same/probe.cjs')
const AGENT_FILES = [
  join(ROOT_FOLDER, 'register.js'),
  join(ROOT_FOLDER, 'package.json'),
  join(ROOT_FOLDER, 'build/agent') + sep,
  join(ROOT_FOLDER, 'build/src') + sep,
  join(ROOT_FOLDER, 'build/instrumentations') + sep,
  join(ROOT_FOLDER, 'build/agent') + sep,
  ...AGENT_PACKAGES.map(name => join(ROOT_FOLDER, 'node_modules', name) + sep),
].join(delimiter)

export interface Twice {
  bare: Seen
  traced: Seen
  spans: AgentResult['spans']
}

/** Fails with the first difference. */
export async function runTwice(program: string, options: TwiceOptions = {}): Promise<Twice> {
  const [bare, traced] = await Promise.all([runOnce(program, options, false), runOnce(program, options, true)])
  assertSame(traced.seen, bare.seen, traced.command)
  return { bare: bare.seen, traced: traced.seen, spans: traced.spans }
}

export function assertSame(traced: Seen, bare: Seen, command: string): void {
  const seen = ({ stderr, ...rest }: Seen) => ({ ...rest, stderr: withoutDeepFrames(stderr) })
  const found = differences(seen(traced), seen(bare))
  if (found.length === 0) return
  const more = found.length > MAX_DIFFERENCES ? `\n… and ${found.length - MAX_DIFFERENCES} more` : ''
  assert.fail(`the program differs: ${command}\n${found.slice(0, MAX_DIFFERENCES).join('\n')}${more}`)
}

const MAX_DIFFERENCES = 40

async function runOnce(program: string, options: TwiceOptions, traced: boolean) {
  const peer = await startPeer()
  const wire = await recordWire(Number(new URL(peer.url).port))
  const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-same-'))
  const probeFile = join(folder, 'probe.json')
  const { silent = true, probe = true } = options
  const how = options.how ?? 'require'
  const runOptions: RunOptions = {
    coverage: false,
    ...options,
    how,
    // Behind the agent's: preloads run in their order.
    lateArgs: probe ? ['--require', PROBE] : [],
    args: options.argsFor?.(wire.url, peer) ?? options.args ?? [],
    // With --import Node loads every program by the loader of ES modules.
    nodeArgs: [
      ...(options.nodeArgs ?? []),
      ...(traced || how !== 'import' ? [] : ['--import', 'data:text/javascript,']),
    ],
    keepInput: options.keepInput ?? options.drive !== undefined,
    env: {
      SAME_PROBE: probeFile,
      SAME_AGENT: AGENT_FILES,
      ...(silent ? { OTEL_PROPAGATORS: traced ? 'none' : undefined } : {}),
      ...options.envFor?.(wire.url, peer),
      ...options.env,
    },
  }
  let result: RunResult
  let driven: unknown
  try {
    const running = traced ? await startAgent(program, runOptions) : startBare(program, runOptions)
    try {
      driven = await options.drive?.(running, peer)
    } finally {
      running.endInput()
    }
    result = await running.finished
  } finally {
    await wire.close()
    await peer.close()
  }
  const seen: Seen = {
    code: result.code,
    signal: result.signal,
    stdout: lines(result.stdout, options),
    stderr: lines(result.stderr, options),
    driven: driven === undefined ? undefined : normalizeDeep(driven, options),
    wire: options.anyWire ? [] : conversations(wire, silent),
    requests: peer.seen
      .map(({ method, url, rawHeaders }) => withoutPorts(`${method} ${url} ${headers(rawHeaders, silent)}`))
      .sort(),
    probe: readProbe(probeFile, options),
  }
  rmSync(folder, { recursive: true, force: true })
  return { seen, command: result.command, spans: (result as AgentResult).spans ?? [] }
}

/** The probe's file is missing when the program was killed; then it is in both runs. */
function readProbe(file: string, { anyModuleOrder = false, normalize = text => text }: TwiceOptions): unknown {
  if (!existsSync(file)) return undefined
  const probe = JSON.parse(normalize(readFileSync(file, 'utf8')))
  if (anyModuleOrder) probe.modules.sort()
  return probe
}

function lines(text: string, { normalize }: TwiceOptions): string[] {
  const plain = withoutPorts(text)
  return (normalize === undefined ? plain : normalize(plain)).split('\n')
}

function normalizeDeep(value: unknown, options: TwiceOptions): unknown {
  return JSON.parse(lines(JSON.stringify(value), options).join('\n'))
}

/** Ports and times differ from run to run, and so does the id of a process. */
export function withoutPorts(text: string): string {
  return text
    .replace(/(127\.0\.0\.1:|localhost:|\[::1?\]:|port:? )\d+/g, '$1PORT')
    .replace(/\(node:\d+\)/g, '(node:PID)')
    .replace(/(date"?: ?"?)\w{3}, [\w: ]+ GMT/gi, '$1DATE')
}

const OURS = /^(traceparent|tracestate|baggage)$/i

function headers(raw: string[], silent: boolean): string {
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) if (silent || !OURS.test(raw[i]!)) kept.push(`${raw[i]}: ${raw[i + 1]}`)
  return kept.join(', ')
}

/** How much of an endless answer, or of a long one, is on its way when somebody leaves it differs from run to run. */
function withoutRest(received: string): string {
  const from = received.lastIndexOf('\r\n\r\n') + 4
  const isChunked = received.startsWith('3e8\r\nx', from)
  if (from < 4 || (!isChunked && received.length - from < 1000)) return received
  // No regular expression: an answer may have megabytes.
  const allowed = isChunked ? 'x3e8\r\n' : 'x'
  for (let i = from; i < received.length; i++) if (!allowed.includes(received[i]!)) return received
  return `${received.slice(0, from)}…`
}

function conversations(wire: Wire, silent: boolean): Conversation[] {
  const texts = wire.conversations.map(({ sent, received }) => ({
    sent: text(sent, silent),
    received: withoutRest(withoutPorts(received)),
  }))
  return texts.sort((one, other) => (one.sent + one.received < other.sent + other.received ? -1 : 1))
}

function text(bytes: string, silent: boolean): string {
  const plain = withoutPorts(bytes)
  return silent ? plain : plain.replace(/^(traceparent|tracestate|baggage): .*\r\n/gim, '')
}

/**
 * The frames of stacks that are the agent's are left out. A stack is cut after ten frames, so that as many of the program's
 * are missing at its end: the last ones are not compared.
 */
function withoutDeepFrames(text: string[]): string[] {
  const kept: string[] = []
  let frames = 0
  // Properties of an error begin behind its last frame, whosever that is.
  for (const line of withCollapsedFrames(text).flatMap(one =>
    /^ +at .* \{$/.test(one) ? [one.slice(0, -2), '{'] : one,
  )) {
    if (!/^ +at /.test(line)) frames = 0
    else if (line.includes(`${ROOT_FOLDER}${sep}build${sep}`) || line.includes(TRAMPOLINE) || ++frames > FRAMES)
      continue
    kept.push(line)
  }
  return kept
}

/** Where an event was emitted is told without the frames that the error's own stack, above it, has between the same two. */
function withCollapsedFrames(text: string[]): string[] {
  const index = text.findIndex(line => line.includes('[... lines matching original stack trace ...]'))
  if (index < 0) return text
  const [before, after] = [text[index - 1]!, text[index + 1]!.replace(/ \{$/, '')]
  const start = text.indexOf(before)
  const rest = text.slice(start + 1, text.indexOf(after, start))
  return withCollapsedFrames([...text.slice(0, index), ...rest, ...text.slice(index + 1)])
}

/** A frame of Node's own: until Node 22 it stands below every callback of a program that uses an AsyncLocalStorage. */
const TRAMPOLINE = 'at process.callbackTrampoline (node:internal/async_hooks'
/** Of the ten frames of a stack, those that are compared: the agent's take the others at most. */
const FRAMES = 4
