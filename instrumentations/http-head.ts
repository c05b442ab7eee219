/**
 * The head of a message as Node has rendered it (`message._header`): the first line, a line for each header, an empty line.
 *
 * Our headers are written into this text and nowhere else: the caller's object or array of headers stays as it is, whatever
 * its form, and `getHeaders()` answers what the program has set.
 */
import type { ClientRequest } from 'node:http'
import type { TextMapSetter } from '@opentelemetry/api'
import type { AgentContext, Tools } from '../src/instrumentation'
import { isHeaderText } from './_http-semantics'

export interface OutgoingRequest extends ClientRequest {
  /** Null as long as it is not rendered. */
  _header: string | null
  /** The head was put into `outputData`, or sent. */
  _headerSent: boolean
  outputData: { data: unknown }[]
  outputSize: number
  socketPath?: unknown
}

/** All values of a header. @param name in lower case */
export function headerIn(head: string, name: string): string[] | undefined {
  const lower = head.toLowerCase()
  const start = `\r\n${name}:`
  let values: string[] | undefined
  for (let at = lower.indexOf(start); at >= 0; at = lower.indexOf(start, at + 2)) {
    values ??= []
    values.push(head.slice(at + start.length, head.indexOf('\r\n', at + 2)).trim())
  }
  return values
}

/** Collects what the propagators write. */
class Lines {
  text = ''
  readonly names: string[] = []
}

const LINES_SETTER: TextMapSetter<Lines> = {
  set(lines, name, value) {
    if (!isHeaderText(value)) return
    lines.names.push(name.toLowerCase())
    lines.text += `${name}: ${value}\r\n`
  },
}

/** Writes the headers of `context` into a request whose head is rendered and not yet on the wire; those of the same name go. */
export function addHeaders(request: OutgoingRequest, context: AgentContext, tools: Tools): void {
  const before = request._header
  if (typeof before !== 'string' || !before.endsWith('\r\n\r\n')) return
  const lines = new Lines()
  tools.inject(context, lines, LINES_SETTER)
  if (lines.text === '') return
  // A request whose headers were given as an array has none that it could tell.
  const tells = request.hasHeader('host') || request.getHeaderNames().length > 0
  let kept = before
  for (const name of lines.names) if (!tells || request.hasHeader(name)) kept = without(kept, name)
  const after = `${kept.slice(0, -2)}${lines.text}\r\n`
  request._header = after
  if (!request._headerSent) return
  const first = request.outputData[0]
  if (first === undefined || typeof first.data !== 'string' || !first.data.startsWith(before)) return
  first.data = after + first.data.slice(before.length)
  request.outputSize += after.length - before.length
}

function without(head: string, name: string): string {
  const start = `\r\n${name}:`
  let kept = head
  for (;;) {
    const at = kept.toLowerCase().indexOf(start)
    if (at < 0) return kept
    kept = kept.slice(0, at) + kept.slice(kept.indexOf('\r\n', at + 2))
  }
}
