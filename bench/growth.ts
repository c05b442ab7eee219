/**
 * node build/bench/growth.js [--rounds N] [curve …]: what is added to a request as a program grows: in routes, in requests at
 * once, in requests since its start, and with a queue that is full. The curves go to bench/results.json.
 */
import { AGENTS, type AgentRow, VARIANTS } from './agents'
import type { Case } from './cases'
import { Bench, type Sample } from './measure'
import { type Curve, load, median, save, spread } from './results'

const [bare, ours] = [AGENTS[0]!, AGENTS[1]!]
const PLAIN: Case = {
  name: 'growth',
  title: '',
  program: 'plain.cjs',
  path: '/hello?x=1',
  connections: 32,
  warmUp: 20_000,
  requests: 50_000,
  agents: [],
}

type Measure = (bench: Bench, agent: AgentRow) => Promise<Sample[]>

interface CurveRow {
  readonly title: string
  readonly unit: string
  readonly at: readonly string[]
  /** One sample for each of `at`. */
  readonly measure: Measure
}

/** A process for each point. */
function each<T>(values: readonly T[], caseOf: (value: T) => Case): Measure {
  return async (bench, agent) => {
    const samples: Sample[] = []
    for (const value of values) samples.push(await bench.measure(caseOf(value), agent))
    return samples
  }
}

const ROUTES = [1, 10, 100, 1000]
const CONNECTIONS = [1, 10, 100, 1000, 10_000]
const ANSWERED = [1000, 10_000, 100_000, 1_000_000]

const CURVES: readonly CurveRow[] = [
  {
    title: 'routes',
    unit: 'routes of an express program, all in use',
    at: ROUTES.map(String),
    measure: each(ROUTES, routes => ({
      ...PLAIN,
      program: 'routes.cjs',
      path: '/r{n}/7',
      paths: routes,
      env: { BENCH_ROUTES: String(routes) },
      warmUp: 5000,
      requests: 10_000,
    })),
  },
  {
    title: 'concurrency',
    unit: 'requests at once',
    at: CONNECTIONS.map(String),
    // Ten requests a connection at least: to make one costs more than to answer.
    measure: each(CONNECTIONS, connections => ({
      ...PLAIN,
      connections,
      requests: Math.max(PLAIN.requests, connections * 10),
    })),
  },
  {
    title: 'requests',
    unit: 'requests since the start',
    at: ANSWERED.map(String),
    measure: (bench, agent) => bench.measureAfter(ANSWERED, { ...PLAIN, requests: 20_000 }, agent),
  },
  {
    title: 'queue',
    unit: 'the backend',
    at: ['takes all', 'is away, the queue full'],
    measure: async (bench, agent) => [
      await bench.measure(PLAIN, agent),
      await bench.measure(PLAIN, agent === ours ? VARIANTS.away[0]! : agent),
    ],
  },
]

async function main(): Promise<void> {
  const args = process.argv.slice(2)
  const at = args.indexOf('--rounds')
  const rounds = at < 0 ? 3 : Number(args.splice(at, 2)[1])
  const bench = await Bench.start()
  try {
    for (const { title, unit, at, measure } of CURVES.filter(row => args.length === 0 || args.includes(row.title))) {
      const without: Sample[][] = []
      const withAgent: Sample[][] = []
      for (let round = 0; round < rounds; round++) {
        without.push(await measure(bench, bare))
        withAgent.push(await measure(bench, ours))
      }
      const points = at.map((label, index) => ({
        at: label,
        bareMicros: median(without.map(samples => samples[index]!.cpuMicrosPerRequest)),
        addedMicros: spread(
          withAgent.map(
            (samples, round) => samples[index]!.cpuMicrosPerRequest - without[round]![index]!.cpuMicrosPerRequest,
          ),
        ),
        bareMemoryMb: median(without.map(samples => samples[index]!.memoryMb)),
        memoryMb: median(withAgent.map(samples => samples[index]!.memoryMb)),
      }))
      for (const { at: label, bareMicros, addedMicros, bareMemoryMb, memoryMb } of points) {
        console.log(
          `${title} ${label}: bare ${bareMicros.toFixed(1)}, added ${addedMicros.median.toFixed(2)} µs; ${bareMemoryMb.toFixed(0)} and ${memoryMb.toFixed(0)} MB`,
        )
      }
      const results = load()
      const others = results.growth.filter(curve => curve.title !== title)
      const order = (curve: Curve) => CURVES.findIndex(row => row.title === curve.title)
      const growth = [...others, { title, unit, points }].sort((a, b) => order(a) - order(b))
      save({ ...results, growth })
    }
  } finally {
    await bench.stop()
  }
}

void main()
