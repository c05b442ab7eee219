/** Runs the programs under fixtures/http that serve requests. */
import assert from 'node:assert/strict'
import type { AgentResult, ReceivedSpan, RunOptions } from '../kit/agent'
import { runAgent, runBare } from '../kit/agent'
import { TLS } from '../kit/peer'

/** Runs a case of a program with and without the agent: what it prints and how it ends is the same. */
export async function run(name: string, options: RunOptions = {}, program = 'server-cases.cjs'): Promise<AgentResult> {
  const file = `fixtures/http/${program}`
  const args = [name, TLS.keyFile, TLS.certFile]
  const [bare, traced] = await Promise.all([
    runBare(file, { ...options, env: {}, args }),
    runAgent(file, { ...options, args }),
  ])
  assert.equal(normal(traced.stdout), normal(bare.stdout))
  assert.deepEqual([traced.code, traced.signal], [bare.code, bare.signal])
  assert.doesNotMatch(traced.stderr, /tracing-agent: fault/)
  return traced
}

/** Ports differ from run to run. */
function normal(text: string): string {
  return text.replace(/\b\d{4,5}\b/g, 'N')
}

export function servers({ spans }: AgentResult, count?: number): ReceivedSpan[] {
  const found = spans.filter(({ kind }) => kind === 'SERVER')
  if (count !== undefined) assert.equal(found.length, count)
  return found
}

export function byPath(result: AgentResult): Record<string, ReceivedSpan> {
  return Object.fromEntries(servers(result).map(span => [span.attributes['url.path'], span]))
}

export function status({ attributes }: ReceivedSpan): unknown {
  return attributes['http.response.status_code']
}

export function assertFailed(span: ReceivedSpan, errorType: string, message = ''): void {
  assert.deepEqual(span.status, { code: 'ERROR', message })
  assert.equal(span.attributes['error.type'], errorType)
}
