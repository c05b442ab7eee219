import assert from 'node:assert/strict'
import { type RunOptions, runAgent } from '../kit/agent'

const PROGRAM = 'fixtures/preload/programmatic.mjs'

describe('start, flush and stop in code', () => {
  for (const how of ['none', 'require', 'import'] as const) {
    const options: RunOptions = { how, coverage: false }

    it(`flush resolves when the spans are sent (agent by ${how})`, async () => {
      // After a SIGKILL nobody could have sent them.
      const { signal, spans, stderr, stdout } = await runAgent(PROGRAM, { ...options, args: ['kill'] })
      assert.equal(stderr, '')
      assert.equal(stdout, 'flushed\n')
      assert.equal(signal, 'SIGKILL')
      assert.deepEqual(
        spans.map(({ name }) => name),
        ['first'],
      )
    })
  }

  it('the options of the first start win over the environment, and a second start changes nothing', async () => {
    const { code, spans } = await runAgent(PROGRAM, { how: 'none', env: { OTEL_SERVICE_NAME: 'by-variable' } })
    assert.equal(code, 0)
    assert.deepEqual(
      spans.map(({ resource }) => resource['service.name']),
      ['in-code'],
    )
  })

  it('stop takes everything back, and the agent can be started again', async () => {
    const { code, spans, stderr, stdout } = await runAgent(PROGRAM, { how: 'none', args: ['stop'] })
    assert.equal(stderr, '')
    assert.equal(code, 0)
    assert.equal(stdout, 'flushed\nrestored true undefined\nhello\n')
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['first', 'after the second start'],
    )
  })

  it('flush gives up a backend that is away, and never rejects', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_BSP_EXPORT_TIMEOUT: '500',
      OTEL_LOG_LEVEL: 'none',
    }
    const { code, stdout, stderr } = await runAgent(PROGRAM, { how: 'none', env, coverage: false })
    assert.equal(stderr, '')
    assert.equal(code, 0)
    assert.equal(stdout, 'flushed\n')
  })
})
