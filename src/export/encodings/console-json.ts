/**
 * One span a line, in JSON that is easy to read and to filter with jq: ids, times as ISO text and milliseconds, attributes
 * as an object.
 */
import type { AttributeList, Resource, SpanData } from '../../trace/data'
import { getAttribute, toObject } from '../../trace/data'
import type { Encoding } from '../contract'
import { GrowingText } from './text'

const KINDS = ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']
const STATUSES = ['UNSET', 'OK', 'ERROR']

export const consoleJson: Encoding = { mediaType: 'application/jsonl', maxSpans: Infinity, encode }

function* encode(batch: readonly SpanData[], resource: Resource): Generator<void, Uint8Array> {
  const service = getAttribute(resource.attributes, 'service.name')
  const text = new GrowingText()
  for (let i = 0; i < batch.length; i++) {
    text.add(JSON.stringify(line(batch[i]!, service)) + '\n')
    yield
  }
  return text.bytes()
}

/** Members without a value are left out. */
function line(span: SpanData, service: unknown): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || undefined,
    parentIsRemote: span.parentIsRemote || undefined,
    traceState: span.traceState || undefined,
    service,
    name: span.name,
    kind: KINDS[span.kind],
    start: isoTime(span.startMicros),
    durationMs: millis(span.endMicros - span.startMicros),
    status: STATUSES[span.status.code],
    message: span.status.message,
    attributes: attributes(span.attributes),
    events:
      span.events.length === 0
        ? undefined
        : span.events.map(event => ({
            name: event.name,
            time: isoTime(event.timeMicros),
            attributes: attributes(event.attributes),
          })),
    links:
      span.links.length === 0
        ? undefined
        : span.links.map(({ context, attributes: list }) => ({
            traceId: context.traceId,
            spanId: context.spanId,
            attributes: attributes(list),
          })),
    scope: span.scope.name || undefined,
    dropped:
      span.droppedAttributes + span.droppedEvents + span.droppedLinks === 0
        ? undefined
        : { attributes: span.droppedAttributes, events: span.droppedEvents, links: span.droppedLinks },
  }
}

function attributes(list: AttributeList): object | undefined {
  return list.length === 0 ? undefined : toObject(list)
}

/** Milliseconds with three decimals. */
function millis(micros: number): number {
  return Math.round(micros) / 1000
}

/** `2026-11-20T10:00:00.123456Z`; a time that a Date cannot hold stays a number of microseconds. */
function isoTime(micros: number): string | number {
  const whole = Math.floor(micros)
  if (!(Math.abs(whole) <= 8.64e18 / 1000)) return micros
  const rest = ((whole % 1000) + 1000) % 1000
  return new Date((whole - rest) / 1000).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`)
}
