/**
 * Finished spans as a tree a trace, for a person at a terminal:
 *
 *     trace 5b8efff798038103d269b633813fc60c · 4 spans · 12.4 ms · 1 error
 *     GET /home              SERVER  gateway  12.4 ms  200
 *     ├─ GET                 CLIENT  gateway  8.10 ms  200  http://localhost:3001/service
 *     │  └─ GET /service     SERVER  api      7.02 ms  200
 *     └─ GET              ✗  CLIENT  gateway  2.20 ms  ECONNREFUSED connect ECONNREFUSED 127.0.0.1:3002
 */
import type { AttributeList, Kind, Resource, SpanData, SpanEvent, SpanStatus } from '../../trace/data'
import { CLIENT, ERROR, getAttribute, SERVER } from '../../trace/data'
import type { Encoding } from '../contract'
import { GrowingText } from './text'

/** What the tree reads of a span; of any service and from any source. */
export interface TreeSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: Kind
  readonly startMicros: number
  readonly endMicros: number
  readonly attributes: AttributeList
  readonly events: readonly SpanEvent[]
  readonly status: SpanStatus
  readonly service: string
}

export interface TreeStyle {
  readonly colours: boolean
}

const KINDS = ['', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']
/** A name column wider than this would push the rest off the screen. */
const MAX_NAME_WIDTH = 64
/** Most characters of one value. */
const MAX_VALUE = 120
/** Attributes whose meaning the columns show, and those that only machines read. */
const SHOWN_ELSEWHERE =
  /^(http|url|server|client|network|user_agent|error|rpc|express|exception|otel|thread|code|peer)[._]|^peer$/
const MAX_ATTRIBUTES = 6

export function consoleTree(style: TreeStyle): Encoding {
  return {
    mediaType: 'text/plain',
    maxSpans: Infinity,
    *encode(batch: readonly SpanData[], resource: Resource): Generator<void, Uint8Array> {
      const service = String(getAttribute(resource.attributes, 'service.name') ?? '')
      const spans = batch.map(span => treeSpan(span, service))
      const text = new GrowingText()
      for (const trace of byTrace(spans).values()) {
        text.add(renderTrace(trace, style).join('\n') + '\n\n')
        yield
      }
      return text.bytes()
    },
  }
}

function treeSpan(span: SpanData, service: string): TreeSpan {
  const { traceId, spanId, parentSpanId, name, kind, startMicros, endMicros, attributes, events, status } = span
  return { traceId, spanId, parentSpanId, name, kind, startMicros, endMicros, attributes, events, status, service }
}

/** Lines for all traces that the spans belong to, in order of their first appearance; traces are parted by an empty line. */
export function renderTraces(spans: readonly TreeSpan[], style: TreeStyle): string[] {
  const lines: string[] = []
  for (const trace of byTrace(spans).values()) lines.push(...renderTrace(trace, style), '')
  return lines
}

function byTrace(spans: readonly TreeSpan[]): Map<string, TreeSpan[]> {
  const traces = new Map<string, TreeSpan[]>()
  for (const span of spans) {
    const trace = traces.get(span.traceId)
    if (trace === undefined) traces.set(span.traceId, [span])
    else trace.push(span)
  }
  return traces
}

interface Row {
  readonly span: TreeSpan
  /** Branches in front of the name. */
  readonly branch: string
  /** Branches in front of the lines below it. */
  readonly below: string
}

function renderTrace(spans: readonly TreeSpan[], style: TreeStyle): string[] {
  const paint = style.colours ? PAINT : PLAIN
  const rows = arrange(spans)
  const left = rows.map(({ branch, span }) => `${branch}${cut(clean(span.name), MAX_NAME_WIDTH)}`)
  const durations = rows.map(({ span }) => duration(span.endMicros - span.startMicros))
  const services = rows.map(({ span }) => clean(span.service))
  const kinds = rows.map(({ span }) => KINDS[span.kind] ?? '')
  const width = (column: readonly string[]) => Math.max(...column.map(text => text.length))
  const widths = [Math.min(width(left), MAX_NAME_WIDTH), width(kinds), width(services), width(durations)] as const

  const lines = [header(spans, paint)]
  rows.forEach(({ span, branch, below }, i) => {
    const failed = span.status.code === ERROR
    const name = left[i]!.slice(branch.length)
    const mark = failed ? paint.error('✗') : ' '
    const painted = failed ? paint.error(name) : paint.name(name)
    const columns = [`${paint.branch(branch)}${painted}${pad(left[i]!, widths[0])} ${mark}`]
    if (widths[1] > 0) columns.push(paint.kind(kinds[i]!) + pad(kinds[i]!, widths[1]))
    if (widths[2] > 0) columns.push(paint.service(services[i]!) + pad(services[i]!, widths[2]))
    columns.push(pad(durations[i]!, widths[3]) + durations[i]!)
    const words = outcome(span)
    if (words !== '') columns.push(failed ? paint.error(words) : words)
    const details = detail(span)
    if (details !== '') columns.push(paint.detail(details))
    lines.push(columns.join('  ').trimEnd())
    for (const event of span.events) lines.push(paint.branch(below) + paint.detail(eventLine(event, span)))
  })
  return lines
}

function header(spans: readonly TreeSpan[], paint: Paint): string {
  let start = Infinity
  let end = 0
  let errors = 0
  for (const span of spans) {
    start = Math.min(start, span.startMicros)
    end = Math.max(end, span.endMicros)
    if (span.status.code === ERROR) errors++
  }
  const count = spans.length === 1 ? '1 span' : `${spans.length} spans`
  const failed = errors === 0 ? '' : ` · ${paint.error(errors === 1 ? '1 error' : `${errors} errors`)}`
  return `${paint.trace(`trace ${clean(spans[0]!.traceId)}`)} · ${count} · ${duration(end - start)}${failed}`
}

/**
 * Depth first, children by start. Roots are the spans whose parent is not among them. A loop, which only a broken sender
 * makes, is cut where it is entered; the walk keeps its own stack, so that depth is no limit.
 */
function arrange(spans: readonly TreeSpan[]): Row[] {
  const ids = new Set(spans.map(span => span.spanId))
  const children = new Map<string, TreeSpan[]>()
  const roots: TreeSpan[] = []
  for (const span of [...spans].sort((a, b) => a.startMicros - b.startMicros)) {
    const siblings = children.get(span.parentSpanId)
    if (span.parentSpanId === span.spanId || !ids.has(span.parentSpanId)) roots.push(span)
    else if (siblings === undefined) children.set(span.parentSpanId, [span])
    else siblings.push(span)
  }
  const rows: Row[] = []
  const seen = new Set<TreeSpan>()
  const walk = (root: TreeSpan) => {
    const stack: Row[] = [{ span: root, branch: '', below: '' }]
    for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
      if (seen.has(row.span)) continue
      seen.add(row.span)
      const below = (children.get(row.span.spanId) ?? []).filter(child => !seen.has(child))
      children.delete(row.span.spanId)
      rows.push({ ...row, below: `${row.below}${below.length > 0 ? '│ ' : '  '} ` })
      for (let i = below.length - 1; i >= 0; i--) {
        const last = i === below.length - 1
        stack.push({
          span: below[i]!,
          branch: `${row.below}${last ? '└─ ' : '├─ '}`,
          below: `${row.below}${last ? '   ' : '│  '}`,
        })
      }
    }
  }
  for (const root of roots) walk(root)
  for (const span of spans) if (!seen.has(span)) walk(span)
  return rows
}

/** Status code, error and what explains it. */
function outcome({ attributes, status }: TreeSpan): string {
  const code = getAttribute(attributes, 'http.response.status_code') ?? getAttribute(attributes, 'rpc.status_code')
  const words: string[] = code === undefined ? [] : [clean(String(code))]
  const type = getAttribute(attributes, 'error.type')
  if (type !== undefined && String(type) !== String(code)) words.push(clean(String(type)))
  if (status.code === ERROR && status.message) words.push(value(status.message))
  return words.join(' ')
}

/** Where it went, and what the program itself said about it. */
function detail({ attributes, kind, name }: TreeSpan): string {
  const words: string[] = []
  const text = (key: string) => {
    const found = getAttribute(attributes, key)
    return found === undefined ? undefined : value(found)
  }
  const path = text('url.path')
  const address = text('server.address')
  if (kind === CLIENT) {
    const url = text('url.full')
    const port = text('server.port')
    if (url !== undefined) words.push(url)
    else if (address !== undefined) words.push(port === undefined ? address : `${address}:${port}`)
  } else if (kind === SERVER && path !== undefined && !name.endsWith(` ${path}`)) words.push(path)
  let shown = 0
  for (let i = 0; i < attributes.length && shown < MAX_ATTRIBUTES; i += 2) {
    const key = attributes[i] as string
    if (SHOWN_ELSEWHERE.test(key)) continue
    words.push(`${clean(key)}=${value(attributes[i + 1])}`)
    shown++
  }
  return words.join('  ')
}

function eventLine({ name, timeMicros, attributes }: SpanEvent, span: TreeSpan): string {
  const words = [`· ${clean(name)}`]
  for (let i = 0; i < attributes.length && words.length <= MAX_ATTRIBUTES; i += 2) {
    const key = attributes[i] as string
    if (key === 'exception.stacktrace') continue
    words.push(name === 'exception' ? value(attributes[i + 1]) : `${clean(key)}=${value(attributes[i + 1])}`)
  }
  return `${words.join(' ')} +${duration(timeMicros - span.startMicros)}`
}

function value(content: unknown): string {
  return cut(clean(Array.isArray(content) ? `[${content.join(', ')}]` : String(content)), MAX_VALUE)
}

/** What a stranger sent must not draw on the terminal. */
function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, character =>
    character === '\n' || character === '\t' ? ' ' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

/** The blanks that fill `text` to the width of its column. */
function pad(text: string, width: number): string {
  return ' '.repeat(Math.max(width - text.length, 0))
}

/** `0.04 ms`, `12.4 ms`, `1.25 s` */
function duration(micros: number): string {
  if (micros < 10_000) return `${(micros / 1000).toFixed(2)} ms`
  return micros < 1e6 ? `${(micros / 1000).toFixed(1)} ms` : `${(micros / 1e6).toFixed(2)} s`
}

interface Paint {
  readonly trace: (text: string) => string
  readonly name: (text: string) => string
  readonly branch: (text: string) => string
  readonly kind: (text: string) => string
  readonly service: (text: string) => string
  readonly detail: (text: string) => string
  readonly error: (text: string) => string
}

const plain = (text: string) => text
const sgr = (code: number) => (text: string) => (text === '' ? '' : `\u001b[${code}m${text}\u001b[0m`)
const PLAIN: Paint = {
  trace: plain,
  name: plain,
  branch: plain,
  kind: plain,
  service: plain,
  detail: plain,
  error: plain,
}
const PAINT: Paint = {
  trace: sgr(1),
  name: plain,
  branch: sgr(90),
  kind: sgr(36),
  service: sgr(35),
  detail: sgr(90),
  error: sgr(31),
}
