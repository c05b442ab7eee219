/** What exporters do must not be seen by the program, and what the program does must not break them. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { runAgent, startAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'
import { FakeService } from '../sampling/service'

const DELAY = { OTEL_BSP_SCHEDULE_DELAY: '100' }

describe('what asks other services', () => {
  const programs = { ...DELAY, OTEL_EXPORTER: 'none' }
  const replies = {
    jaeger_remote: () => ({ strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: 1 } }),
    xray: () => ({ SamplingRuleRecords: [] }),
  }
  for (const [sampler, answer] of Object.entries(replies)) {
    it(`asks for sampling by ${sampler} with the timers, the clock and the HTTP client that were there at the start`, async () => {
      const service = await FakeService.start()
      service.answer = answer
      const endpoint = `endpoint=http://127.0.0.1:${service.port}`
      const often = sampler === 'xray' ? 'polling_interval=1' : 'pollingIntervalMs=100'
      const env = { ...programs, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: `${endpoint},${often}` }
      const { code, stderr, stdout } = await runAgent('fixtures/export/replaces.cjs', { env, args: ['http', '1500'] })
      await service.stop()
      assert.deepEqual({ code, stderr, stdout }, { code: 0, stderr: '', stdout: 'done\n' })
      assert.ok(service.asked.length >= 2, `asked ${service.asked.length} times`)
    })
  }

  it('asks a cloud with the timers that were there at the start', async () => {
    const env = { ...DELAY, OTEL_NODE_RESOURCE_DETECTORS: 'gcp', TRACING_AGENT_RESOURCE_TIMEOUT: '300' }
    const result = await runAgent('fixtures/export/replaces.cjs', { env, args: ['http', '1500'] })
    assert.equal(result.stdout, 'done\n')
    assert.equal(result.code, 0)
    assert.equal(result.spans.length, 1)
  })
})

for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
  describe(`an exporter over ${protocol}`, () => {
    it('is not traced, and turns on no hooks of Node in a program that has no contexts', async () => {
      const env = { OTEL_BSP_SCHEDULE_DELAY: '50' }
      const { spans, stdout } = await runAgent('fixtures/export/client-only.cjs', { protocol, env })
      assert.equal(stdout, 'ok\n0\n')
      assert.deepEqual(
        spans.map(({ kind }) => kind),
        Array(5).fill('CLIENT'),
      )
    })

    it('works with the timers, the clock and the HTTP client that were there at the start', async () => {
      const collector = await startCollector({ grpc: protocol === 'grpc' })
      const options = { env: DELAY, args: [protocol], protocol, collector }
      const program = await startAgent('fixtures/export/replaces.cjs', options)
      await collector.take(1)
      assert.equal(program.stdout, '', 'it arrived before the program ended')
      const { stdout, stderr, code } = await program.finished
      await collector.close()
      assert.equal(stdout, 'done\n')
      assert.equal(stderr, '')
      assert.equal(code, 0)
    })

    for (const end of ['itself', 'process.exit']) {
      it(`loses nothing when the program ends by ${end} before the backend has answered`, async () => {
        const collector = await startCollector({ grpc: protocol === 'grpc' })
        collector.answerAlways({ delayMs: 100 })
        const env = { ...DELAY, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '100', OTEL_BSP_MAX_QUEUE_SIZE: '1000' }
        await runAgent('fixtures/export/busy.cjs', { env, protocol, collector, args: ['40', end] })
        const spans = await collector.take(400)
        await sleep(200)
        spans.push(...(await collector.takeAll()))
        await collector.close()
        assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, 400)
        assert.equal(spans.length, 400, 'none twice')
      })
    }

    it('leaves no listener, no warning and no span of its own behind', async () => {
      const { stdout, stderr, spans } = await runAgent('fixtures/export/busy.cjs', {
        env: DELAY,
        protocol,
        args: ['400'],
      })
      assert.equal(stderr, '')
      assert.equal(stdout, 'done\n')
      assert.equal(spans.length, 4000)
      assert.deepEqual([...new Set(spans.map(({ name }) => name))], ['work'])
    })
  })
}
