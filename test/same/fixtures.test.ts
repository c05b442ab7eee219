/** Every program of test/fixtures, bare and under the agent, with nothing to carry: none is left out without a reason. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { FIXTURES, type FixtureRun, fixtures, NOT_COMPARED, RUNS } from './fixture-runs'
import { runTwice, type TwiceOptions } from './twice'

/** As many cases of a program run at once. */
const AT_ONCE = 2

describe('fixtures under the agent', function () {
  this.timeout(120_000)

  it('are all there of which is said how they run', () => {
    const known = fixtures()
    for (const file of [...Object.keys(NOT_COMPARED), ...Object.keys(RUNS)]) assert.ok(known.includes(file), file)
    for (const [file, runs] of Object.entries(RUNS)) assert.ok(runs(file).length > 0, file)
  })

  for (const file of fixtures().filter(name => !(name in NOT_COMPARED))) {
    const runs = RUNS[file]?.(file) ?? [{}]
    it(`${file} is the same program${runs.length > 1 ? `, each of ${runs.length} times` : ''}`, async () => {
      const failed: string[] = []
      const left = [...runs]
      const work = async () => {
        for (let run = left.shift(); run !== undefined; run = left.shift()) {
          const { name = run.args?.join(' ') ?? '' } = run
          await runTwice(join(FIXTURES, file), optionsOf(file, run)).catch(error => {
            failed.push(`${name}: ${error.message}`)
          })
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work))
      assert.equal(failed.length, 0, failed.join('\n\n'))
    })
  }
})

function optionsOf(file: string, { name, ...run }: FixtureRun): TwiceOptions {
  const how = /\.m[jt]s$/.test(file) ? 'import' : 'require'
  return { how, ...run, env: { OTEL_LOG_LEVEL: 'none', ...run.env } }
}
