/**
 * Black-box scenarios: a plain program is run bare and under the agent. Output and exit must be the same; then the spans
 * are looked at. Each program runs as CommonJS under --require, and as an ES module under --import where it can be one.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type AgentResult, ROOT_FOLDER, type RunOptions, type RunResult, startAgent, startBare } from '../kit/agent'
import type { Kind, ReceivedSpan } from '../kit/otlp'
import { type Peer, startPeer } from '../kit/peer'

const PROGRAMS = join(ROOT_FOLDER, 'test/scenarios/programs')
/** Programs as they are run lie below build/, so that they find the packages of the project. */
const RUN_FOLDER = join(ROOT_FOLDER, 'build/test/scenarios')

export interface Outcome {
  spans: ReceivedSpan[]
  /** The server that the traced program talked to. */
  peer: Peer
  run: AgentResult
  bare: RunResult
}

export interface Scenario {
  /** File under programs/, without its extension. */
  id: string
  claim: string
  /** Only that format: the program says something about it. */
  only?: 'cjs' | 'esm'
  /** Express 4 instead of 5. */
  express4?: boolean
  /** For programs that serve: what a client does to them. The result must be the same with and without the agent. */
  drive?: (url: string, peer: Peer) => Promise<unknown>
  /** Sent when the program has printed `ready`. */
  signal?: NodeJS.Signals
  options?: RunOptions
  check: (outcome: Outcome) => void
}

export function scenario(item: Scenario): void {
  const formats = item.only ? [item.only] : (['cjs', 'esm'] as const)
  for (const format of formats) {
    it(`${item.id}${item.express4 ? 'v4' : ''} ${format}: ${item.claim}`, async () => {
      const file = prepare(item, format)
      const how = format === 'cjs' ? 'require' : 'import'
      // At the same time: two processes for two cores.
      const [bare, traced] = await Promise.all([run(item, file, undefined), run(item, file, how)])
      try {
        assert.deepEqual(seen(traced), seen(bare), 'the program behaves as without the agent')
        item.check({
          spans: (traced.result as AgentResult).spans,
          peer: traced.peer,
          run: traced.result as AgentResult,
          bare: bare.result,
        })
      } finally {
        await Promise.all([bare.peer.close(), traced.peer.close()])
      }
    })
  }
}

interface Done {
  result: RunResult
  peer: Peer
  driven: unknown
}

async function run(item: Scenario, file: string, how: 'require' | 'import' | undefined): Promise<Done> {
  const peer = await startPeer()
  const options: RunOptions = {
    ...item.options,
    how,
    args: [peer.url],
    keepInput: item.drive !== undefined,
    env: {
      OTEL_LOG_LEVEL: how && 'none',
      CLOSED_PORT: String(peer.closedPort),
      PEER_HTTPS: peer.httpsUrl,
      PEER_SOCKET: peer.socketPath,
      PROTO: join(PROGRAMS, 'grpc-tester.proto'),
      ...item.options?.env,
    },
  }
  const running = how ? await startAgent(file, options) : startBare(file, options)
  let driven: unknown
  if (item.drive) {
    try {
      const output = await running.output(/^port \d+$/m)
      driven = await item.drive(`http://127.0.0.1:${/^port (\d+)$/m.exec(output)![1]}`, peer)
    } finally {
      running.endInput()
    }
  }
  if (item.signal) {
    await running.output('ready')
    running.kill(item.signal)
  }
  return { result: await running.finished, peer, driven }
}

/** What the world sees of a program. Ports differ from run to run, and stack traces may name the agent's files. */
function seen({ result, driven }: Done): unknown {
  const { code, signal } = result
  return {
    stdout: withoutPorts(result.stdout),
    stderr: withoutPorts(result.stderr).replace(/^\s+at .*\n/gm, ''),
    code,
    signal,
    driven,
  }
}

function withoutPorts(text: string): string {
  return text.replace(/(127\.0\.0\.1:|localhost:|port:? )\d+/g, '$1PORT')
}

function prepare({ id, express4 }: Scenario, format: 'cjs' | 'esm'): string {
  const folder = join(RUN_FOLDER, `${format}${express4 ? '-express4' : ''}`)
  mkdirSync(folder, { recursive: true })
  // Under its own name, as every program has it.
  if (express4) {
    const target = join(folder, 'node_modules/express')
    if (!existsSync(target)) cpSync(join(ROOT_FOLDER, 'node_modules/express4'), target, { recursive: true })
  }
  const commonJs = join(PROGRAMS, `${id}.cjs`)
  const source = existsSync(commonJs) ? commonJs : join(PROGRAMS, `${id}.mjs`)
  const text = readFileSync(source, 'utf8')
  const file = join(folder, `${id}.${format === 'cjs' ? 'cjs' : 'mjs'}`)
  writeFileSync(file, format === 'esm' && basename(source).endsWith('.cjs') ? toEsModule(text) : text)
  return file
}

/** The same program with `import` for `require`. */
function toEsModule(text: string): string {
  const module = text
    .replace(/^const (\w+) = require\(('[^']+')\)$/gm, 'import $1 from $2')
    .replace(/^const (\{[^}]+\}) = require\(('[^']+')\)$/gm, (_all, names: string, from) => {
      return `import ${names.replaceAll(': ', ' as ')} from ${from}`
    })
    .replaceAll('__filename', 'new URL(import.meta.url).pathname')
  assert.doesNotMatch(module, /\brequire\(/)
  return module
}

export function ofKind(spans: ReceivedSpan[], kind: Kind): ReceivedSpan[] {
  return spans.filter(span => span.kind === kind)
}

/** That many CLIENT spans and nothing else. */
export function onlyClients(spans: ReceivedSpan[], count: number): ReceivedSpan[] {
  assert.deepEqual(
    spans.map(span => span.kind),
    new Array(count).fill('CLIENT'),
    describeSpans(spans),
  )
  return spans
}

/** That many SERVER spans, whatever lies below them. */
export function servers(spans: ReceivedSpan[], count: number): ReceivedSpan[] {
  const found = ofKind(spans, 'SERVER')
  assert.equal(found.length, count, describeSpans(spans))
  return found
}

/** Each request that the peer saw carried the context of the span for it, once. */
export function assertPropagated(spans: ReceivedSpan[], peer: Peer): void {
  const sent = peer.parents.map(parent => `${parent?.traceId} ${parent?.spanId} ${parent?.flags}`)
  const made = ofKind(spans, 'CLIENT').map(({ traceId, spanId, flags }) => `${traceId} ${spanId} ${hex(flags & 255)}`)
  assert.deepEqual(sent.sort(), made.sort())
  for (const { rawHeaders, url } of peer.seen) {
    const names = rawHeaders.filter(
      (_name, index) => index % 2 === 0 && rawHeaders[index]!.toLowerCase() === 'traceparent',
    )
    assert.equal(names.length, 1, `traceparent headers of ${url}`)
  }
}

function hex(flags: number): string {
  return flags.toString(16).padStart(2, '0')
}

export function assertRoot(span: ReceivedSpan): void {
  assert.equal(span.parentSpanId, '', `${span.name} is a root span`)
}

export function assertChild(child: ReceivedSpan, parent: ReceivedSpan): void {
  assert.equal(child.traceId, parent.traceId)
  assert.equal(child.parentSpanId, parent.spanId, `${child.name} is a child of ${parent.name}`)
}

export function assertFailed(span: ReceivedSpan, errorType?: string): void {
  assert.equal(span.status.code, 'ERROR')
  if (errorType === undefined) assert.ok(span.attributes['error.type'], 'error.type is set')
  else assert.equal(span.attributes['error.type'], errorType)
}

export function durationMs(span: ReceivedSpan): number {
  return (span.endMicros - span.startMicros) / 1000
}

function describeSpans(spans: ReceivedSpan[]): string {
  return spans.map(({ kind, name, attributes }) => `${kind} ${name} ${JSON.stringify(attributes)}`).join('\n')
}
