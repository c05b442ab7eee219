import type { Resource, SpanData } from '../trace/data'
import type { Encoding, HandedOver, Recalled, Reply, Transport } from './contract'
import { checkFit } from './fit'
import { nextTurn, now } from './timers'

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
  readonly spans: readonly SpanData[]
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
  readonly spans: readonly SpanData[]
  readonly body?: Uint8Array
  readonly reason?: string
  readonly handedOver?: HandedOver
}

/** How far a batch has come. Its spans are dealt with in their order. */
interface Delivery {
  readonly outcomes: Outcome[]
  /** The message that is in flight. */
  message: { readonly spans: readonly SpanData[]; readonly body: Uint8Array } | undefined
}

/**
 * An encoding joined to a transport: each states its own limit, and a batch becomes as many messages as these demand.
 *
 * @throws Error when the transport cannot carry what the encoding makes
 */
export class Pipe {
  /** Largest message; less than the transport's own limit after the other side refused one as too large. */
  private maxBytes: number
  private readonly deliveries = new WeakMap<readonly SpanData[], Delivery>()
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
  async send(batch: readonly SpanData[]): Promise<Outcome[]> {
    const { maxSpans } = this.encoding
    const delivery: Delivery = { outcomes: [], message: undefined }
    this.deliveries.set(batch, delivery)
    await this.resource.ready?.()
    for (let at = 0; at < batch.length; at += maxSpans) {
      await this.sendPart(maxSpans < batch.length ? batch.slice(at, at + maxSpans) : batch, delivery)
    }
    return delivery.outcomes
  }

  /**
   * At the end of a thread: what became of a batch that was being sent, and the messages that are still to be sent. The
   * outcomes of `send` are then of no use, and nothing is sent any more.
   */
  takeBack(batch: readonly SpanData[]): { outcomes: Outcome[]; messages: Message[] } {
    this.ended = true
    const { outcomes, message } = this.deliveries.get(batch) ?? { outcomes: [], message: undefined }
    const settled = outcomes.filter(({ later }) => !later)
    const messages: Message[] = []
    let rest = outcomes.flatMap(({ later, spans }) => (later ? spans : []))
    let at = outcomes.reduce((sum, { spans }) => sum + spans.length, 0)
    if (message !== undefined) {
      at += message.spans.length
      const recalled = this.recall(message.body)
      if (typeof recalled === 'string') messages.push(message)
      else if ('fd' in recalled) messages.push({ ...message, handedOver: recalled })
      else {
        const outcome = this.judge(message.spans, recalled)
        if (outcome.later) messages.push(message)
        else settled.push(outcome)
      }
    }
    rest = rest.concat(batch.slice(at))
    if (rest.length > 0) messages.push(...this.encodeNow(rest))
    return { outcomes: settled, messages }
  }

  close(): Promise<void> {
    return this.transport.close()
  }

  /**
   * The messages of a batch, at once: at the end of a process there is no later. Without a body and with a reason: spans
   * that make none.
   */
  encodeNow(batch: readonly SpanData[]): Message[] {
    if (batch.length > this.encoding.maxSpans) {
      return chunks(batch, this.encoding.maxSpans).flatMap(chunk => this.encodeNow(chunk))
    }
    let body: Uint8Array
    try {
      body = encodeWhole(this.encoding, batch, this.resource)
    } catch (error) {
      return [{ spans: batch, reason: unencodable(error) }]
    }
    if (body.length <= this.maxBytes) return [{ spans: batch, body }]
    if (batch.length === 1) return [{ spans: batch, reason: this.tooLarge() }]
    return chunks(batch, fitting(batch.length, body.length, this.maxBytes)).flatMap(chunk => this.encodeNow(chunk))
  }

  /** The outcome of a reply to a message with these spans. */
  judge(spans: readonly SpanData[], reply: Reply): Outcome {
    const mediaType = essence(reply.mediaType)
    const { readReply, readError } = this.encoding
    if (!reply.ok) {
      const { reason, afterMs, about, body } = reply
      const words = reply.words || (body && (readError?.(body, mediaType) || plainText(body, mediaType)))
      const later = reply.retry && !reply.mayHaveArrived
      return { spans, sent: 0, reason, words: words?.slice(0, MAX_WORDS), later, afterMs, about }
    }
    if (readReply === undefined || reply.body === undefined || reply.body.length === 0) {
      return { spans, sent: spans.length }
    }
    const verdict = readReply(reply.body, mediaType)
    if (verdict === undefined) {
      const odd = `answered with ${mediaType || 'a body without a type'}, which is not this protocol`
      // A web page comes from some other server. Whoever says anything else has at least understood the request.
      if (isPage(reply.body, mediaType)) return { spans, sent: 0, reason: `took it, but ${odd}` }
      return { spans, sent: spans.length, words: odd }
    }
    const words = verdict.message.slice(0, MAX_WORDS)
    const sent = Math.max(spans.length - verdict.rejectedSpans, 0)
    return { spans, sent, reason: sent === spans.length ? undefined : 'rejected by the backend', words }
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

  private async sendPart(batch: readonly SpanData[], delivery: Delivery): Promise<void> {
    const { outcomes } = delivery
    const before = outcomes[outcomes.length - 1]
    if (before?.later) {
      // The backend is away: each further message of the batch would wait just as long to learn the same.
      outcomes.push({ ...before, spans: batch })
      return
    }
    const body = await encodeInTurn(this.encoding, batch, this.resource)
    if (this.ended) return
    if (body.length > this.maxBytes) {
      if (batch.length === 1) {
        outcomes.push({ spans: batch, sent: 0, reason: this.tooLarge() })
        return
      }
      for (const chunk of chunks(batch, fitting(batch.length, body.length, this.maxBytes))) {
        await this.sendPart(chunk, delivery)
      }
      return
    }
    delivery.message = { spans: batch, body }
    const reply = await this.transport.send(body, this.encoding.mediaType, this.timeoutMs)
    delivery.message = undefined
    if (this.ended) return
    if (!reply.ok && reply.about === 'size' && batch.length > 1) {
      this.maxBytes = Math.min(this.maxBytes, Math.max(body.length >> 1, MIN_LEARNED_BYTES))
      for (const chunk of chunks(batch, Math.ceil(batch.length / 2))) await this.sendPart(chunk, delivery)
      return
    }
    outcomes.push(this.judge(batch, reply))
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

function chunks(batch: readonly SpanData[], size: number): SpanData[][] {
  const list: SpanData[][] = []
  for (let at = 0; at < batch.length; at += size) list.push(batch.slice(at, at + size))
  return list
}

/** The whole message without a pause. */
export function encodeWhole(encoding: Encoding, batch: readonly SpanData[], resource: Resource): Uint8Array {
  const steps = encoding.encode(batch, resource)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** The encoding that is under way. */
let before: Promise<unknown> = Promise.resolve()

/** One after the other, of all exporters: several at a time would each take their slice of the same turn. */
function encodeInTurn(encoding: Encoding, batch: readonly SpanData[], resource: Resource): Promise<Uint8Array> {
  const mine = before.then(() => encodeInSlices(encoding, batch, resource))
  before = mine.catch(() => {})
  return mine
}

async function encodeInSlices(encoding: Encoding, batch: readonly SpanData[], resource: Resource): Promise<Uint8Array> {
  const steps = encoding.encode(batch, resource)
  let until = now() + MAX_SLICE_MS
  for (let i = 1; ; i++) {
    const step = steps.next()
    if (step.done) return step.value
    if ((i % SPANS_PER_LOOK === 0 || i <= SPANS_LOOKED_AT) && now() > until) {
      await yieldToLoop()
      until = now() + MAX_SLICE_MS
    }
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
