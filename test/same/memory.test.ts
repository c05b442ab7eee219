/** What a program holds after N requests and after two, three, four times as many: the agent adds a constant, and keeps nothing of a request. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ROOT_FOLDER, type RunOptions, type RunResult, runAgent, runBare } from '../kit/agent'
import { TLS } from '../kit/peer'
import { runTwice } from './twice'

const PROGRAMS = join(ROOT_FOLDER, 'test/same/programs')

const REQUESTS = 1500
const MEGABYTE = 1024 * 1024
/** Code, tables and the queue: what the agent adds to the heap, and outside of it, in megabytes. */
const HEAP_BOUND = 5
const EXTERNAL_BOUND = 3
/** Pages that Node took from the system while more was allocated: it keeps them. */
const RSS_BOUND = 64
/** In bytes for each request, against the same program without the agent: a kept span or request would be more, chance makes half of it. */
const GROWTH_BOUND = 500
const RSS_GROWTH_BOUND = 24

interface Held {
  heap: number
  external: number
  rss: number
}

const OPTIONS: RunOptions = {
  coverage: false,
  nodeArgs: ['--expose-gc'],
  timeoutMs: 60_000,
  env: {
    CERT: TLS.certFile,
    KEY: TLS.keyFile,
    PROTO: join(ROOT_FOLDER, 'test/scenarios/programs/grpc-tester.proto'),
    OTEL_BSP_SCHEDULE_DELAY: '100',
  },
}

function rounds({ stdout, stderr, code }: RunResult): Held[] {
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

describe('memory under the agent', function () {
  this.timeout(120_000)

  for (const kind of ['keep-alive', 'connections', 'https', 'aborts', 'fetch', 'express', 'grpc']) {
    it(`is that of the bare program and a constant, however many requests: ${kind}`, async () => {
      const options = { ...OPTIONS, args: [kind, String(REQUESTS)] }
      const bare = rounds(await runBare(join(PROGRAMS, 'memory.cjs'), options))
      const { spans, ...result } = await runAgent(join(PROGRAMS, 'memory.cjs'), options)
      const traced = rounds(result)
      assert.ok(spans.length >= REQUESTS * 4, `${spans.length} spans`)
      const added = (round: number, key: keyof Held) => traced[round]![key] - bare[round]![key]
      const told = `bare ${JSON.stringify(bare)}, traced ${JSON.stringify(traced)}`
      for (const round of [0, 1, 2, 3]) {
        assert.ok(added(round, 'heap') < HEAP_BOUND * MEGABYTE, told)
        assert.ok(added(round, 'external') < EXTERNAL_BOUND * MEGABYTE, told)
        assert.ok(added(round, 'rss') < RSS_BOUND * MEGABYTE, told)
      }
      // The first round compiles and fills caches; until the third the young generation grows to its size.
      assert.ok((added(3, 'heap') - added(2, 'heap')) / REQUESTS < GROWTH_BOUND, told)
      assert.ok(added(3, 'rss') - added(2, 'rss') < RSS_GROWTH_BOUND * MEGABYTE, told)
    })
  }

  it('of a request that is over is freed while its connection is kept', async () => {
    const { bare, spans } = await runTwice(join(PROGRAMS, 'collected.cjs'), { ...OPTIONS, probe: false })
    // From Node 22 on https itself holds the last request of a session.
    assert.match(bare.stdout.join('\n'), /^http 1 open, held: nothing\nhttps 1 open/)
    assert.equal(spans.length, 4)
  })
})
