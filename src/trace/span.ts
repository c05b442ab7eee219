import type {
  Span as ApiSpan,
  SpanStatus as ApiStatus,
  Attributes,
  AttributeValue,
  Exception,
  Link,
  SpanContext,
  TimeInput,
  TraceState,
} from '@opentelemetry/api'
import { monotonicMicros } from './clock'
import type { AttributeList, Kind, Scope, SpanData, SpanEvent, SpanLink, SpanSink, SpanStatus } from './data'
import { ERROR, OK, UNSET } from './data'
import type { Limits } from './limits'
import { isAttributeValue, keepAttributes, keepValue } from './limits'
import { toMicros } from './time'

const STATUS_UNSET: SpanStatus = { code: UNSET }
/** Zero says "not ended": a span that ended in the first moment of 1970 did so a nanosecond later. */
const EPOCH_MICROS = 0.001
const NO_EVENTS: SpanEvent[] = []
const NO_LINKS: SpanLink[] = []

/** Told when a span is about to end: attributes can still be added. */
export interface SpanEnding {
  /** Must not throw. */
  spanEnding(): void
}

/** What instrumentations see of a span, recorded or not. */
export interface AgentSpan extends ApiSpan {
  /** At most one, and on recorded spans only: how a framework learns that the request it answers is over. */
  ending?: SpanEnding | undefined
  /** True while nobody but its maker has read the context of the span or written to it: it has no children. */
  untouched?: boolean
  /**
   * Adds an attribute whose key the span does not have yet and whose value is known to be valid: no search, no check.
   * For instrumentations.
   */
  add(key: string, value: AttributeValue): void
  /**
   * Status ERROR and `error.type`; the message is left out where the type explains itself (a status code). The first failure
   * is the cause: a later one (the 500 after an exception) changes nothing.
   */
  fail(errorType: string, message?: string): void
}

/**
 * A recorded span: one object with all of its fields from the start, so that it has one shape, and the same object that
 * exporters read as `SpanData`.
 */
export class Span implements AgentSpan, SpanData {
  endMicros = 0
  events: SpanEvent[] = NO_EVENTS
  links: SpanLink[] = NO_LINKS
  status: SpanStatus = STATUS_UNSET
  droppedAttributes = 0
  droppedEvents = 0
  droppedLinks = 0
  ending: SpanEnding | undefined = undefined
  untouched = true
  private context: SpanContext | undefined = undefined

  constructor(
    readonly traceId: string,
    readonly spanId: string,
    readonly parentSpanId: string,
    readonly parentIsRemote: boolean,
    readonly flags: number,
    private readonly state: TraceState | undefined,
    public name: string,
    readonly kind: Kind,
    readonly attributes: AttributeList,
    readonly scope: Scope,
    readonly startMicros: number,
    /** Microseconds from the monotonic clock to the epoch, shared by the spans of one trace in this process. */
    readonly anchorMicros: number,
    private readonly limits: Limits,
    private readonly sink: SpanSink,
  ) {}

  /** The `tracestate` header value. */
  get traceState(): string {
    return this.state === undefined ? '' : this.state.serialize()
  }

  spanContext(): SpanContext {
    this.untouched = false
    this.context ??= {
      traceId: this.traceId,
      spanId: this.spanId,
      traceFlags: this.flags,
      traceState: this.state,
    }
    return this.context
  }

  isRecording(): boolean {
    return this.endMicros === 0
  }

  add(key: string, value: AttributeValue): void {
    if (this.endMicros !== 0) return
    const { attributes, limits } = this
    if (attributes.length >= limits.attributeCount * 2) {
      this.droppedAttributes++
      return
    }
    attributes.push(
      key,
      limits.attributeValueLength === Infinity ? value : keepValue(value, limits.attributeValueLength),
    )
  }

  setAttribute(key: string, value: AttributeValue): this {
    this.untouched = false
    if (this.endMicros !== 0 || typeof key !== 'string' || key === '' || !isAttributeValue(value)) return this
    const { attributes, limits } = this
    const kept = keepValue(value, limits.attributeValueLength)
    for (let i = 0; i < attributes.length; i += 2) {
      if (attributes[i] === key) {
        attributes[i + 1] = kept
        return this
      }
    }
    if (attributes.length >= limits.attributeCount * 2) this.droppedAttributes++
    else attributes.push(key, kept)
    return this
  }

  setAttributes(attributes: Attributes): this {
    if (typeof attributes !== 'object' || attributes === null) return this
    for (const key of Object.keys(attributes)) this.setAttribute(key, attributes[key] as AttributeValue)
    return this
  }

  /** The second argument may be the time when there are no attributes. */
  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    this.untouched = false
    if (this.endMicros !== 0) return this
    let attributes: Attributes | undefined
    if (isTimeInput(attributesOrTime)) time ??= attributesOrTime
    else attributes = attributesOrTime
    const { limits } = this
    if (limits.eventCount === 0) {
      this.droppedEvents++
      return this
    }
    if (this.events === NO_EVENTS) this.events = []
    if (this.events.length >= limits.eventCount) {
      this.events.shift()
      this.droppedEvents++
    }
    const { list, dropped } = keepAttributes(attributes, limits.eventAttributeCount, limits.attributeValueLength)
    this.events.push({ name: String(name), timeMicros: this.at(time), attributes: list, droppedAttributes: dropped })
    return this
  }

  addLink(link: Link): this {
    this.untouched = false
    if (this.endMicros !== 0 || link?.context === undefined) return this
    const { limits } = this
    if (this.links === NO_LINKS) this.links = []
    if (this.links.length >= limits.linkCount) {
      this.droppedLinks++
      return this
    }
    const { list, dropped } = keepAttributes(link.attributes, limits.linkAttributeCount, limits.attributeValueLength)
    this.links.push({
      context: link.context,
      attributes: list,
      droppedAttributes: dropped + (link.droppedAttributesCount ?? 0),
    })
    return this
  }

  addLinks(links: Link[]): this {
    if (Array.isArray(links)) for (const link of links) this.addLink(link)
    return this
  }

  /** OK is final; ERROR replaces UNSET; UNSET replaces nothing (OpenTelemetry API specification, "Set Status"). */
  setStatus(status: ApiStatus): this {
    this.untouched = false
    if (this.endMicros !== 0 || typeof status !== 'object' || status === null) return this
    if (status.code === UNSET || this.status.code === OK) return this
    if (status.code === OK) this.status = { code: OK }
    else if (status.code === ERROR) {
      this.status = typeof status.message === 'string' ? { code: ERROR, message: status.message } : { code: ERROR }
    }
    return this
  }

  fail(errorType: string, message?: string): void {
    if (this.endMicros !== 0) return
    for (let i = 0; i < this.attributes.length; i += 2) if (this.attributes[i] === 'error.type') return
    this.setAttribute('error.type', errorType)
    if (this.status.code === UNSET) this.status = message === undefined ? { code: ERROR } : { code: ERROR, message }
  }

  updateName(name: string): this {
    this.untouched = false
    if (this.endMicros === 0 && typeof name === 'string') this.name = name
    return this
  }

  /** A second call changes nothing. An end before the start becomes the start. */
  end(endTime?: TimeInput): void {
    if (this.endMicros !== 0) return
    if (this.ending !== undefined) this.ending.spanEnding()
    const end = this.at(endTime)
    this.endMicros = Math.max(end, this.startMicros) || EPOCH_MICROS
    this.sink.push(this)
  }

  /** The event `exception` of the semantic conventions. Reading a hostile error must not hurt: what throws is left out. */
  recordException(exception: Exception, time?: TimeInput): void {
    if (this.endMicros !== 0) return
    const attributes: Attributes = {}
    if (typeof exception === 'string') attributes['exception.message'] = exception
    else {
      attributes['exception.type'] = exceptionType(exception)
      attributes['exception.message'] = readText(exception, 'message')
      attributes['exception.stacktrace'] = readText(exception, 'stack')
    }
    this.addEvent('exception', attributes, time)
  }

  private at(time: TimeInput | undefined): number {
    const given = time === undefined ? undefined : toMicros(time, this.anchorMicros)
    return given ?? this.anchorMicros + monotonicMicros()
  }
}

/** The class name, also where the class did not set `name`; for what is no Error whatever it has. */
function exceptionType(exception: unknown): string | undefined {
  const name = readText(exception, 'name')
  if (name !== undefined && name !== '' && name !== 'Error') return name
  return (exception instanceof Error && readText(exception.constructor, 'name')) || name || readText(exception, 'code')
}

function readText(source: unknown, key: string): string | undefined {
  try {
    const value = (source as Record<string, unknown> | null | undefined)?.[key]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  } catch {
    return undefined
  }
}

function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === 'number' || value instanceof Date || (Array.isArray(value) && value.length === 2)
}
