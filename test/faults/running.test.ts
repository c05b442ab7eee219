import assert from 'node:assert/strict'
import { runAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'

interface Sweep {
  /** Functions of the agent that the work goes through. */
  places: string[]
  /** Times that an injected fault was met. */
  faulty: number
  wrong: { place: string; kind: string; problems: string[] }[]
}

describe('a fault of the agent while a program runs', () => {
  it('changes nothing for the program and is told, wherever it happens', async function () {
    this.timeout(120_000)
    const collector = await startCollector()
    const { stdout, stderr } = await runAgent('fixtures/faults/sweep.cjs', {
      how: 'none',
      nodeArgs: ['--require', require.resolve('../../../test/fixtures/faults/inject.cjs')],
      collector,
      coverage: false,
      timeoutMs: 110_000,
    })
    await collector.takeAll()
    await collector.close()
    const { places, faulty, wrong } = JSON.parse(stdout || stderr) as Sweep
    assert.deepEqual(wrong, [])
    // Each part of the agent has its places, which are found in its files.
    for (const part of [
      /^instrumentations\/http-client/,
      /^instrumentations\/http-server/,
      /^instrumentations\/undici/,
      /^instrumentations\/grpc/,
      /^instrumentations\/express/,
      /^src\/export\/batch/,
      /^src\/export\/pipe/,
      /^src\/export\/encodings/,
      /^src\/export\/transports/,
      /^src\/propagation/,
      /^src\/sampling/,
      /^src\/settings/,
      /^src\/trace\/tracer/,
    ]) {
      assert.ok(
        places.some(place => part.test(place)),
        `${part} in ${places.join()}`,
      )
    }
    assert.ok(faulty > places.length, `${faulty} faults in ${places.length} places`)
  })
})
