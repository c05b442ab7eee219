/** Other agents in the same program, the real ones, in both orders: said in one line, no span twice, the program unharmed. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgentResult, REGISTER, ROOT_FOLDER, runAgent, runBare } from '../kit/agent'
import { installGroup } from './packages'

const PROGRAM = join(ROOT_FOLDER, 'test/programs/programs/two-agents.cjs')

/** Of the other agents: they ask nobody who they are, and say nothing of themselves. */
const QUIET = {
  OTEL_NODE_RESOURCE_DETECTORS: 'none',
  OTEL_METRICS_EXPORTER: 'none',
  OTEL_LOGS_EXPORTER: 'none',
  OTEL_BSP_SCHEDULE_DELAY: '50',
  DD_TRACE_STARTUP_LOGS: 'false',
  DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
  DD_REMOTE_CONFIGURATION_ENABLED: 'false',
  DD_TRACE_AGENT_URL: 'http://127.0.0.1:9',
}

/** What Node 26 says of the loader of dd-trace, which is there without us, too. */
const LOADER_DEPRECATED = /^\(node:\d+\) \[DEP0205\] .*\n\(Use `node --trace-deprecation .*\n/m

interface Pair {
  name: string
  /** Flags with `AGENT` and `PACKAGES` in them. */
  flags: string[]
  says: RegExp
  /** What the other agent says alone. */
  theirs?: RegExp
  /** Spans that arrive: two exchanges, each from both sides, or none when the other agent sends elsewhere. */
  exchanges: number
}

const OTEL = 'PACKAGES/node_modules/@opentelemetry/auto-instrumentations-node/build/src/register.js'
const DATADOG = 'PACKAGES/node_modules/dd-trace/init.js'
const SDK = join(ROOT_FOLDER, 'test/programs/programs/start-sdk.cjs')
const COPY = 'COPY/register.js'

const PAIRS: Pair[] = [
  {
    name: 'OpenTelemetry first',
    flags: ['--require', OTEL, '--require', 'AGENT'],
    says: /^tracing-agent: stays away: another OpenTelemetry tracer provider traces this program already\n$/,
    exchanges: 2,
  },
  {
    name: 'OpenTelemetry second',
    flags: ['--require', 'AGENT', '--require', OTEL],
    says: /^tracing-agent: instrumentations of OpenTelemetry are at work, too \(.*\): .* left out\n$/,
    exchanges: 2,
  },
  {
    name: 'OpenTelemetry started by the program itself',
    flags: ['--require', 'AGENT', '--require', SDK],
    says: /^tracing-agent: stays: the program sets up OpenTelemetry, too, and its .* is not used; remove one of the two\n$/,
    exchanges: 2,
  },
  {
    name: 'dd-trace first',
    flags: ['--require', DATADOG, '--require', 'AGENT'],
    says: /^tracing-agent: stays away: dd-trace traces this program already\n$/,
    exchanges: 0,
  },
  {
    name: 'dd-trace second',
    flags: ['--require', 'AGENT', '--require', DATADOG],
    says: /^tracing-agent: stops: dd-trace traces this program, too; remove one of the two\n$/,
    exchanges: 0,
  },
  {
    name: 'dd-trace first, both by --import',
    flags: ['--import', 'PACKAGES/node_modules/dd-trace/initialize.mjs', '--import', 'AGENT'],
    says: /^tracing-agent: stays away: dd-trace traces this program already\n$/,
    theirs: LOADER_DEPRECATED,
    exchanges: 0,
  },
  {
    name: 'another copy of this package first',
    flags: ['--require', COPY, '--require', 'AGENT'],
    says: /^tracing-agent: .*register\.js stays away: .*register\.js is loaded already\n$/,
    exchanges: 2,
  },
  {
    name: 'another copy of this package second',
    flags: ['--require', 'AGENT', '--require', COPY],
    says: /^tracing-agent: .*register\.js stays away: .*register\.js is loaded already\n$/,
    exchanges: 2,
  },
]

describe('two agents in one program', function () {
  this.timeout(60_000)
  let copy = ''

  before(() => {
    copy = mkdtempSync(join(tmpdir(), 'tracing-agent-copy-'))
    mkdirSync(join(copy, 'build'))
    for (const part of ['register.js', 'package.json', 'build/src', 'build/instrumentations']) {
      cpSync(join(ROOT_FOLDER, part), join(copy, part), { recursive: true })
    }
    symlinkSync(join(ROOT_FOLDER, 'node_modules'), join(copy, 'node_modules'))
  })

  after(() => rmSync(copy, { recursive: true, force: true }))

  for (const { name, flags, says, theirs, exchanges } of PAIRS) {
    it(`${name}: one line, no span twice, the same program`, async function () {
      const ready = installGroup('agents')
      if ('missing' in ready) {
        console.log(`      skipped: ${ready.missing}`)
        return this.skip()
      }
      const env = { ...QUIET, PACKAGES: ready.path }
      const nodeArgs = flags.map(flag =>
        flag.replace('AGENT', REGISTER).replace('PACKAGES', ready.path).replace('COPY', copy),
      )
      const options = { env, coverage: false, timeoutMs: 40_000 }
      const bare = await runBare(PROGRAM, options)
      const both = await runAgent(PROGRAM, { ...options, how: 'none', nodeArgs })
      assert.equal(both.stdout, bare.stdout)
      assert.equal(both.code, 3)
      assert.match(theirs === undefined ? both.stderr : both.stderr.replace(theirs, ''), says)
      assert.deepEqual(counts(both), { SERVER: exchanges, CLIENT: exchanges })
      const traces = new Set(both.spans.filter(({ kind }) => kind === 'SERVER').map(({ traceId }) => traceId))
      assert.equal(traces.size, Math.min(exchanges, 1))
    })
  }
})

function counts({ spans }: AgentResult): { SERVER: number; CLIENT: number } {
  const found = { SERVER: 0, CLIENT: 0 }
  for (const { kind } of spans) if (kind === 'SERVER' || kind === 'CLIENT') found[kind]++
  return found
}
