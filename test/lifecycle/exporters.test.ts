/** Whatever ends a program, and whichever exporter sends: each span arrives once, and the end is as it would have been. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunOptions, type RunResult, startAgent, startBare } from '../kit/agent'
import { SINKS, type Sink } from './sinks'

const PROGRAM = 'fixtures/lifecycle/ends.cjs'
/**
 * Nothing is sent before the end. It is put off as long as it takes: how long that may be at most is the subject of other
 * tests, and a machine may be busy.
 */
const ENV = { OTEL_BSP_SCHEDULE_DELAY: '60000', TRACING_AGENT_EXIT_TIMEOUT: '15000' }
const OPTIONS: RunOptions = { coverage: false, how: 'node-options', timeoutMs: 30_000 }

interface End {
  readonly way: string
  /** Sent when the program is ready. */
  readonly signal?: NodeJS.Signals
  /** Spans; 1 if left out. */
  readonly spans?: number
}

const ENDS: Record<string, End> = {
  'the normal end': { way: 'normal end' },
  'process.exit at once after a response': { way: 'process.exit at once after a response', spans: 2 },
  'an uncaught exception': { way: 'an uncaught exception' },
  'a listener for uncaught exceptions that throws': { way: 'a listener for uncaught exceptions that throws' },
  'an unhandled rejection': { way: 'an unhandled rejection' },
  SIGTERM: { way: 'no listener', signal: 'SIGTERM' },
  SIGINT: { way: 'no listener', signal: 'SIGINT' },
  SIGHUP: { way: 'no listener', signal: 'SIGHUP' },
  'the end of a worker thread': { way: 'the end of a worker thread' },
  'the disconnection of a cluster worker': { way: 'a cluster worker that disconnects' },
  'execFileSync, which kills its child': { way: 'a child with our streams that execFileSync kills' },
}

for (const [name, { way, signal, spans: count = 1 }] of Object.entries(ENDS)) {
  describe(`a program that is ended by ${name}`, () => {
    let bare: RunResult

    before(async () => {
      const running = startBare(PROGRAM, { ...OPTIONS, args: [way] })
      bare = await end(running, signal)
    })

    for (const [exporter, start] of Object.entries(SINKS) as [string, () => Promise<Sink>][]) {
      it(`loses and repeats no span: ${exporter}`, async () => {
        const sink = await start()
        try {
          const running = await startAgent(PROGRAM, { ...OPTIONS, args: [way], env: { ...sink.env, ...ENV } })
          const traced = await end(running, signal)
          let ids = await sink.ids(traced)
          // Datagrams are read a turn later.
          for (let i = 0; i < 100 && ids.length < count; i++) {
            await sleep(10)
            ids = await sink.ids(traced)
          }
          assert.deepEqual(ending(sink.own?.(traced) ?? traced), ending(bare))
          assert.equal(ids.length, count)
          assert.equal(new Set(ids).size, count)
        } finally {
          await sink.close()
        }
      })
    }
  })
}

async function end(running: ReturnType<typeof startBare>, signal: NodeJS.Signals | undefined): Promise<RunResult> {
  if (signal !== undefined) {
    await running.output('ready')
    running.kill(signal)
  }
  return running.finished
}

/** Frames of Node.js itself, in one of which the agent stands. */
const FRAMES = /^ +at .*(?:\(node:|at node:|\/build\/(?:agent|src|instrumentations)\/).*\n/gm

function ending({ code, signal, stdout, stderr }: RunResult) {
  return { code, signal, stdout, stderr: stderr.replace(FRAMES, '') }
}
