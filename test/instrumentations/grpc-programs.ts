/** Runs the programs under test/fixtures/grpc bare and under the agent: both must say and do the same. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type AgentResult, type RunOptions, runAgent, runBare } from '../kit/agent'
import type { Kind, ReceivedSpan } from '../kit/otlp'

export const METHODS = 'pkg_test.GrpcTester'

const results = new Map<string, Promise<AgentResult>>()

/** The same program with the same options runs once, however many tests look at what came of it. */
export function runBoth(program: string, options: RunOptions = {}): Promise<AgentResult> {
  const key = JSON.stringify([program, options])
  const result = results.get(key) ?? run(program, options)
  results.set(key, result)
  return result
}

async function run(program: string, options: RunOptions): Promise<AgentResult> {
  const file = join('fixtures/grpc', program)
  const [bare, traced] = await Promise.all([runBare(file, options), runAgent(file, options)])
  const words = `\n${traced.command}\n${traced.stderr}`
  assert.equal(traced.stdout, bare.stdout, words)
  assert.deepEqual([traced.code, traced.signal], [bare.code, bare.signal], words)
  assert.doesNotMatch(traced.stderr, /tracing-agent:/)
  if (bare.code === 0) assert.equal(withoutProcessId(traced.stderr), withoutProcessId(bare.stderr), words)
  return traced
}

function withoutProcessId(text: string): string {
  return text.replace(/\(node:\d+\)/g, '(node)')
}

/** The spans of gRPC alone; each is complete. */
export function grpcSpans(spans: readonly ReceivedSpan[], kind?: Kind): ReceivedSpan[] {
  const found = spans.filter(span => span.scope.name === 'tracing-agent/grpc')
  for (const { attributes, name, ...span } of found) {
    assert.equal(attributes['rpc.system.name'], 'grpc')
    assert.equal(name, attributes['rpc.method'] === '_OTHER' ? 'grpc' : attributes['rpc.method'])
    assert.ok(span.kind === 'CLIENT' || span.kind === 'SERVER', span.kind)
    assert.ok(span.endMicros >= span.startMicros)
    assert.equal(attributes['error.type'] === undefined, span.status.code === 'UNSET')
    assert.deepEqual(span.links, [])
  }
  return kind === undefined ? found : found.filter(span => span.kind === kind)
}

export function only<T>(items: readonly T[], what = 'one'): T {
  assert.equal(items.length, 1, `${what}: ${items.length}`)
  return items[0]!
}

export function childrenOf(parent: ReceivedSpan, spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  return spans.filter(span => span.parentSpanId === parent.spanId && span.traceId === parent.traceId)
}

/** Each CLIENT span with its SERVER spans, by start time. */
export function calls(spans: readonly ReceivedSpan[]): { client: ReceivedSpan; servers: ReceivedSpan[] }[] {
  const found = grpcSpans(spans)
  const servers = found.filter(({ kind }) => kind === 'SERVER')
  const pairs = found
    .filter(({ kind }) => kind === 'CLIENT')
    .map(client => ({ client, servers: childrenOf(client, servers) }))
  assert.equal(pairs.flatMap(pair => pair.servers).length, servers.length, 'every SERVER span has its CLIENT span')
  return pairs
}

/**
 * The status of the server span is that of the call. When the deadline passes, either side may notice first, and a server
 * that hears of it from its caller takes it for a cancellation.
 */
export function assertSameEnd(server: ReceivedSpan, client: ReceivedSpan): void {
  if (statusOf(client) === 'DEADLINE_EXCEEDED' && statusOf(server) === 'CANCELLED') return
  assert.equal(statusOf(server), statusOf(client))
}

export function statusOf(span: ReceivedSpan): string {
  return span.attributes['rpc.status_code']
}
