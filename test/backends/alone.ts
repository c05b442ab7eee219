/** Runs the shop with an exporter that takes the place of OTLP; the file exporter beside it is the measure. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT_FOLDER, startAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'
import { decodeJson, type ReceivedSpan } from '../kit/otlp'

export async function runShopAlone(exporter: string, env: Record<string, string>): Promise<ReceivedSpan[]> {
  const folder = mkdtempSync(join(tmpdir(), 'traces-'))
  const path = join(folder, 'traces.jsonl')
  // The kit wants a collector; nothing is sent to it.
  const collector = await startCollector()
  try {
    const running = await startAgent('backends/programs/shop.cjs', {
      collector,
      cwd: ROOT_FOLDER,
      env: { OTEL_EXPORTER: `${exporter},file`, TRACING_AGENT_FILE: path, ...env },
    })
    const result = await running.finished
    assert.equal(result.code, 0, `${result.stderr}\n${result.command}`)
    assert.equal(result.stderr.includes('tracing-agent:'), false, result.stderr)
    return readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .flatMap(line => decodeJson(line))
  } finally {
    await collector.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
