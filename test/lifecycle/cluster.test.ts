/** A cluster loses nothing and ends as it would have, whatever ends its workers and whichever exporter sends. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunOptions, type RunResult, runAgent, runBare } from '../kit/agent'
import { SINKS } from './sinks'

const PROGRAM = 'fixtures/lifecycle/cluster.cjs'
const ALONE: RunOptions = { coverage: false, env: { OTEL_BSP_SCHEDULE_DELAY: '60000' }, how: 'node-options' }

/** How the workers end, and the number of requests that were served until then. */
const WAYS = {
  'workers disconnect': 4,
  'workers exit': 4,
  'the primary kills the workers': 4,
  'the primary kills the processes of the workers': 4,
  'cluster.disconnect': 4,
  'a worker crashes and is forked again': 7,
}

/** One of each transport; the others are in exporters.test.ts. */
const TRANSPORTS = [
  'OTLP over HTTP',
  'OTLP over gRPC',
  'Zipkin over HTTP',
  'Jaeger over UDP',
  'X-Ray over UDP',
  'a file',
] as const

describe('a cluster', () => {
  for (const [way, requests] of Object.entries(WAYS)) {
    describe(`of which ${way}`, () => {
      let bare: RunResult

      before(async () => {
        bare = await runBare(PROGRAM, { ...ALONE, args: [way] })
      })

      for (const name of TRANSPORTS) {
        it(`ends as it would have, and each span arrives once: ${name}`, async () => {
          const sink = await SINKS[name]()
          const env = { ...ALONE.env, ...sink.env }
          const traced = await runAgent(PROGRAM, { ...ALONE, env, args: [way] })
          let ids = await sink.ids(traced)
          // Datagrams are read a turn later.
          for (let i = 0; i < 100 && ids.length < requests; i++) {
            await sleep(10)
            ids = await sink.ids(traced)
          }
          await sink.close()
          assert.deepEqual(ending(traced), ending(bare))
          assert.equal(ids.length, requests)
          assert.equal(new Set(ids).size, requests)
        })
      }
    })
  }
})

/** Frames of Node.js itself, in one of which the agent stands. */
const FRAMES = /^ +at .*(?:\(node:|\/build\/(?:agent|instrumentations)\/).*\n/gm

function ending({ code, signal, stdout, stderr }: RunResult) {
  return { code, signal, stdout, stderr: stderr.replace(FRAMES, '') }
}
