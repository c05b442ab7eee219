/** What was measured: in bench/results.json on the oldest Node that is supported, beside it on others. */
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

export const OLDEST_LINE = '20'
export const OTHER_LINES = ['22', '24', '26']

const ownLine = () => process.versions.node.split('.', 1)[0]!

const fileOf = (line: string) => join(ROOT, `bench/results${line === OLDEST_LINE ? '' : `-node${line}`}.json`)

/**
 * What earlier runs left, on whatever machine that was.
 *
 * @param line of Node, such as `24`
 */
export function load(line = ownLine()): Results {
  const kept = existsSync(fileOf(line)) ? JSON.parse(readFileSync(fileOf(line), 'utf8')) : {}
  return {
    node: '',
    cpu: '',
    rounds: 0,
    cases: {},
    starts: [],
    exporterStarts: [],
    firstAnswers: [],
    pieces: [],
    growth: [],
    blocks: [],
    ...kept,
  }
}

/** As what this machine and this Node have shown. */
export function save(measured: Results): void {
  const cpu = `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`
  const results = { ...measured, node: process.version, cpu }
  writeFileSync(
    fileOf(ownLine()),
    `${JSON.stringify(results, (_key, value) => (typeof value === 'number' ? round(value) : value), 1)}\n`,
  )
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Four digits that count: the file stays readable. */
function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(4))
}
