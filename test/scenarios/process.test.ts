import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT_FOLDER, runAgent, runBare } from '../kit/agent'
import { type Peer, startPeer } from '../kit/peer'
import { onlyClients, scenario, servers } from './scenario'

// nyc listens for signals and for the end of a process: it stays out of these.
const options = { coverage: false }
const program = (id: string) => join(ROOT_FOLDER, `test/scenarios/programs/${id}.cjs`)

describe('scenarios of a process', () => {
  let peer: Peer
  before(async () => {
    peer = await startPeer()
  })
  after(() => peer.close())

  scenario({
    id: 'P02',
    claim: 'the program handles SIGTERM itself: once, and it exits as it wishes',
    options,
    signal: 'SIGTERM',
    check: ({ spans, run }) => {
      assert.match(run.stdout, /handler SIGTERM 1 /)
      assert.equal(run.code, 7)
      onlyClients(spans, 1)
    },
  })

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    scenario({
      id: 'P03',
      claim: `a program without a handler dies of ${signal}, and its span arrives`,
      options,
      signal,
      check: ({ spans, run }) => {
        assert.deepEqual([run.code, run.signal], [null, signal])
        onlyClients(spans, 1)
      },
    })
  }

  scenario({
    id: 'P05',
    claim: 'an uncaught exception ends the program with 1, and its span arrives',
    options,
    check: ({ spans, run }) => {
      assert.equal(run.code, 1)
      onlyClients(spans, 1)
    },
  })

  it('P06: a backend that is away does not hold a program back, nor does one that never answers', async () => {
    const common = { coverage: false, args: [peer.url] }
    const bare = await runBare(program('P06'), common)
    for (const endpoint of [`http://127.0.0.1:${peer.closedPort}`, `${peer.url}/never`]) {
      const env = { OTEL_LOG_LEVEL: 'none', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint }
      const traced = await runAgent(program('P06'), { ...common, env })
      assert.deepEqual([traced.stdout, traced.stderr, traced.code], [bare.stdout, '', 0])
      const extraMs = traced.durationMs - bare.durationMs
      // The default of TRACING_AGENT_EXIT_TIMEOUT bounds the second; a closed port is known at once.
      const allowedMs = endpoint.endsWith('/never') ? 2500 : 1500
      assert.ok(extraMs <= allowedMs, `${endpoint}: ${extraMs} ms slower`)
    }
  })

  scenario({
    id: 'P08',
    claim: 'two workers of a cluster deliver four spans',
    options,
    drive: async url => {
      const replies = []
      for (let i = 0; i < 4; i++) replies.push(await (await fetch(`${url}/${i}`)).text())
      await sleep(50)
      return replies
    },
    check: ({ spans }) => void servers(spans, 4),
  })

  scenario({
    id: 'P09',
    claim: 'a request made inside a worker thread arrives',
    options,
    check: ({ spans }) => void onlyClients(spans, 1),
  })

  scenario({
    id: 'P11',
    claim: 'exit, process.exitCode and beforeExit keep their values and their order',
    options,
    check: ({ spans }) => void onlyClients(spans, 1),
  })

  it('P12: the agent keeps no finished program alive and shows no resource of its own', async () => {
    const common = { coverage: false, args: [peer.url] }
    const bare = await runBare(program('P12'), common)
    const traced = await runAgent(program('P12'), { ...common, env: { OTEL_LOG_LEVEL: 'none' } })
    assert.deepEqual([traced.stdout, traced.stderr, traced.code], [bare.stdout, bare.stderr, bare.code])
    assert.ok(traced.durationMs - bare.durationMs <= 1000, `${traced.durationMs} ms, bare ${bare.durationMs} ms`)
    onlyClients(traced.spans, 1)
  })
})
