import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT_FOLDER, type RunResult, runAgent, runBare } from '../kit/agent'
import { type Collector, startCollector } from '../kit/collector'

const PROGRAM = 'fixtures/faults/small.cjs'
const INJECT = join(ROOT_FOLDER, 'test/fixtures/faults/inject.cjs')

describe('a fault of the agent while it starts or the program ends', () => {
  let collector: Collector
  const run = (env: Record<string, string>): Promise<RunResult> =>
    runAgent(PROGRAM, { how: 'none', nodeArgs: ['--require', INJECT], collector, coverage: false, env })

  before(async () => {
    collector = await startCollector()
  })
  after(async () => {
    await collector.takeAll()
    await collector.close()
  })

  it('changes nothing for the program and is told, wherever it happens', async function () {
    this.timeout(600_000)
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-faults-'))
    const file = join(folder, 'called.json')
    const bare = await runBare(PROGRAM, { coverage: false })
    const whole = await run({ FAULT_CALLED: file })
    assert.deepEqual([whole.stdout, whole.code, whole.stderr], [bare.stdout, bare.code, ''])
    const called = JSON.parse(readFileSync(file, 'utf8')) as [place: string, phase: string][]
    rmSync(folder, { recursive: true })
    assert.ok(called.some(([place]) => place.startsWith('src/export/lastword.')))
    assert.ok(called.some(([place]) => place.startsWith('src/config/load.')))
    const places = called.map(([place]) => place)
    assert.ok(places.includes('src/patch.Patches.uncaught'))
    const wrong: string[] = []
    const work = async (kind: string) => {
      for (const place of places) {
        const { code, stderr, stdout } = await run({ FAULT: place, FAULT_KIND: kind })
        const isSame = code === bare.code && stdout === bare.stdout
        if (!isSame || !/^(tracing-agent: [^\n]+\n)+$/.test(stderr)) {
          wrong.push(`${place} ${kind}: exit code ${code}, ${JSON.stringify(stdout)}, ${JSON.stringify(stderr)}`)
        }
      }
    }
    await Promise.all([work('error'), work('undefined')])
    await collector.takeAll()
    assert.deepEqual(wrong, [])
  })
})
