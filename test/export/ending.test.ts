/** A program that has finished ends, whatever its backend does. */
import assert from 'node:assert/strict'
import { runAgent } from '../kit/agent'
import { type Collector, startCollector } from '../kit/collector'
import { SilentPort } from '../kit/silent'

const program = 'fixtures/export/ends.cjs'
/** Far more than the 100 ms that are allowed, for a machine that is busy; far less than what a backend makes one wait. */
const LONG_MS = 3000

for (const protocol of ['http/protobuf', 'grpc'] as const) {
  const env = {
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    TRACING_AGENT_EXIT_TIMEOUT: '100',
  }

  describe(`the end of a program that sends over ${protocol}`, () => {
    it('does not wait for a backend that does not answer', async () => {
      const collector: Collector = await startCollector({ grpc: protocol === 'grpc' })
      collector.answerAlways({ hang: true })
      const { stdout, stderr, code } = await runAgent(program, { collector, env, protocol })
      await collector.takeAll()
      await collector.close()
      assert.equal(code, 0)
      assert.ok(Number(stdout) < LONG_MS, stdout)
      assert.match(stderr, /not answered within the 100 ms of TRACING_AGENT_EXIT_TIMEOUT; 1 span lost/)
    })

    it('does not wait for a connection that is neither made nor refused', async function () {
      const silent = await SilentPort.open()
      try {
        if (!(await silent.isSilent())) return void this.skip()
        const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${silent.port}` }
        const { stdout, stderr, durationMs } = await runAgent(program, { env: { ...env, ...endpoint } })
        assert.ok(Number(stdout) < LONG_MS, stdout)
        assert.ok(durationMs < 20_000)
        assert.match(stderr, /1 span lost/)
      } finally {
        silent.close()
      }
    })

    it('gives up the connection that is not made, and not the message that another backend has already', async function () {
      const collector = await startCollector({ grpc: protocol === 'grpc' })
      collector.answerAlways({ delayMs: 1000 })
      const silent = await SilentPort.open()
      try {
        if (!(await silent.isSilent())) return void this.skip()
        const exporters = {
          OTEL_TRACES_EXPORTER: 'otlp,zipkin',
          OTEL_EXPORTER_ZIPKIN_ENDPOINT: `http://127.0.0.1:${silent.port}/api/v2/spans`,
          TRACING_AGENT_EXIT_TIMEOUT: '2000',
        }
        const { stdout, stderr } = await runAgent(program, { collector, env: { ...env, ...exporters }, protocol })
        assert.ok(Number(stdout) < LONG_MS, stdout)
        assert.match(stderr, /zipkin: .*1 span lost/)
        assert.equal((await collector.takeAll()).length, 1)
        assert.equal(collector.requests.length, 1)
      } finally {
        silent.close()
        await collector.close()
      }
    })

    it('does not wait for a backend that is not there', async () => {
      const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', TRACING_AGENT_EXIT_TIMEOUT: '5000' }
      const { stdout, stderr } = await runAgent(program, { env: { ...env, ...endpoint } })
      assert.ok(Number(stdout) < LONG_MS, stdout)
      assert.match(stderr, /connect ECONNREFUSED 127\.0\.0\.1:1; 1 span lost/)
    })
  })
}

describe('the end of a program whose sampling service cannot be reached', () => {
  for (const sampler of ['jaeger_remote', 'xray']) {
    it(`does not wait for it: ${sampler}`, async function () {
      const silent = await SilentPort.open()
      try {
        if (!(await silent.isSilent())) return void this.skip()
        const { stdout, stderr, durationMs } = await runAgent(program, {
          env: {
            OTEL_TRACES_SAMPLER: sampler,
            OTEL_TRACES_SAMPLER_ARG: `endpoint=http://127.0.0.1:${silent.port}`,
          },
        })
        assert.ok(Number(stdout) < LONG_MS, stdout)
        assert.ok(durationMs < LONG_MS, `${durationMs} ms`)
        assert.match(stderr, /did not answer before the program ended/)
      } finally {
        silent.close()
      }
    })
  }
})
