import { now } from '../timers'
import type { SpanData } from '../trace/data'
import type { Encoding, OpenMessage } from './contract'
import { Portion } from './portion'

/** Spans that gather before they are written: the first few of each lot cost more than the others. */
export const LOT_SPANS = 32
/** Spans between two looks at the clock. */
const SPANS_PER_LOOK = 16
/** The event loop waits less than a millisecond at a stretch: this, and what goes on until the next look. */
const MAX_SLICE_MS = 0.5

/**
 * Spans that wait to be sent, in their order: what was put back, messages that are full, one that is being filled, and spans
 * that are not written yet. Where the encoding takes only whole batches all of them are of the last kind.
 */
export class Backlog {
  /** Spans in it. */
  count = 0
  private readonly portions: Portion[] = []
  private message: OpenMessage | undefined = undefined
  private readonly spans: SpanData[] = []
  private readonly canWrite: boolean

  constructor(
    private readonly encoding: Encoding,
    private readonly maxBatchSpans: number,
  ) {
    this.canWrite = encoding.open !== undefined
  }

  /** @returns true when there is a lot to `write` */
  push(span: SpanData): boolean {
    this.count++
    return this.spans.push(span) === LOT_SPANS && this.canWrite
  }

  /** Writes spans into messages, for less than a millisecond. @returns true when some are left */
  write(): boolean {
    const { spans } = this
    const until = now() + MAX_SLICE_MS
    while (spans.length > 0) {
      this.writeSome()
      if (now() > until) return spans.length > 0
    }
    return false
  }

  /** The next batch: at most `maxSpans` spans, or what was put back together. */
  take(maxSpans: number): Portion {
    const portion = this.portions.shift() ?? this.takeLoose(maxSpans)
    // Whatever went wrong before: nothing is left to wait for.
    this.count = portion.count === 0 ? 0 : this.count - portion.count
    return portion
  }

  private takeLoose(maxSpans: number): Portion {
    const { encoding } = this
    // First what may fail: the spans are still here then.
    const message = this.message ?? encoding.open?.()
    const spans = this.spans.splice(0, maxSpans - (message?.count ?? 0))
    this.message = undefined
    return Portion.of(spans, encoding, message)
  }

  /** Puts as much of a portion as there is room for at the head. @returns how many of its spans found none */
  putBack(portion: Portion, room: number): number {
    const { kept, count } = portion
    if (kept !== undefined) {
      const fitting = kept.slice(0, room)
      if (this.canWrite) this.portions.unshift(new Portion(fitting.length, fitting))
      else this.spans.unshift(...fitting)
      this.count += fitting.length
      return count - fitting.length
    }
    if (count > room) {
      if (count === 1 || room === 0 || !portion.isEncoded) return count
      const [first, second] = portion.split(this.encoding, Math.ceil(count / 2))
      const lost = this.putBack(first!, room)
      return lost > 0 ? lost + second!.count : this.putBack(second!, room - first!.count)
    }
    this.portions.unshift(portion)
    this.count += count
    return 0
  }

  private writeSome(): void {
    const { encoding, maxBatchSpans } = this
    this.message ??= encoding.open!()
    const some = this.spans.splice(0, Math.min(SPANS_PER_LOOK, maxBatchSpans - this.message.count))
    try {
      this.message.add(some)
      if (this.message.count < maxBatchSpans) return
      this.closeMessage()
    } catch {
      // To be encoded alone, and to fail alone.
      this.closeMessage()
      this.portions.push(new Portion(some.length, some))
    }
  }

  private closeMessage(): void {
    if (this.message !== undefined && this.message.count > 0)
      this.portions.push(Portion.of([], this.encoding, this.message))
    this.message = undefined
  }
}
