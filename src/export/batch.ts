import { guard } from '../guard'
import { nextTurn, startTimer, stopTimer } from '../timers'
import { followWallClock } from '../trace/clock'
import type { SpanData } from '../trace/data'
import { Backlog } from './backlog'
import type { Counts, Exporter, Reply, TransportSpec, Unsent } from './contract'
import { atHome } from './home'
import type { Notices, Trouble } from './notices'
import { type Message, type Outcome, type Pipe, unencodable } from './pipe'
import { Portion } from './portion'

/** Messages on their way at once while all is well: with answers after 10 ms, that is 200 000 spans a second. */
const MAX_IN_FLIGHT = 4
/** A backend that asks for more patience than this is asked again after this time. */
const MAX_HOLD_MS = 10 * 60_000

export interface BatchOptions {
  readonly name: string
  readonly transport: TransportSpec
  /** `OTEL_BSP_MAX_QUEUE_SIZE`: spans that wait, without those in flight. */
  readonly maxQueueSpans: number
  /** `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` */
  readonly maxBatchSpans: number
  /** `OTEL_BSP_SCHEDULE_DELAY`: from the first span of an empty queue until it is sent; never restarted. */
  readonly delayMs: number
}

/**
 * The queue of one exporter. A batch leaves when it is full or when its time has come; several may be in flight; what
 * finds no room, is refused, or stays unanswered is counted by reason.
 *
 * A batch that failed in a way that may pass (backend away or overloaded) goes back to the head of the queue as far as
 * there is room, so that an outage costs no spans until the queue is full.
 */
export class BatchExporter implements Exporter {
  readonly name: string
  readonly counts: Counts = { finished: 0, sent: 0, lost: new Map() }
  onIdle: (() => void) | undefined = undefined
  private readonly backlog: Backlog
  /** Batches that were handed to the pipe, each with the promise of its end. */
  private readonly flights = new Map<Portion, Promise<void>>()
  /** Messages that were taken and not settled. */
  private readonly taken = new Map<Unsent, Portion>()
  private readonly settled = new Map<Unsent, Outcome>()
  private timer: NodeJS.Timeout | undefined
  /** An immediate is on its way that sends full batches. */
  private woken = false
  /** The delay is over for what is in the queue. */
  private due = false
  /** The backend failed and the timer says when to try again. */
  private holding = false
  private closed = false
  /** The last answer of the backend was that it is away. */
  private away = false
  private lostWhileAway = 0
  private lastReason = ''
  /** Spans that found no room since the queue was last empty, with a backend that answers. */
  private overflow = 0
  private readonly guarded = guard(error => this.notices.fault(error))

  constructor(
    private readonly pipe: Pipe,
    private readonly options: BatchOptions,
    private readonly notices: Notices,
  ) {
    this.name = options.name
    this.backlog = new Backlog(pipe.encoding, options.maxBatchSpans)
  }

  get target(): string {
    return this.pipe.target
  }

  get pending(): number {
    let spans = this.backlog.count
    for (const batch of this.flights.keys()) spans += batch.count
    for (const batch of this.taken.values()) spans += batch.count
    return spans
  }

  push(span: SpanData): void {
    const { backlog, options } = this
    this.counts.finished++
    if (backlog.count >= options.maxQueueSpans || this.closed) {
      this.refuse()
      return
    }
    if (backlog.push(span)) atHome(this.startWriting, this)
    if (backlog.count >= options.maxBatchSpans) {
      if (!this.woken && !this.holding) this.wake()
    } else if (this.timer === undefined) atHome(this.startTimer, this, options.delayMs)
  }

  async flush(): Promise<void> {
    await atHome(this.sendAll, this)
  }

  async stop(withinMs = Infinity): Promise<void> {
    await atHome(this.sendAll, this, withinMs)
    this.closed = true
    stopTimer(this.timer)
    const reason = this.away ? this.lastReason : 'was not asked before the end'
    while (this.backlog.count > 0) this.account({ portion: this.backlog.take(Infinity), sent: 0, reason })
    // Closing ends what is in flight: each is then counted as lost.
    await atHome(this.pipe.close, this.pipe)
    await Promise.all(this.flights.values())
    this.noticeIdle()
  }

  takeUnsent(canWait = true): Unsent[] {
    this.closed = true
    stopTimer(this.timer)
    const taken: Unsent[] = []
    const batches = [...this.flights.keys()]
    this.flights.clear()
    for (const batch of batches) {
      const { outcomes, messages } = this.pipe.takeBack(batch)
      for (const outcome of outcomes) this.account(outcome)
      for (const message of messages) this.take(message, canWait, taken)
    }
    while (this.backlog.count > 0) {
      const batch = this.backlog.take(this.options.maxBatchSpans)
      for (const message of this.pipe.encodeNow(batch)) this.take(message, canWait, taken)
    }
    this.noticeIdle()
    return taken
  }

  /** The backend cannot be reached, and the attempts go on. */
  noticeUnreachable(reply: Reply & { ok: false }): void {
    this.noticeAway(reply, reply.reason, 0)
  }

  settle(unsent: Unsent, reply: Reply): void {
    const portion = this.taken.get(unsent)
    if (portion === undefined || this.settled.has(unsent)) return
    this.settled.set(unsent, this.pipe.judge(portion, reply))
    if (this.settled.size < this.taken.size) return
    // All at once: what several messages were lost for is one line.
    const outcomes = mergeByReason([...this.settled.values()])
    this.taken.clear()
    this.settled.clear()
    for (const outcome of outcomes) this.account(outcome)
    this.noticeIdle()
  }

  private take({ portion, body, reason, handedOver }: Message, canWait: boolean, taken: Unsent[]): void {
    const spans = portion.count
    if (body === undefined) this.account({ portion, sent: 0, reason })
    else if (handedOver !== undefined && !canWait) this.account({ portion, sent: spans })
    else {
      const { mediaType } = this.pipe.encoding
      const unsent = { transport: this.options.transport, mediaType, body, spans, handedOver }
      this.taken.set(unsent, portion)
      taken.push(unsent)
    }
  }

  private wake(): void {
    this.woken = true
    atHome(this.startImmediate, this)
  }

  private startImmediate(): void {
    const onTurn = () => {
      this.woken = false
      this.pump()
    }
    nextTurn(this.guarded(onTurn))
  }

  /** Between two turns, and not on the stack of the program. */
  private startWriting(): void {
    nextTurn(this.guarded(() => this.write()))
  }

  private write(): void {
    if (!this.closed && this.backlog.write()) this.startWriting()
  }

  private startTimer(delayMs: number): void {
    const onTime = () => {
      this.timer = undefined
      this.due = this.backlog.count > 0
      this.holding = false
      this.pump()
    }
    this.timer = startTimer(this.guarded(onTime), delayMs)
    this.timer.unref()
  }

  /** Sends what may be sent now. While the backend is away one batch at a time finds out whether it is back. */
  private pump(): void {
    const { maxBatchSpans } = this.options
    while (!this.holding && !this.closed && this.flights.size < (this.away ? 1 : MAX_IN_FLIGHT)) {
      if (this.backlog.count < maxBatchSpans && !this.due) return
      if (this.backlog.count === 0) {
        this.due = false
        return
      }
      this.launch(maxBatchSpans)
    }
  }

  private launch(maxSpans: number): Promise<void> {
    followWallClock()
    const batch = this.backlog.take(maxSpans)
    if (this.backlog.count === 0) this.due = false
    const flight = this.pipe
      .send(batch)
      .then(
        outcomes => this.land(batch, outcomes),
        error => this.land(batch, [{ portion: batch, sent: 0, reason: unencodable(error) }]),
      )
      .catch(error => this.notices.fault(error))
    this.flights.set(batch, flight)
    return flight
  }

  private land(batch: Portion, outcomes: readonly Outcome[]): void {
    // Taken back meanwhile: settled by whoever took it.
    if (!this.flights.delete(batch)) return
    for (const outcome of outcomes) {
      this.notices.batch(outcome)
      this.account(outcome)
    }
    this.pump()
    this.noticeRoom()
    this.noticeIdle()
  }

  private noticeIdle(): void {
    if (this.onIdle !== undefined && this.pending === 0) this.onIdle()
  }

  private account(outcome: Outcome): void {
    const { sent, reason, portion, words } = outcome
    this.counts.sent += sent
    if (reason === undefined) {
      if (words) this.notices.warning(words)
      this.noticeBack()
    } else if (outcome.later && !this.closed) this.putBack(outcome, reason)
    else {
      const lost = portion.count - sent
      this.lose(lost, reason)
      this.notices.lost(lost, reason, outcome)
      if (sent > 0) this.noticeBack()
    }
  }

  /** To the head of the queue, as far as there is room; the timer says when they go out again. */
  private putBack(outcome: Outcome, reason: string): void {
    const { maxQueueSpans, delayMs } = this.options
    const lost = this.backlog.putBack(outcome.portion, Math.max(maxQueueSpans - this.backlog.count, 0))
    this.lose(lost, reason)
    this.noticeAway(outcome, reason, lost)
    this.holding = true
    this.due = false
    stopTimer(this.timer)
    this.startTimer(Math.min(Math.max(delayMs, outcome.afterMs ?? 0), MAX_HOLD_MS))
  }

  private noticeAway(trouble: Trouble, reason: string, lost: number): void {
    if (!this.away) {
      this.away = true
      this.lostWhileAway = 0
      this.notices.away(reason, trouble)
    }
    this.lastReason = reason
    this.lostWhileAway += lost
  }

  private noticeBack(): void {
    this.holding = false
    if (!this.away) return
    this.away = false
    this.notices.back(this.lostWhileAway)
  }

  /** Sends all that is queued now, whether or not the backend was away a moment ago, and waits for all answers. */
  private async sendAll(withinMs = Infinity): Promise<void> {
    const wait = sleeper(withinMs)
    let left = this.backlog.count
    while (left > 0 && this.backlog.count > 0 && !this.closed && !wait.over) {
      if (this.flights.size >= MAX_IN_FLIGHT) {
        await Promise.race([wait.promise, ...this.flights.values()])
        continue
      }
      const before = this.backlog.count
      const flight = this.launch(Math.min(left, this.options.maxBatchSpans))
      left -= before - this.backlog.count
      if (this.away) {
        await Promise.race([wait.promise, flight])
        // It went back to the head of the queue: whoever comes next fails in the same way.
        if (this.away) break
      }
    }
    await Promise.race([wait.promise, Promise.all(this.flights.values())])
    wait.cancel()
  }

  /** A span that finds no room. Backends may be away for hours, so that this, too, is a hot path. */
  private refuse(): void {
    if (this.closed) {
      this.lose(1, 'ended after the agent stopped')
      return
    }
    this.lose(1, 'queue full')
    if (this.away) this.lostWhileAway++
    else if (this.overflow++ === 0) this.notices.full()
  }

  private noticeRoom(): void {
    if (this.overflow === 0 || this.backlog.count > 0) return
    this.notices.room(this.overflow)
    this.overflow = 0
  }

  private lose(spans: number, reason: string): void {
    if (spans === 0) return
    const { lost } = this.counts
    // A backend that puts something new into each error must not fill the memory.
    const key = lost.size < 100 || lost.has(reason) ? reason : 'other reasons'
    lost.set(key, (lost.get(key) ?? 0) + spans)
  }
}

/** What `account` looks at: how many spans, and how many of them were sent. */
function mergeByReason(outcomes: readonly Outcome[]): Outcome[] {
  const merged = new Map<string | undefined, Outcome>()
  for (const outcome of outcomes) {
    const first = merged.get(outcome.reason)
    const both = first && {
      ...first,
      portion: new Portion(first.portion.count + outcome.portion.count, []),
      sent: first.sent + outcome.sent,
    }
    merged.set(outcome.reason, both ?? outcome)
  }
  return [...merged.values()]
}

function sleeper(delayMs: number): { promise: Promise<void>; over: boolean; cancel(): void } {
  let timer: NodeJS.Timeout | undefined
  const wait = {
    over: false,
    promise: new Promise<void>((resolve, reject) => {
      if (delayMs === Infinity) return
      const onTime = () => {
        wait.over = true
        resolve()
      }
      timer = startTimer(guard(reject)(onTime), delayMs)
      timer.unref()
    }),
    cancel: () => stopTimer(timer),
  }
  return wait
}
