import assert from 'node:assert/strict'
import { type RunOptions, runAgent, runBare, startAgent, startBare } from '../kit/agent'

const PROGRAM = 'fixtures/lifecycle/ends.cjs'
/** The coverage tool listens for signals and ends: these programs run without it. */
const ALONE: RunOptions = { coverage: false, env: { OTEL_BSP_SCHEDULE_DELAY: '60000' } }

/** Ways to end by itself. */
const WAYS = [
  'normal end',
  'normal end with an exit code',
  'a span that ends in an exit listener',
  'beforeExit that goes on once',
  'process.exit in a callback',
  'process.exit in an exit listener',
  'process.exit in beforeExit',
  'process.reallyExit',
  'an exit listener that throws',
  'an uncaught exception',
  'an uncaught exception that is handled',
  'something thrown that is no error',
  'a capture callback for exceptions',
  'a listener for uncaught exceptions that throws',
  'a monitor of uncaught exceptions that throws',
  'a capture callback for exceptions that throws',
  'a listener for uncaught exceptions that throws, in a worker thread',
  'an unhandled rejection',
  'a rejection that is only warned of',
  'an exit code that is set in an exit listener',
  'a program that ends itself with a signal',
  'a program that replaces process.emit',
  'a program that replaces process.emit and puts it back',
  'a program that emits exit by hand and goes on',
  'the package signal-exit',
  'the package signal-exit and a signal',
  'a program that has nothing else to do and sends itself a signal',
  'a drain that sends the signal again when it is done',
  'the end of a worker thread',
  'process.exit in a worker thread',
  'an uncaught exception in a worker thread',
  'a worker thread that goes on when the process exits',
  'a worker thread within a worker thread when the process exits',
  'a worker thread that computes when the process exits',
  'a cluster worker that disconnects',
  'a cluster worker that is killed',
  'a child that execFileSync kills',
]

describe('a program that ends by itself', () => {
  for (const way of WAYS) {
    it(`delivers its spans and ends as it would have: ${way}`, async () => {
      const options = { ...ALONE, args: [way], how: 'node-options' as const }
      const bare = await runBare(PROGRAM, options)
      const traced = await runAgent(PROGRAM, options)
      assert.deepEqual(ending(traced), ending(bare))
      assert.deepEqual(names(traced.spans), ['work'])
    })
  }
})

describe('a listener for uncaught exceptions that throws', () => {
  it('leaves of the request that failed a span with the exception', async () => {
    const options = { ...ALONE, args: ['a listener for uncaught exceptions that throws after one of a server'] }
    const bare = await runBare(PROGRAM, options)
    const traced = await runAgent(PROGRAM, options)
    assert.deepEqual(ending(traced), ending(bare))
    assert.equal(traced.code, 7)
    assert.deepEqual(names(traced.spans).sort(), ['GET', 'GET', 'work'])
    const served = traced.spans.find(({ kind }) => kind === 'SERVER')!
    assert.deepEqual(
      served.events.map(({ attributes }) => attributes['exception.message']),
      ['in the handler'],
    )
  })

  it('puts one frame of the agent into stacks, below its own', async () => {
    const options = { ...ALONE, args: ['a listener for uncaught exceptions that throws after one of a server'] }
    const { stderr } = await runAgent(PROGRAM, options)
    const [first, ...frames] = stderr.match(/^ +at .*$/gm)!
    assert.match(first!, /ends\.cjs/)
    const ofHook = frames.filter(frame => frame.includes('_fatalException'))
    assert.deepEqual(
      ofHook.map(frame => frame.includes('(node:')),
      [true, false],
      stderr,
    )
  })
})

/** Ways to start a program, with what Node.js is given. */
const STARTS: Record<string, { nodeArgs: string[]; file?: string; input?: string; env?: Record<string, string> }> = {
  'a top-level await that never resolves': { nodeArgs: [], file: 'waits.mjs' },
  'an ES module whose listener for uncaught exceptions throws': { nodeArgs: [], file: 'throws.mjs' },
  'node -e': { nodeArgs: ['-e', 'WORK; console.log(1)'] },
  'node -p': { nodeArgs: ['-p', 'WORK; [1, 2]'] },
  'node -e as an ES module': {
    nodeArgs: [
      '--input-type=module',
      '-e',
      'import { createRequire } from "node:module"; const require = createRequire(import.meta.url); WORK; console.log(await 1)',
    ],
  },
  'the REPL': { nodeArgs: ['-i'], input: 'WORK\n1 + 1\nprocess.exitCode = 4\n.exit\n' },
  'standard input': { nodeArgs: ['-'], input: 'WORK; console.log(1)' },
  '--unhandled-rejections=warn': {
    nodeArgs: ['--unhandled-rejections=warn', '-e', 'WORK; Promise.reject(new Error("no"))'],
  },
  '--unhandled-rejections=strict': {
    nodeArgs: ['--unhandled-rejections=strict', '-e', 'WORK; Promise.reject(new Error("no"))'],
  },
  'a closed standard output': { nodeArgs: ['-e', 'WORK; require("fs").closeSync(1); console.log(1)'] },
  'an inspector': { nodeArgs: ['--inspect=127.0.0.1:0', '-e', 'WORK; console.log(1)'] },
}
const WORK = 'require("@opentelemetry/api").trace.getTracer("t").startSpan("work").end()'

describe('a program that is started in another way', () => {
  for (const [name, { nodeArgs, file, input }] of Object.entries(STARTS)) {
    it(`delivers its spans and ends as it would have: ${name}`, async () => {
      // Whatever stands in the place of a program's file is an argument to the others.
      const program = file === undefined ? '' : `fixtures/lifecycle/${file}`
      const options = {
        ...ALONE,
        nodeArgs: nodeArgs.map(word => word.replace('WORK', WORK)),
        input: input?.replace('WORK', WORK),
        how: 'node-options' as const,
      }
      const bare = await runBare(program, options)
      const traced = await runAgent(program, options)
      assert.deepEqual(ending(traced), ending(bare))
      assert.deepEqual(names(traced.spans), ['work'])
    })
  }
})

describe('a program that gets a signal', () => {
  const cases: { way: string; signal: NodeJS.Signals; spans: string[] }[] = [
    { way: 'no listener', signal: 'SIGTERM', spans: ['work'] },
    { way: 'no listener', signal: 'SIGINT', spans: ['work'] },
    { way: 'no listener', signal: 'SIGHUP', spans: ['work'] },
    { way: 'no listener, and the span in a worker thread', signal: 'SIGTERM', spans: ['work'] },
    { way: 'a listener that exits', signal: 'SIGTERM', spans: ['work'] },
    { way: 'a slow drain', signal: 'SIGTERM', spans: ['before', 'drained'] },
    { way: 'a listener that ignores', signal: 'SIGTERM', spans: ['work'] },
    { way: 'a listener that was removed', signal: 'SIGTERM', spans: ['work'] },
    { way: 'a listener that is added and removed later', signal: 'SIGTERM', spans: ['work'] },
  ]
  for (const { way, signal, spans } of cases) {
    it(`delivers its spans and ends as it would have: ${way}, ${signal}`, async () => {
      const options = { ...ALONE, args: [way] }
      const bare = startBare(PROGRAM, options)
      await bare.output('ready')
      bare.kill(signal)
      const traced = await startAgent(PROGRAM, options)
      await traced.output('ready')
      traced.kill(signal)
      const result = await traced.finished
      assert.deepEqual(ending(result), ending(await bare.finished))
      assert.deepEqual(names(result.spans), spans)
    })
  }

  it('hears a second signal while its drain goes on', async () => {
    const traced = await startAgent(PROGRAM, { ...ALONE, args: ['a slow drain'] })
    await traced.output('ready')
    traced.kill('SIGTERM')
    await traced.output('draining')
    traced.kill('SIGTERM')
    const { signal, spans, stdout } = await traced.finished
    // The listener was there once: the second signal has its default action.
    assert.equal(signal, 'SIGTERM')
    assert.equal(stdout, 'ready\ndraining\n')
    assert.deepEqual(names(spans), ['before'])
  })

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    it(`dies of ${signal} in an endless loop when nothing waits to be sent`, async () => {
      const env = { OTEL_BSP_SCHEDULE_DELAY: '10' }
      const traced = await startAgent(PROGRAM, {
        ...ALONE,
        env,
        args: ['an endless loop when nothing waits'],
        timeoutMs: 5000,
      })
      await traced.output('ready')
      traced.kill(signal)
      const result = await traced.finished
      assert.equal(result.signal, signal)
      assert.deepEqual(names(result.spans), ['work'])
    })
  }
})

/**
 * Frames of Node.js itself are left out: AsyncLocalStorage adds one, and how `emit` calls listeners depends on their number.
 */
function ending({ code, signal, stdout, stderr }: Awaited<ReturnType<typeof runBare>>) {
  const words = stderr
    .replace(/^ +at (?:.*\((?:node:|.*\/build\/(?:src|agent)\/).*\)|node:.*)\n/gm, '')
    .replace(/\(node:\d+\)/g, '(node)')
    .replace(/ws:\S+/g, 'ws:')
  return { code, signal, stdout, stderr: words }
}

function names(spans: readonly { name: string; startMicros: number }[]): string[] {
  return spans.map(({ name }) => name)
}
