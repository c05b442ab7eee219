import { CLIENT, ERROR, getAttribute, PRODUCER, type SpanData, type SpanEvent } from '../../trace/data'
import { text } from './xray-names'

export interface StackFrame {
  path?: string
  line?: number
  label?: string
}

/** `exception` of the segment document. */
export interface XRayException {
  /** 16 hex digits, unique in the trace. */
  id: string
  type?: string
  message?: string
  remote?: boolean
  /** Frames that were left out. */
  truncated?: number
  stack?: StackFrame[]
}

export interface Cause {
  exceptions: XRayException[]
}

/** The statuses of gRPC as `google.rpc.Code` maps them to HTTP, where they are the caller's fault; all others are ours. */
const RPC_ERRORS: Readonly<Record<string, number>> = {
  CANCELLED: 499,
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
}

/** `error`: the caller's mistake (4xx); `throttle`: too many calls (429); `fault`: ours (5xx and everything without a status). */
export function flagsOf(span: SpanData): { error?: true; throttle?: true; fault?: true } {
  const http = getAttribute(span.attributes, 'http.response.status_code')
  const rpc = text(span.attributes, 'rpc.status_code')
  const failed = span.status.code === ERROR
  const status = typeof http === 'number' ? http : rpc !== undefined && failed ? (RPC_ERRORS[rpc] ?? 500) : 0
  if (status === 429) return { error: true, throttle: true }
  if (status >= 400 && status < 500) return { error: true }
  if (status >= 500 || failed) return { fault: true }
  return {}
}

/** The exceptions that the span recorded; without one, what its status says. Undefined when nothing failed. */
export function causeOf(span: SpanData): Cause | undefined {
  const remote = span.kind === CLIENT || span.kind === PRODUCER
  const exceptions: XRayException[] = []
  for (const event of span.events) {
    if (event.name === 'exception')
      exceptions.push(fromEvent(event, exceptionId(span.spanId, exceptions.length), remote))
  }
  if (exceptions.length === 0) {
    const fallback = fromStatus(span, remote)
    if (fallback !== undefined) exceptions.push(fallback)
  }
  return exceptions.length === 0 ? undefined : { exceptions }
}

function fromEvent(event: SpanEvent, id: string, remote: boolean): XRayException {
  const exception: XRayException = { id }
  const type = text(event.attributes, 'exception.type')
  const message = text(event.attributes, 'exception.message')
  const stack = text(event.attributes, 'exception.stacktrace')
  if (type !== undefined) exception.type = type
  if (message !== undefined) exception.message = message
  if (remote) exception.remote = true
  if (stack !== undefined) exception.stack = parseStack(stack)
  return exception
}

/** A status code explains itself; an error without exception has at least a type or a message. */
function fromStatus(span: SpanData, remote: boolean): XRayException | undefined {
  if (span.status.code !== ERROR) return undefined
  const type = text(span.attributes, 'error.type')
  const { message } = span.status
  if (message === undefined && (type === undefined || isStatusCode(type))) return undefined
  const exception: XRayException = { id: exceptionId(span.spanId, 0) }
  if (type !== undefined) exception.type = type
  if (message !== undefined) exception.message = message
  if (remote) exception.remote = true
  return exception
}

function isStatusCode(type: string): boolean {
  return type.length === 3 && !Number.isNaN(Number(type))
}

/** An id derived from the span's, so that encoding the same span twice gives the same document. */
export function exceptionId(spanId: string, index: number): string {
  return (BigInt(`0x${spanId}`) ^ (0xe4c0000000000000n + BigInt(index + 1))).toString(16).padStart(16, '0')
}

/**
 * Frames of a V8 stack trace: `    at label (path:line:column)` or `    at path:line:column`. Lines of another form are
 * part of the message and are left out.
 */
export function parseStack(stack: string): StackFrame[] {
  const frames: StackFrame[] = []
  for (const line of stack.split('\n')) {
    const at = line.trimStart()
    if (!at.startsWith('at ')) continue
    const call = at.slice(3).trimEnd()
    const open = call.endsWith(')') ? call.lastIndexOf(' (') : -1
    frames.push(
      open < 0
        ? toFrame(undefined, call.startsWith('async ') ? call.slice(6) : call)
        : toFrame(call.slice(0, open), call.slice(open + 2, -1)),
    )
  }
  return frames
}

function toFrame(label: string | undefined, location: string): StackFrame {
  const frame: StackFrame = {}
  const column = location.lastIndexOf(':')
  const line = column < 0 ? -1 : location.lastIndexOf(':', column - 1)
  const number = line < 0 ? Number.NaN : Number(location.slice(line + 1, column))
  if (Number.isInteger(number)) {
    frame.path = location.slice(0, line)
    frame.line = number
  } else if (location !== '') frame.path = location
  if (label !== undefined && label !== '') frame.label = label
  return frame
}
