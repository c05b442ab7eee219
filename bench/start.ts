/** What a start costs: an empty program under each agent. */
import { spawnSync } from 'node:child_process'
import { AGENTS } from './agents'
import { pinned, wholeRun } from './child'
import { PROGRAMS, ROOT } from './place'
import { median } from './results'
import { ownInstallation, scratchOf, sizeOf } from './scratch'

export interface Start {
  agent: string
  program: string
  cpuMs: number
  wallMs: number
  rssMb: number
  files: number
  installMb: number
  packages: number
}

/** What our agent adds to the start of a program with one exporter. */
export interface ExporterStart {
  exporter: string
  program: string
  addedCpuMs: number
}

/** CPU from the start of a process that serves HTTP to the end of its first answer. */
export interface FirstAnswer {
  agent: string
  cpuMs: number
}

const EXPORTERS: Readonly<Record<string, Record<string, string>>> = {
  none: { OTEL_TRACES_EXPORTER: 'none' },
  'otlp (http/protobuf)': { OTEL_TRACES_EXPORTER: 'otlp' },
  'otlp (http/json)': { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
  'otlp (grpc)': { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
  xray: { OTEL_TRACES_EXPORTER: 'xray' },
  'xray-api': { OTEL_TRACES_EXPORTER: 'xray-api', AWS_REGION: 'eu-central-1' },
  zipkin: { OTEL_TRACES_EXPORTER: 'zipkin' },
  jaeger: { OTEL_TRACES_EXPORTER: 'jaeger' },
  'jaeger (udp/thrift.compact)': {
    OTEL_TRACES_EXPORTER: 'jaeger',
    OTEL_EXPORTER_JAEGER_PROTOCOL: 'udp/thrift.compact',
  },
  file: { OTEL_TRACES_EXPORTER: 'file', TRACING_AGENT_FILE: '/dev/null' },
  console: { OTEL_TRACES_EXPORTER: 'console' },
  'otlp/stdout': { OTEL_TRACES_EXPORTER: 'otlp/stdout' },
}

const RECEIVER = 'http://127.0.0.1:9'

/** Medians over `rounds` runs, the agents in turn. */
export function measureStarts(rounds: number): Start[] {
  const starts: Start[] = []
  const own = ownInstallation()
  for (const program of ['empty.cjs', 'empty.mjs']) {
    const runs = new Map<string, { cpuMs: number; wallMs: number }[]>()
    for (let round = 0; round < rounds; round++) {
      for (const agent of AGENTS) {
        const kept = runs.get(agent.name) ?? []
        runs.set(agent.name, kept)
        kept.push(wholeRun([...agent.flags(scratchOf(agent)), `${PROGRAMS}/${program}`], agent.env(RECEIVER)))
      }
    }
    for (const agent of AGENTS) {
      const folder = scratchOf(agent)
      const { output } = wholeRun([...agent.flags(folder), `${PROGRAMS}/memory.cjs`], agent.env(RECEIVER))
      const { rssMb, files } = JSON.parse(output.trim().split('\n').pop()!) as { rssMb: number; files: number }
      const { megabytes, packages } =
        agent.name === 'bare' ? { megabytes: 0, packages: 0 } : sizeOf(folder === ROOT ? own : folder)
      const kept = runs.get(agent.name)!
      starts.push({
        agent: agent.name,
        program,
        cpuMs: median(kept.map(run => run.cpuMs)),
        wallMs: median(kept.map(run => run.wallMs)),
        rssMb,
        files,
        installMb: megabytes,
        packages,
      })
    }
  }
  return starts
}

/** Differences of medians over `rounds` runs, bare and all exporters in turn. */
export function measureExporterStarts(rounds: number): ExporterStart[] {
  const starts: ExporterStart[] = []
  const names = Object.keys(EXPORTERS)
  for (const [program, flag] of [
    ['empty.cjs', '--require'],
    ['empty.mjs', '--import'],
  ] as const) {
    const file = `${PROGRAMS}/${program}`
    const bare: number[] = []
    const runs = new Map<string, number[]>(names.map(name => [name, []]))
    for (let round = 0; round < rounds; round++) {
      bare.push(wholeRun([file], {}).cpuMs)
      for (const name of names) {
        runs.get(name)!.push(wholeRun([flag, `${ROOT}/register.js`, file], EXPORTERS[name]!).cpuMs)
      }
    }
    for (const name of names) {
      starts.push({ exporter: name, program, addedCpuMs: median(runs.get(name)!) - median(bare) })
    }
  }
  return starts
}

/** Medians over `rounds` runs, the agents in turn. */
export function measureFirstAnswers(rounds: number): FirstAnswer[] {
  const runs = new Map<string, number[]>(AGENTS.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const agent of AGENTS) {
      const [command, ...args] = pinned([process.execPath, ...agent.flags(scratchOf(agent)), `${PROGRAMS}/first.cjs`])
      const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...agent.env(RECEIVER) }
      const { stdout } = spawnSync(command!, args, { env, encoding: 'utf8' })
      runs.get(agent.name)!.push(JSON.parse(stdout.trim().split('\n').pop()!).cpuMs)
    }
  }
  return AGENTS.map(({ name }) => ({ agent: name, cpuMs: median(runs.get(name)!) }))
}
