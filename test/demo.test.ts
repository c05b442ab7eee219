/** What a newcomer runs first. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ROOT_FOLDER, runBare, startBare } from './kit/agent'

const DEMO = join(ROOT_FOLDER, 'examples/demo.mjs')

describe('the demo', () => {
  it('prints three whole traces, one of them failed, and ends by itself', async () => {
    // What configures agents elsewhere does not change it.
    const env = { OTEL_TRACES_SAMPLER: 'always_off', OTEL_EXPORTER: 'none', PATH: process.env['PATH'] }
    const { stdout, stderr, code, durationMs } = await runBare(DEMO, { env, coverage: false })
    assert.deepEqual([code, stderr], [0, ''])
    assert.equal(stdout.match(/^trace [0-9a-f]{32} · 12 spans/gm)?.length, 3, stdout)
    assert.equal(stdout.match(/ · 6 errors$/gm)?.length, 1, stdout)
    assert.match(stdout, /^GET \/shop\/:item +SERVER +gateway .* 200 /m)
    assert.match(stdout, /demo\.Store\/Find +SERVER +store .* OK$/m)
    assert.match(stdout, /✗ +CLIENT +web .* NOT_FOUND no unicorn here/)
    assert.match(stdout, /Next, with a program of yours:/)
    assert.ok(durationMs < 15_000, `${durationMs} ms`)
  })

  it('leaves no service behind when it is interrupted', async () => {
    const demo = startBare(DEMO, { coverage: false })
    await demo.output('examples/gateway.cjs')
    demo.kill('SIGINT')
    // Standard output is closed when the last process that holds it has ended.
    const { code } = await demo.finished
    assert.equal(code, 1)
  })
})
