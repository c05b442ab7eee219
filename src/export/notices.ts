import type { Log } from '../log'
import { now } from '../timers'
import type { Outcome } from './pipe'

/** Nothing says twice within this time that the backend is away, or the queue full: both may come and go. */
const SAY_AGAIN_MS = 60_000
/** Different explanations of a backend that are told. */
const MAX_SHAPES = 20

/** What the user can do, as clauses: `OTEL_EXPORTER_OTLP_ENDPOINT selects the address`. */
export interface Advice {
  readonly address: string
  /** When the credentials are missing or wrong. */
  readonly credentials?: string
  /** When the time was not enough. */
  readonly time?: string
}

/** What a line reads of an outcome. */
export type Trouble = Pick<Outcome, 'words' | 'about'>

/**
 * The lines that a user gets about one exporter: each loss with its reason and with what mends it, each of them once; an
 * outage at its beginning and at its end.
 */
export class Notices {
  private saidAwayAt = -Infinity
  /** Somebody was told that it is away, and waits to be told that it is back. */
  private owesBack = false
  private saidFullAt = -Infinity
  /** What the backend said, without numbers. */
  private readonly shapes = new Set<string>()

  constructor(
    private readonly log: Log,
    private readonly name: string,
    private readonly target: string,
    private readonly advice: Advice,
    private readonly maxQueueSpans: number,
    /** What sets it. */
    private readonly queueVariable = 'OTEL_BSP_MAX_QUEUE_SIZE',
  ) {}

  batch({ portion, sent, reason }: Outcome): void {
    if (this.log.level !== 'debug') return
    const rest = reason === undefined ? '' : `; ${this.target} ${reason}`
    this.log.debug(`${this.name}: of a batch of ${count(portion.count)} ${sent} sent${rest}`)
  }

  warning(words: string): void {
    this.log.warn(`${this.name}: ${this.target} took all spans and warns: ${words}`, `${this.name} warns`)
  }

  lost(spans: number, reason: string, trouble: Trouble): void {
    const line = `${this.sentence(reason, trouble)}; ${count(spans)} lost; ${this.hint(trouble)}`
    this.log.warn(line, this.keyOf(reason, trouble.words))
  }

  away(reason: string, trouble: Trouble): void {
    if (now() - this.saidAwayAt < SAY_AGAIN_MS) return
    this.saidAwayAt = now()
    this.owesBack = true
    const patience = `up to ${count(this.maxQueueSpans)} wait for it`
    const line = `${this.sentence(reason, trouble)}; ${patience}; ${this.hint(trouble)}`
    this.log.warn(line, `${this.name} away ${this.saidAwayAt}`)
  }

  back(lost: number): void {
    if (!this.owesBack) return
    this.owesBack = false
    const losses = lost === 0 ? 'nothing was lost' : `${count(lost)} lost meanwhile`
    this.log.warn(`${this.name}: ${this.target} answers again; ${losses}`, `${this.name} back ${this.saidAwayAt}`)
  }

  full(): void {
    if (now() - this.saidFullAt < SAY_AGAIN_MS) return
    this.saidFullAt = now()
    const queue = `the queue is full (${this.queueVariable}=${this.maxQueueSpans})`
    const line = `${this.name}: ${this.target} is slower than spans end: ${queue}, what ends now is lost`
    this.log.warn(line, `${this.name} full ${this.saidFullAt}`)
  }

  room(lost: number): void {
    const line = `${this.name}: the queue has room again; ${count(lost)} lost meanwhile`
    this.log.warn(line, `${this.name} room ${this.saidFullAt}`)
  }

  fault(error: unknown): void {
    this.log.error(`${this.name}: fault, the program goes on: ${(error as Error | undefined)?.stack ?? error}`)
  }

  private sentence(reason: string, { words }: Trouble): string {
    return `${this.name}: ${this.target} ${reason}${words ? `: ${words}` : ''}`
  }

  private hint({ about }: Trouble): string {
    const { advice } = this
    return (about === 'credentials' || about === 'time' ? advice[about] : undefined) ?? advice.address
  }

  /** Two messages that differ in numbers and ids alone are one; of very many different ones the reason is enough. */
  private keyOf(reason: string, words = ''): string {
    const shape = words.replace(/[0-9a-f]{8,}|\d+/gi, '#')
    if (this.shapes.size < MAX_SHAPES) this.shapes.add(shape)
    return `${this.name} ${this.target} ${reason} ${this.shapes.has(shape) ? shape : ''}`
  }
}

function count(spans: number): string {
  return spans === 1 ? '1 span' : `${spans} spans`
}
