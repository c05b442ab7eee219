/**
 * node build/bench/growth.js [--rounds N]: what is added to a request as a program grows: in routes, in requests at once,
 * in requests altogether, and with a queue that is full. The curves go to bench/results.json.
 */
import { AGENTS, VARIANTS } from './agents'
import type { Case } from './cases'
import { Bench } from './measure'
import { type Curve, load, median, save } from './results'

const [bare, ours] = [AGENTS[0]!, AGENTS[1]!]
const PLAIN: Case = {
  name: 'growth',
  title: '',
  program: 'plain.cjs',
  path: '/hello?x=1',
  connections: 32,
  warmUp: 20_000,
  requests: 40_000,
  agents: [],
}

const CURVES: readonly { title: string; unit: string; points: readonly [at: string, of: Case, away?: boolean][] }[] = [
  {
    title: 'routes',
    unit: 'routes of an express program, all in use',
    points: [1, 10, 100, 1000].map(routes => [
      String(routes),
      {
        ...PLAIN,
        program: 'routes.cjs',
        path: '/r{n}/7',
        paths: routes,
        env: { BENCH_ROUTES: String(routes) },
        warmUp: 4000,
        requests: 10_000,
      },
    ]),
  },
  {
    title: 'concurrency',
    unit: 'requests at once',
    points: [1, 10, 100, 1000, 10_000].map(connections => [String(connections), { ...PLAIN, connections }]),
  },
  {
    title: 'requests',
    unit: 'requests since the start',
    points: [1000, 10_000, 100_000, 1_000_000].map(before => [
      String(before),
      { ...PLAIN, warmUp: before, requests: 20_000 },
    ]),
  },
  {
    title: 'queue',
    unit: 'the backend',
    points: [
      ['takes all', PLAIN],
      ['is away, the queue full', PLAIN, true],
    ],
  },
]

async function main(): Promise<void> {
  const at = process.argv.indexOf('--rounds')
  const rounds = at < 0 ? 3 : Number(process.argv[at + 1])
  const bench = await Bench.start()
  const curves: Curve[] = []
  try {
    for (const { title, unit, points } of CURVES) {
      const curve: Curve = { title, unit, points: [] }
      for (const [label, of, away] of points) {
        const without: number[] = []
        const added: number[] = []
        const memoryMb: number[] = []
        for (let round = 0; round < rounds; round++) {
          const base = (await bench.measure(of, bare)).cpuMicrosPerRequest
          const sample = await bench.measure(of, away ? VARIANTS.away[0]! : ours)
          without.push(base)
          added.push(sample.cpuMicrosPerRequest - base)
          memoryMb.push(sample.memoryMb)
        }
        const point = { at: label, bareMicros: median(without), addedMicros: median(added), memoryMb: median(memoryMb) }
        curve.points.push(point)
        console.log(`${title} ${label}: bare ${point.bareMicros.toFixed(1)}, added ${point.addedMicros.toFixed(2)} µs`)
      }
      curves.push(curve)
    }
  } finally {
    await bench.stop()
  }
  save({ ...load(), growth: curves })
}

void main()
