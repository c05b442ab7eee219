import type { Resource, SpanData, SpanSink } from '../trace/data'

/** Spans to bytes. Pure: no clock, no environment, no I/O. */
export interface Encoding {
  /** Content type of the bytes, as it stands in an HTTP header. */
  readonly mediaType: string
  /** Most spans that one message may hold; Infinity for no limit. */
  readonly maxSpans: number
  encode(batch: readonly SpanData[], resource: Resource): Uint8Array
  /** What a positive reply says was refused (OTLP partial success), as a sentence, or undefined. */
  rejected?(reply: Uint8Array): { spans: number; reason: string } | undefined
}

/** The outcome of one attempt to send. It never rejects. */
export type Reply =
  | { readonly ok: true; readonly body?: Uint8Array }
  | {
      readonly ok: false
      /** One clause for the user: `answered 503 Service Unavailable`, `connect ECONNREFUSED 127.0.0.1:4318`. */
      readonly reason: string
      /** The same bytes may be accepted later. */
      readonly retry: boolean
      /** The backend asked to wait this long (Retry-After, RetryInfo). */
      readonly afterMs?: number
      /** The message is larger than the other side takes: split it. */
      readonly tooLarge?: boolean
    }

/** Bytes to somewhere. Knows nothing of spans. */
export interface Transport {
  /** Media types that it can carry; empty for any. */
  readonly accepts: readonly string[]
  /** Largest message in bytes, before compression. */
  readonly maxBytes: number
  /** Where it sends, for messages to the user; without credentials. */
  readonly target: string
  send(body: Uint8Array, mediaType: string): Promise<Reply>
  close(): Promise<void>
}

/**
 * How to make a transport again in another thread: the file under transports/ (its `create(options)` returns the
 * Transport) and options that survive a structured clone. The exit worker sends with it what the program left unsent.
 */
export interface TransportSpec {
  readonly file: string
  readonly options: Readonly<Record<string, unknown>>
}

/** A message that was encoded (or was in flight, unanswered) when the program ended. */
export interface Unsent {
  readonly transport: TransportSpec
  readonly mediaType: string
  readonly body: Uint8Array
  readonly spans: number
}

/** Every finished span ends in exactly one of these. */
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
  /** Spans queued or in flight. */
  readonly pending: number
  /** Sends what is queued and resolves when it was answered or given up. */
  flush(): Promise<void>
  /** Set by whoever must know that nothing waits any more: called whenever `pending` has become 0. */
  onIdle: (() => void) | undefined
  /** Synchronously encodes what is queued and takes back what is in flight. The exporter sends nothing afterwards. */
  takeUnsent(): Unsent[]
  /** flush, then close. */
  stop(): Promise<void>
}
