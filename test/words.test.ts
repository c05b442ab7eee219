/** What a user reads on stderr, at each level. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createLog, LOG_LEVELS, type LogLevel } from '../src/log'
import { runAgent } from './kit/agent'

const PROGRAM = 'fixtures/one-call.cjs'

function lines(level: LogLevel): { log: ReturnType<typeof createLog>; said: string[] } {
  const said: string[] = []
  return { log: createLog(level, line => said.push(line)), said }
}

describe('the log', () => {
  it('says at each level what is as loud or louder', () => {
    const counts = LOG_LEVELS.map(level => {
      const { log, said } = lines(level)
      log.error('e')
      log.warn('w')
      log.info('i')
      log.debug('d')
      return said.length
    })
    assert.deepEqual(counts, [0, 1, 2, 3, 4])
  })

  it('says each thing once', () => {
    const { log, said } = lines('warn')
    for (let i = 0; i < 3; i++) {
      log.warn('the same')
      log.warn(`answered ${i}`, 'answered')
    }
    assert.deepEqual(said, ['tracing-agent: the same\n', 'tracing-agent: answered 0\n'])
  })

  it('stops before messages that always differ fill the terminal', () => {
    const { log, said } = lines('warn')
    for (let i = 0; i < 5000; i++) log.warn(`number ${i}`)
    assert.equal(said.length, 1000)
  })

  it('makes one line of each message, without control characters, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const { log, said } = lines('debug')
        log.debug(text)
        assert.match(said[0]!, /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*\n$/)
      }),
    )
  })
})

describe('an agent that is well', () => {
  it('says nothing by default', async () => {
    const { stderr, spans, stdout } = await runAgent(PROGRAM)
    assert.equal(stderr, '')
    assert.equal(stdout, '200\n')
    assert.equal(spans.length, 2)
  })

  it('says at info what it uses when the first span starts, and at the end what it sent', async () => {
    const { stderr, spans } = await runAgent(PROGRAM, { env: { OTEL_LOG_LEVEL: 'info' } })
    assert.equal(spans.length, 2)
    const [first, last, ...more] = stderr.split('\n')
    assert.match(
      first!,
      /^tracing-agent: traces fixture: otlp to http:\/\/127\.0\.0\.1:\d+\/v1\/traces; sampler ParentBased\{root=AlwaysOnSampler\}; propagators tracecontext, baggage$/,
    )
    assert.match(last!, /^tracing-agent: otlp: of 2 finished spans 2 sent to http:\/\/[^ ]+, none lost$/)
    assert.deepEqual(more, [''])
  })

  it('says at debug what it patched and what it skipped, and why', async () => {
    const env = { OTEL_LOG_LEVEL: 'debug', OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'grpc,express' }
    const { stderr } = await runAgent(PROGRAM, { env })
    assert.match(stderr, /^tracing-agent: patched http$/m)
    assert.deepEqual(
      stderr.split('\n').filter(line => line.includes('skipped')),
      ['grpc', 'express'].map(name => `tracing-agent: skipped ${name}: OTEL_NODE_DISABLED_INSTRUMENTATIONS says so`),
    )
  })
})

describe('an agent with a problem', () => {
  const broken = { OTEL_BSP_SCHEDULE_DELAY: 'soon', OTEL_TRACES_SAMPLR: 'x' }

  it('says it by default, a line for each, and traces with what is left', async () => {
    const { stderr, spans } = await runAgent(PROGRAM, { env: broken })
    assert.deepEqual(stderr.split('\n'), [
      'tracing-agent: OTEL_BSP_SCHEDULE_DELAY="soon": expected milliseconds, a whole number from 0 to 2147483647; using 5000',
      'tracing-agent: OTEL_TRACES_SAMPLR is not known and changes nothing; did you mean OTEL_TRACES_SAMPLER?',
      '',
    ])
    assert.equal(spans.length, 2)
  })

  it('keeps silent at none, and about problems at error', async () => {
    for (const OTEL_LOG_LEVEL of ['none', 'NONE', 'error']) {
      const { stderr } = await runAgent(PROGRAM, { env: { ...broken, OTEL_LOG_LEVEL } })
      assert.equal(stderr, '')
    }
  })

  it('says where nothing arrives, once, and at info how much was lost', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_LOG_LEVEL: 'info' }
    const { stderr, stdout } = await runAgent(PROGRAM, { env })
    assert.equal(stdout, '200\n')
    const said = stderr.trim().split('\n')
    assert.equal(said.length, 3, stderr)
    assert.match(said[1]!, /OTEL_EXPORTER_OTLP_ENDPOINT/)
    assert.match(
      said[2]!,
      /of 2 finished spans 0 sent to http:\/\/127\.0\.0\.1:9\/v1\/traces, 2 lost \(2 .*ECONNREFUSED/,
    )
  })
})

describe('a disabled agent', () => {
  it('makes no spans and passes the headers of the caller on', async () => {
    const { stderr, spans } = await runAgent(PROGRAM, { env: { OTEL_SDK_DISABLED: 'true', OTEL_LOG_LEVEL: 'info' } })
    assert.equal(spans.length, 0)
    assert.equal(stderr, 'tracing-agent: OTEL_SDK_DISABLED=true: no spans are made, headers are passed on\n')
  })
})

describe('a variable with a mistake', () => {
  it('is said once, however many threads the program has', async () => {
    const { stderr, stdout } = await runAgent('fixtures/three-threads.cjs', {
      env: { OTEL_TRACES_SAMPLER: 'always_onn', OTEL_BSP_SCHEDULE_DELAY: 'soon' },
    })
    assert.equal(stdout, 'ended\n')
    assert.equal(stderr.match(/OTEL_TRACES_SAMPLER/g)?.length, 1, stderr)
    assert.equal(stderr.match(/OTEL_BSP_SCHEDULE_DELAY/g)?.length, 1, stderr)
  })
})
