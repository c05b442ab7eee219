import type { Resource, SpanData, SpanSink } from '../trace/data'

/** Spans to bytes. Pure: no clock, no environment, no I/O. */
export interface Encoding {
  /** Content type of the bytes, as it stands in an HTTP header. */
  readonly mediaType: string
  /** Most spans that one message may hold; Infinity for no limit. */
  readonly maxSpans: number
  /**
   * One message. It yields after every span, so that the caller can stop where the event loop has waited long enough and
   * go on later: the spans of a batch have ended and do not change.
   */
  encode(batch: readonly SpanData[], resource: Resource): Generator<void, Uint8Array>
  /** Begins a message that takes spans as they come, so that nobody need keep them until it is full. */
  open?(): OpenMessage
  /** A message made with `open` has arrived, and nobody reads it any more: the next one may be made in its memory. */
  reuse?(body: Uint8Array): void
  /** A message made with `open`, taken apart into messages of at most `size` spans. */
  split?(body: Uint8Array, size: number): { readonly count: number; readonly body: Uint8Array }[]
  /** What a positive reply says (OTLP partial success). Undefined: the body is not an answer of this protocol. */
  readReply?(body: Uint8Array, mediaType: string): Verdict | undefined
  /** What the body of an error says, in the words of the other side, or nothing. */
  readError?(body: Uint8Array, mediaType: string): string
}

export interface OpenMessage {
  /** Spans in it. */
  readonly count: number
  /** Adds spans that have ended. All of them or, when it throws, none. */
  add(spans: readonly SpanData[]): void
  finish(resource: Resource): Uint8Array
}

/** A reply to spans that were taken in, perhaps not all of them. */
export interface Verdict {
  readonly rejectedSpans: number
  /** Why they were rejected; with none rejected, a warning. May be empty. */
  readonly message: string
}

/** The outcome of one attempt to send. It never rejects. */
export type Reply =
  | {
      readonly ok: true
      readonly body?: Uint8Array
      readonly mediaType?: string
      /** All of the message is with the system: nobody reads its bytes any more. */
      readonly isRead?: boolean
    }
  | {
      readonly ok: false
      /**
       * One clause for the user: `answered 503 Service Unavailable`, `connect ECONNREFUSED 127.0.0.1:4318`. Losses are
       * counted by it, so it holds nothing that differs from message to message.
       */
      readonly reason: string
      /** The same bytes may be accepted later. */
      readonly retry: boolean
      /** The other side may have taken the message, and only its answer was lost: to send it often may store it often. */
      readonly mayHaveArrived?: boolean
      /** The backend asked to wait this long (Retry-After, RetryInfo). */
      readonly afterMs?: number
      /**
       * What is wrong: the address, which cannot be reached; the credentials; the time that was not enough; the size of the
       * message, which is then split.
       */
      readonly about?: 'address' | 'credentials' | 'time' | 'size'
      readonly body?: Uint8Array
      readonly mediaType?: string
      /** What the other side says, when it is not in a body. */
      readonly words?: string
    }

/** Bytes to somewhere. Knows nothing of spans. */
export interface Transport {
  /** Media types that it can carry; empty for any. */
  readonly accepts: readonly string[]
  /** Largest message in bytes, before compression. */
  readonly maxBytes: number
  /** Where it sends, for messages to the user; without credentials. */
  readonly target: string
  /** @param timeoutMs longest wait for the answer; left out, there is no limit */
  send(body: Uint8Array, mediaType: string, timeoutMs?: number): Promise<Reply>
  /**
   * For the end of the thread, which runs no callbacks any more: synchronously finds out what is known of a message that is
   * in flight, and sends nothing from then on. A transport without it has every message sent again.
   *
   * @param body the one that `send` was given
   */
  recall?(body: Uint8Array): Recalled
  /** Gives up what is in flight (its `send` resolves with a reply that is not ok) and closes. */
  close(): Promise<void>
}

/** `withdrawn`: it cannot arrive any more. Otherwise the answer to it, or where that can be waited for. */
export type Recalled = 'withdrawn' | Reply | HandedOver

/**
 * A message whose bytes are all with the system, on a connection that lives, or with another thread: it arrives unless that
 * breaks.
 */
export interface HandedOver {
  /** Descriptor of the connection, on which the answer will come; -1 where there is none to read from. */
  readonly fd: number
  readonly protocol: 'http/1.1' | 'h2' | 'tls' | 'thread'
  /** Looks for the answer (thread). */
  readonly poll?: () => Reply | undefined
  /** The stream of the message (h2). */
  readonly streamId?: number
  /** The head of the answer has come (h2). */
  readonly begun?: boolean
}

/**
 * How to make a transport, here and again in another thread: the file under transports/ (its `create(options)` returns
 * the Transport) and options that survive a structured clone. The exit worker sends with it what the program left unsent.
 */
export interface TransportSpec {
  readonly file: string
  readonly options: Readonly<Record<string, unknown>>
}

/** A message that was encoded, or was in flight and unanswered, when the program ended. */
export interface Unsent {
  readonly transport: TransportSpec
  readonly mediaType: string
  readonly body: Uint8Array
  readonly spans: number
  /** It is sent again only if this connection breaks. */
  readonly handedOver?: HandedOver
}

/** Every finished span ends in exactly one of these: `finished` = `sent` + sum of `lost` + `pending` of the exporter. */
export interface Counts {
  /** Spans that the exporter was given. */
  finished: number
  sent: number
  /** Lost spans by reason: `queue full`, `answered 400 Bad Request`, `exit timeout`, … */
  lost: Map<string, number>
}

/** One exporter at work: queue, timer, encoding, transport. */
export interface Exporter extends SpanSink {
  readonly name: string
  readonly target: string
  readonly counts: Counts
  /** Spans queued, in flight, or taken and not settled. */
  readonly pending: number
  /**
   * Sends what is queued and resolves when it was answered or given up. No timer or socket of an exporter keeps the
   * process alive: who wants the answer before the end holds it.
   */
  flush(): Promise<void>
  /** Set by whoever must know that nothing waits any more: called whenever `pending` has become 0. */
  onIdle: (() => void) | undefined
  /**
   * Synchronously encodes what is queued and takes back what is in flight. The exporter sends nothing afterwards.
   *
   * @param canWait false: what was handed over to the system counts as sent, for nobody will wait for the answer
   */
  takeUnsent(canWait?: boolean): Unsent[]
  /** Counts what became of a message that `takeUnsent` gave. */
  settle(unsent: Unsent, reply: Reply): void
  /** flush, then close. What is unanswered after `withinMs` is lost. */
  stop(withinMs?: number): Promise<void>
}
