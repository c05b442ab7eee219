/** What exporters do must not be seen by the program, and what the program does must not break them. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { runAgent, startAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'

const DELAY = { OTEL_BSP_SCHEDULE_DELAY: '100' }

for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
  describe(`an exporter over ${protocol}`, () => {
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
