/** What was measured, in bench/results.json. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Sample } from './measure'
import { ROOT } from './place'
import type { ExporterStart, FirstAnswer, Start } from './start'

/** Median, least and greatest of the rounds. */
export interface Spread {
  median: number
  min: number
  max: number
}

/** `p99LoadedOfBare` compares within a round. */
export type Row = Record<keyof Sample, Spread> &
  Partial<Record<'p50LoadedMicros' | 'p99LoadedMicros' | 'p99LoadedOfBare', Spread>>

export interface Point {
  at: string
  bareMicros: number
  /** Of the rounds the median, the least and the greatest. */
  addedMicros: Spread
  bareMemoryMb: number
  memoryMb: number
}

/** What is added to a request as something grows. */
export interface Curve {
  title: string
  unit: string
  points: Point[]
}

/** Nanoseconds of CPU for one call. */
export interface Piece {
  name: string
  ours: number
  /** Left out where OpenTelemetry has no such piece. */
  openTelemetry?: number
}

/** Milliseconds for which an encoding keeps the event loop from turning. */
export interface Block {
  name: string
  /** With the first batch of a process. */
  firstMs: number
  laterMs: number
}

export interface Results {
  node: string
  cpu: string
  rounds: number
  cases: Record<string, { title: string; agents: Record<string, Row> }>
  starts: Start[]
  exporterStarts: ExporterStart[]
  firstAnswers: FirstAnswer[]
  pieces: Piece[]
  growth: Curve[]
  blocks: Block[]
}

const FILE = join(ROOT, 'bench/results.json')

/** What earlier runs left, on whatever machine this is. */
export function load(): Results {
  const kept = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {}
  return {
    rounds: 0,
    cases: {},
    starts: [],
    exporterStarts: [],
    firstAnswers: [],
    pieces: [],
    growth: [],
    blocks: [],
    ...kept,
    node: process.version,
    cpu: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`,
  }
}

export function save(results: Results): void {
  writeFileSync(
    FILE,
    `${JSON.stringify(results, (_key, value) => (typeof value === 'number' ? round(value) : value), 1)}\n`,
  )
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: sorted[sorted.length >> 1]!, min: sorted[0]!, max: sorted[sorted.length - 1]! }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

/** Four digits that count: the file stays readable. */
function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(4))
}
