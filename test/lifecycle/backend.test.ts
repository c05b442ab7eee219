import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { type RunOptions, runAgent, runBare } from '../kit/agent'
import { startCollector } from '../kit/collector'

const ENDS = 'fixtures/lifecycle/ends.cjs'
const MANY = 'fixtures/lifecycle/many.cjs'
/** The coverage tool would be part of the time. */
const ALONE: RunOptions = { coverage: false }
const NOWHERE = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }
/** What a start, and a thread at the end, may cost on a machine that is busy with other tests; less than the wait by default. */
const SLACK_MS = 4000

/** Frames of Node.js itself, in one of which the agent stands. */
const FRAMES = /^ +at .*(?:\(node:|\/build\/(?:src|agent)\/).*\n/gm

describe('the end of a program when its backend is away', () => {
  for (const way of [
    'normal end',
    'process.exit in a callback',
    'an uncaught exception',
    'a capture callback for exceptions that throws',
  ]) {
    it(`comes promptly and without a word where words are off: ${way}`, async () => {
      const args = [way]
      const bare = await runBare(ENDS, { ...ALONE, args })
      const env = { ...NOWHERE, OTEL_LOG_LEVEL: 'none' }
      const traced = await runAgent(ENDS, { ...ALONE, args, env })
      assert.equal(traced.stderr.replace(FRAMES, ''), bare.stderr.replace(FRAMES, ''))
      assert.equal(traced.stdout, bare.stdout)
      assert.equal(traced.code, bare.code)
      assert.ok(traced.durationMs < bare.durationMs + SLACK_MS, `${bare.durationMs} ms, then ${traced.durationMs} ms`)
    })
  }

  it('is told in one line with the reason and the number of lost spans', async () => {
    const { stderr } = await runAgent(MANY, { ...ALONE, args: ['3', '1'], env: NOWHERE })
    assert.match(
      stderr,
      /^tracing-agent: otlp: http:\/\/127\.0\.0\.1:9\/v1\/traces .*ECONNREFUSED.*; 3 spans lost.*\n$/,
    )
  })

  describe('and takes connections without answering', () => {
    let server: Server
    let env: Record<string, string>

    before(done => {
      server = createServer(socket => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number }
        env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` }
        done()
      })
    })
    after(() => server.close())

    it('is put off by TRACING_AGENT_EXIT_TIMEOUT and no longer', async () => {
      const { code, durationMs, stderr } = await runAgent(ENDS, {
        ...ALONE,
        args: ['process.exit in a callback'],
        env: { ...env, TRACING_AGENT_EXIT_TIMEOUT: '400' },
      })
      assert.equal(code, 3)
      assert.ok(durationMs > 400 && durationMs < 400 + SLACK_MS, `${durationMs} ms`)
      assert.match(stderr, /^tracing-agent: .*400 ms of TRACING_AGENT_EXIT_TIMEOUT.*1 span lost.*\n$/)
    })

    it('is put off by two seconds without it', async () => {
      const { durationMs } = await runAgent(ENDS, { ...ALONE, args: ['normal end'], env })
      assert.ok(durationMs > 2000 && durationMs < 2000 + SLACK_MS, `${durationMs} ms`)
    })

    it('is not put off at all by TRACING_AGENT_EXIT_TIMEOUT=0, and the loss is told', async () => {
      const { durationMs, stderr } = await runAgent(ENDS, {
        ...ALONE,
        args: ['normal end'],
        env: { ...env, TRACING_AGENT_EXIT_TIMEOUT: '0' },
      })
      assert.ok(durationMs < 2000, `${durationMs} ms`)
      assert.match(stderr, /^tracing-agent: .*TRACING_AGENT_EXIT_TIMEOUT.*1 span lost.*\n$/)
    })
  })
})

describe('the end of a program with much to send', () => {
  it('delivers every span of a full queue, each once, in messages that the backend takes', async () => {
    const { spans } = await runAgent(MANY, { ...ALONE, args: ['2000', '500'] })
    assert.equal(spans.length, 2000)
    assert.equal(new Set(spans.map(({ name }) => name)).size, 2000)
  })

  it('waits for the answer to what was on its way, sends it no second time, and tells when none came', async () => {
    const collector = await startCollector()
    collector.answerAlways({ hang: true })
    const env = { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5', TRACING_AGENT_EXIT_TIMEOUT: '400' }
    const { stderr } = await runAgent('fixtures/lifecycle/inflight.cjs', { ...ALONE, env, collector })
    assert.match(stderr, /^tracing-agent: otlp: .* not answered within the 400 ms of .*; 5 spans lost; .*\n$/)
    assert.equal(collector.requests.length, 1)
    await collector.close()
  })

  it('tells what the answer was to what was on its way', async () => {
    const collector = await startCollector()
    collector.answerAlways({ status: 400, delayMs: 500 })
    const env = { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5' }
    const { stderr } = await runAgent('fixtures/lifecycle/inflight.cjs', { ...ALONE, env, collector })
    assert.match(stderr, /^tracing-agent: otlp: .* answered 400 Bad Request; 5 spans lost; .*\n$/)
    assert.equal(collector.requests.length, 1)
    await collector.close()
  })

  it('sends again what was on its way when its connection breaks', async () => {
    const collector = await startCollector()
    collector.answer({ reset: true, delayMs: 500 })
    const env = { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5' }
    const { stderr } = await runAgent('fixtures/lifecycle/inflight.cjs', { ...ALONE, env, collector })
    assert.equal(stderr, '')
    const spans = await collector.take(5)
    assert.deepEqual(spans.map(({ name }) => name).sort(), ['span 0', 'span 1', 'span 2', 'span 3', 'span 4'])
    await collector.close()
  })

  it('delivers through each protocol', async () => {
    for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
      const { spans, stderr } = await runAgent(MANY, { ...ALONE, args: ['3', '1'], protocol })
      assert.equal(stderr, '')
      assert.equal(spans.length, 3, protocol)
    }
  })
})
