import { nextTurn, now } from '../timers'
import type { Resource, SpanData } from '../trace/data'
import type { Encoding, HandedOver, Recalled, Reply, Transport } from './contract'
import { checkFit } from './fit'
import type { Portion } from './portion'

/** The event loop waits for an encoder less than a millisecond at a stretch: this, and what goes on until the next look. */
const MAX_SLICE_MS = 0.75
/** Spans between two looks at the clock: a span takes a few microseconds, a look a tenth of one. */
const SPANS_PER_LOOK = 16
/** The first spans of a batch, each followed by a look: in a new process the code for them is compiled just then. */
const SPANS_LOOKED_AT = 32
/** A refused message is no reason to send messages smaller than this. */
const MIN_LEARNED_BYTES = 64 * 1024
/** Most characters of what the other side says. */
const MAX_WORDS = 300

/** Not unref'd: such an immediate waits until something else wakes the loop. It holds a process that ends for one turn. */
const yieldToLoop = () => new Promise<void>(resolve => void nextTurn(resolve))

/** What became of some spans of a batch. */
export interface Outcome {
  readonly portion: Portion
  readonly sent: number
  /** Of those that were not sent: the reason, by which they are counted. */
  readonly reason?: string
  /** More about the reason, in the words of the other side; or, if all were sent, a warning of theirs. */
  readonly words?: string
  /** Those that were not sent can wait in the queue: the backend is away, or asked to come back. */
  readonly later?: boolean
  readonly afterMs?: number
  /** What is wrong, if that is known. */
  readonly about?: (Reply & { ok: false })['about']
}

export interface Message {
  readonly portion: Portion
  readonly body?: Uint8Array
  readonly reason?: string
  readonly handedOver?: HandedOver
}

/** How far a batch has come. */
interface Delivery {
  readonly outcomes: Outcome[]
  /** The message that is in flight. */
  message: { readonly portion: Portion; readonly body: Uint8Array } | undefined
  /** What comes after it. */
  readonly rest: Portion[]
}

/**
 * An encoding joined to a transport: each states its own limit, and a batch becomes as many messages as these demand.
 *
 * @throws Error when the transport cannot carry what the encoding makes
 */
export class Pipe {
  /** Largest message; less than the transport's own limit after the other side refused one as too large. */
  private maxBytes: number
  private readonly deliveries = new WeakMap<Portion, Delivery>()
  /** Batches were taken back. */
  private ended = false

  constructor(
    readonly encoding: Encoding,
    private readonly transport: Transport,
    private readonly resource: Resource,
    private readonly timeoutMs: number,
  ) {
    checkFit(encoding, transport)
    this.maxBytes = transport.maxBytes
  }

  get target(): string {
    return this.transport.target
  }

  /** Sends a batch in as few messages as may be. Resolves with one outcome a message; never rejects. */
  async send(batch: Portion): Promise<Outcome[]> {
    const delivery: Delivery = { outcomes: [], message: undefined, rest: [batch] }
    this.deliveries.set(batch, delivery)
    await this.resource.ready?.()
    while (delivery.rest.length > 0 && !this.ended) await this.sendNext(delivery)
    return delivery.outcomes
  }

  /**
   * At the end of a thread: what became of a batch that was being sent, and the messages that are still to be sent. The
   * outcomes of `send` are then of no use, and nothing is sent any more.
   */
  takeBack(batch: Portion): { outcomes: Outcome[]; messages: Message[] } {
    this.ended = true
    const { outcomes, message, rest } = this.deliveries.get(batch) ?? {
      outcomes: [],
      message: undefined,
      rest: [batch],
    }
    const settled = outcomes.filter(({ later }) => !later)
    const messages: Message[] = []
    if (message !== undefined) {
      const recalled = this.recall(message.body)
      if (typeof recalled === 'string') messages.push(message)
      else if ('fd' in recalled) messages.push({ ...message, handedOver: recalled })
      else {
        const outcome = this.judge(message.portion, recalled)
        if (outcome.later) messages.push(message)
        else settled.push(outcome)
      }
    }
    for (const { later, portion } of outcomes) if (later) messages.push(...this.encodeNow(portion))
    for (const portion of rest) messages.push(...this.encodeNow(portion))
    return { outcomes: settled, messages }
  }

  close(): Promise<void> {
    return this.transport.close()
  }

  /**
   * The messages of a batch, at once: at the end of a process there is no later. Without a body and with a reason: spans
   * that make none.
   */
  encodeNow(portion: Portion): Message[] {
    if (portion.count > this.encoding.maxSpans)
      return this.encodeEach(portion.split(this.encoding, this.encoding.maxSpans))
    let body: Uint8Array
    try {
      body = toTheEnd(portion.encode(this.encoding, this.resource))
    } catch (error) {
      return [{ portion, reason: unencodable(error) }]
    }
    if (body.length <= this.maxBytes) return [{ portion, body }]
    if (portion.count === 1) return [{ portion, reason: this.tooLarge() }]
    return this.encodeEach(portion.split(this.encoding, fitting(portion.count, body.length, this.maxBytes)))
  }

  private encodeEach(portions: readonly Portion[]): Message[] {
    return portions.flatMap(portion => this.encodeNow(portion))
  }

  /** The outcome of a reply to a message with these spans. */
  judge(portion: Portion, reply: Reply): Outcome {
    const { count } = portion
    const mediaType = essence(reply.mediaType)
    const { readReply, readError } = this.encoding
    if (!reply.ok) {
      const { reason, afterMs, about, body } = reply
      const words = reply.words || (body && (readError?.(body, mediaType) || plainText(body, mediaType)))
      const later = reply.retry && !reply.mayHaveArrived
      return { portion, sent: 0, reason, words: words?.slice(0, MAX_WORDS), later, afterMs, about }
    }
    if (readReply === undefined || reply.body === undefined || reply.body.length === 0) return { portion, sent: count }
    const verdict = readReply(reply.body, mediaType)
    if (verdict === undefined) {
      const odd = `answered with ${mediaType || 'a body without a type'}, which is not this protocol`
      // A web page comes from some other server. Whoever says anything else has at least understood the request.
      if (isPage(reply.body, mediaType)) return { portion, sent: 0, reason: `took it, but ${odd}` }
      return { portion, sent: count, words: odd }
    }
    const words = verdict.message.slice(0, MAX_WORDS)
    const sent = Math.max(count - verdict.rejectedSpans, 0)
    return { portion, sent, reason: sent === count ? undefined : 'rejected by the backend', words }
  }

  private recall(body: Uint8Array): Recalled {
    try {
      return this.transport.recall?.(body) ?? 'withdrawn'
    } catch {
      // Rather twice than never.
      return 'withdrawn'
    }
  }

  private tooLarge(): string {
    return `takes ${this.maxBytes} bytes at once, which is less than one span has`
  }

  private async sendNext(delivery: Delivery): Promise<void> {
    const { outcomes, rest } = delivery
    const { encoding } = this
    const portion = rest[0]!
    const before = outcomes[outcomes.length - 1]
    if (before?.later) {
      // The backend is away: each further message of the batch would wait just as long to learn the same.
      rest.shift()
      outcomes.push({ ...before, portion })
      return
    }
    if (portion.count > encoding.maxSpans) {
      rest.splice(0, 1, ...portion.split(encoding, encoding.maxSpans))
      return
    }
    let body: Uint8Array
    try {
      body = await encodeInTurn(portion, encoding, this.resource)
    } catch (error) {
      rest.shift()
      outcomes.push({ portion, sent: 0, reason: unencodable(error) })
      return
    }
    if (this.ended) return
    if (body.length > this.maxBytes) {
      if (portion.count > 1) {
        rest.splice(0, 1, ...portion.split(encoding, fitting(portion.count, body.length, this.maxBytes)))
        return
      }
      rest.shift()
      outcomes.push({ portion, sent: 0, reason: this.tooLarge() })
      return
    }
    rest.shift()
    delivery.message = { portion, body }
    const reply = await this.transport.send(body, encoding.mediaType, this.timeoutMs)
    if (this.ended) return
    delivery.message = undefined
    if (!reply.ok && reply.about === 'size' && portion.count > 1) {
      this.maxBytes = Math.min(this.maxBytes, Math.max(body.length >> 1, MIN_LEARNED_BYTES))
      rest.unshift(...portion.split(encoding, Math.ceil(portion.count / 2)))
      return
    }
    outcomes.push(this.judge(portion, reply))
    if (reply.ok && reply.isRead === true) encoding.reuse?.(body)
  }
}

/** A fault of ours, which must not look like one of the backend. */
export function unencodable(error: unknown): string {
  return `was not asked, as the spans could not be encoded (${(error as Error)?.message})`
}

/** How many of `spans` spans fit into `maxBytes` when all of them took `bytes`; always fewer than all. */
function fitting(spans: number, bytes: number, maxBytes: number): number {
  // One in ten less than the average says, because spans differ.
  return Math.max(Math.min(Math.floor(((spans * maxBytes) / bytes) * 0.9), Math.ceil(spans / 2)), 1)
}

/** The whole message without a pause. */
export function encodeWhole(encoding: Encoding, batch: readonly SpanData[], resource: Resource): Uint8Array {
  return toTheEnd(encoding.encode(batch, resource))
}

function toTheEnd(steps: Generator<unknown, Uint8Array>): Uint8Array {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** The encoding that is under way. */
let before: Promise<unknown> = Promise.resolve()

/** One after the other, of all exporters: several at a time would each take their slice of the same turn. */
function encodeInTurn(portion: Portion, encoding: Encoding, resource: Resource): Promise<Uint8Array> {
  const mine = before.then(() => encodeInSlices(portion.encode(encoding, resource)))
  before = mine.catch(() => {})
  return mine
}

async function encodeInSlices(steps: Generator<unknown, Uint8Array>): Promise<Uint8Array> {
  let until = now() + MAX_SLICE_MS
  let spans = 0
  let lookAt = 1
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    spans += typeof step.value === 'number' ? step.value : 1
    if (spans < lookAt) continue
    lookAt = spans + (spans < SPANS_LOOKED_AT ? 1 : SPANS_PER_LOOK)
    if (now() <= until) continue
    await yieldToLoop()
    until = now() + MAX_SLICE_MS
  }
}

/** `application/json; charset=utf-8` without its parameters, in lower case. */
function essence(contentType: string | undefined): string {
  return contentType === undefined ? '' : contentType.split(';', 1)[0]!.trim().toLowerCase()
}

function isPage(body: Uint8Array, mediaType: string): boolean {
  return mediaType === 'text/html' || Buffer.from(body).toString('latin1', 0, 100).trimStart().startsWith('<')
}

/** What a person can read of an error's body. A page of HTML is not. */
function plainText(body: Uint8Array, mediaType: string): string {
  if (mediaType !== 'text/plain' && mediaType !== 'application/json') return ''
  return Buffer.from(body).toString('utf8', 0, MAX_WORDS).trim()
}
