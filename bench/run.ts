/**
 * node build/bench/run.js [--rounds N] [case …]: bare, ours and each peer in turn, several rounds; medians and spread go to
 * bench/results.json. What counts are the ratios within one run.
 */
import { CASES } from './cases'
import { Bench, type Sample } from './measure'
import { load, type Row, save, spread } from './results'
import { scratchOf } from './scratch'
import { measureExporterStarts, measureFirstAnswers, measureStarts } from './start'

/** The slowest take part in one round of so many: what they cost is known well enough. */
const ROUNDS_OF_OTHERS = 3
const OFTEN = /^(bare|tracing-agent|OpenTelemetry)/

/** Share of the bare program's throughput at which latencies are compared, and for how long. */
const LOAD_SHARE = 0.7
const LOADED_SECONDS = 4

function add(kept: Partial<Record<keyof Row, number[]>>, key: keyof Row, value: number): void {
  const values = kept[key]
  if (values === undefined) kept[key] = [value]
  else values.push(value)
}

async function main(): Promise<void> {
  const args = process.argv.slice(2)
  const at = args.indexOf('--rounds')
  const rounds = at < 0 ? 3 : Number(args.splice(at, 2)[1])
  const chosen = CASES.filter(({ name }) => args.length === 0 || args.includes(name))
  const results = load()
  results.rounds = rounds
  for (const { agents } of chosen) for (const agent of agents) scratchOf(agent)
  const bench = await Bench.start()
  try {
    for (const of of chosen) {
      const samples = new Map<string, Partial<Record<keyof Row, number[]>>>()
      let bearable = 0
      let bareP99 = 0
      for (let round = 0; round < rounds; round++) {
        for (const agent of of.agents) {
          if (round % ROUNDS_OF_OTHERS !== 0 && !OFTEN.test(agent.name)) continue
          const kept = samples.get(agent.name) ?? {}
          samples.set(agent.name, kept)
          const sample = await bench.measure(of, agent)
          for (const key of Object.keys(sample) as (keyof Sample)[]) {
            add(kept, key, sample[key])
          }
          if (agent.name === 'bare') bearable = sample.perSecond
          if (of.latency) {
            const loaded = await bench.measure(
              { ...of, requests: Math.round(bearable * LOAD_SHARE * LOADED_SECONDS) },
              agent,
              bearable * LOAD_SHARE,
            )
            if (agent.name === 'bare') bareP99 = loaded.p99Micros
            add(kept, 'p50LoadedMicros', loaded.p50Micros)
            add(kept, 'p99LoadedMicros', loaded.p99Micros)
            add(kept, 'p99LoadedOfBare', loaded.p99Micros / bareP99)
          }
          console.log(
            `${of.name} ${round + 1}/${rounds} ${agent.name}: ${sample.cpuMicrosPerRequest.toFixed(2)} µs, ${Math.round(sample.perSecond)}/s, ${sample.spansPerRequest.toFixed(2)} spans`,
          )
        }
      }
      const agents: Record<string, Row> = {}
      for (const [name, kept] of samples) {
        const row: Partial<Row> = {}
        for (const key of Object.keys(kept) as (keyof Row)[]) row[key] = spread(kept[key]!)
        agents[name] = row as Row
      }
      results.cases[of.name] = { title: of.title, agents }
      save(results)
    }
  } finally {
    await bench.stop()
  }
  if (args.length === 0 || args.includes('start')) {
    results.starts = measureStarts(rounds * 4)
    results.exporterStarts = measureExporterStarts(rounds * 8)
    results.firstAnswers = measureFirstAnswers(rounds * 4)
    save(results)
  }
}

void main()
