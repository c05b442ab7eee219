import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT_FOLDER, type RunResult, runAgent, runBare } from '../kit/agent'
import { type Collector, startCollector } from '../kit/collector'

const PROGRAM = 'fixtures/faults/small.cjs'
const EVERYWHERE = join(ROOT_FOLDER, 'test/fixtures/faults/everywhere.cjs')

describe('a fault of the agent while it starts or the program ends', () => {
  let collector: Collector
  const run = (env: Record<string, string>): Promise<RunResult> =>
    runAgent(PROGRAM, { how: 'none', nodeArgs: ['--require', EVERYWHERE], collector, coverage: false, env })

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
    const places = JSON.parse(readFileSync(file, 'utf8')) as string[]
    rmSync(folder, { recursive: true })
    for (const part of [
      /^src\/export\/lastword:/,
      /^src\/config\/load:/,
      /^src\/patch:uncaught:/,
      /^src\/exitemission:/,
    ]) {
      assert.ok(
        places.some(place => part.test(place)),
        `${part} in ${places.join()}`,
      )
    }
    assert.ok(places.length > 400, `${places.length} places`)
    const wrong: string[] = []
    const waiting = places.flatMap(place => ['error', 'undefined'].map(kind => ({ place, kind })))
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { place, kind } = next
        const { code, stderr, stdout } = await run({ FAULT: place, FAULT_KIND: kind })
        const isSame = code === bare.code && stdout === bare.stdout
        if (!isSame || !/^(tracing-agent: [^\n]+\n)+$/.test(stderr)) {
          wrong.push(`${place} ${kind}: exit code ${code}, ${JSON.stringify(stdout)}, ${JSON.stringify(stderr)}`)
        }
      }
    }
    await Promise.all([work(), work(), work()])
    await collector.takeAll()
    assert.deepEqual(wrong, [])
  })
})
