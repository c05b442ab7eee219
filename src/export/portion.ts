import type { Resource, SpanData } from '../trace/data'
import type { Encoding, OpenMessage } from './contract'

const NONE: readonly SpanData[] = []
/** Spans are added to a message in such numbers: they share the headers of their scopes. */
const SPANS_AT_ONCE = 16

/**
 * Spans that travel together, on their way from objects to bytes.
 *
 * Where the encoding can take spans one after the other, they are let go as soon as they are written: a span that lives until its
 * batch was answered is copied twice by the garbage collector, which costs more than to make and encode it.
 */
export class Portion {
  /** Of `spans`, those that are in `message`. */
  private written = 0

  constructor(
    readonly count: number,
    /** Those that are not in `message` yet; all of them where the encoding wants all at once. */
    private spans: readonly SpanData[],
    private message?: OpenMessage,
    private body?: Uint8Array,
  ) {}

  /** A message to be, as far as the encoding knows such. */
  static of(spans: readonly SpanData[], encoding: Encoding, message?: OpenMessage): Portion {
    return new Portion((message?.count ?? 0) + spans.length, spans, message ?? encoding.open?.())
  }

  /**
   * The message. Yields after each span, or after some with their number.
   *
   * @throws whatever the encoding does
   */
  *encode(encoding: Encoding, resource: Resource): Generator<unknown, Uint8Array> {
    if (this.body !== undefined) return this.body
    const { message, spans } = this
    // Not kept: it may be too large, and is then made of fewer spans.
    if (message === undefined) return yield* encoding.encode(spans, resource)
    while (this.written < spans.length) {
      const some = spans.slice(this.written, this.written + SPANS_AT_ONCE)
      message.add(some)
      this.written += some.length
      yield some.length
    }
    this.body = message.finish(resource)
    this.spans = NONE
    this.message = undefined
    return this.body
  }

  /** The spans themselves, where they are kept. */
  get kept(): readonly SpanData[] | undefined {
    return this.body === undefined && this.message === undefined ? this.spans : undefined
  }

  get isEncoded(): boolean {
    return this.body !== undefined
  }

  /** The same spans in portions of `size`: of those that are kept, or encoded. */
  split(encoding: Encoding, size: number): Portion[] {
    const { body, spans, count } = this
    const portions: Portion[] = []
    if (body === undefined) {
      for (let at = 0; at < count; at += size)
        portions.push(new Portion(Math.min(size, count - at), spans.slice(at, at + size)))
      return portions
    }
    for (const part of encoding.split!(body, size)) portions.push(new Portion(part.count, NONE, undefined, part.body))
    return portions
  }
}
