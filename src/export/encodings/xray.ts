import type { Encoding, Verdict } from '../contract'
import { DocumentMaker, type DocumentOptions, type SegmentDocument } from './xray-document'

/** First line of a datagram to the X-Ray daemon (X-Ray developer guide, "Sending segment documents to the daemon"). */
const DAEMON_HEADER = '{"format":"json","version":1}\n'
/** Largest UDP payload over IPv4. */
const MAX_DATAGRAM = 65_507
/** Largest document that the API takes. */
const MAX_DOCUMENT = 65_536
/** Most documents in one call of PutTraceSegments. */
const MAX_DOCUMENTS = 50
/** Stack frames that stay in a document which was too large even without metadata. */
const FRAMES_KEPT = 10

export interface XRayOptions extends DocumentOptions {
  /** Says that documents lost something to fit. */
  readonly warn: (message: string) => void
}

/** One segment document for the X-Ray daemon: the header line and JSON, one datagram. */
export function xrayDaemon(options: XRayOptions): Encoding {
  const maker = new DocumentMaker(options)
  return {
    mediaType: 'application/vnd.aws.xray.daemon',
    maxSpans: 1,
    *encode(batch, resource) {
      const json = fit(maker.make(batch[0]!, resource), MAX_DATAGRAM - DAEMON_HEADER.length, options.warn)
      yield
      return Buffer.from(DAEMON_HEADER + json)
    },
  }
}

/** The body of PutTraceSegments: `{"TraceSegmentDocuments": [string, …]}` with at most 50 documents. */
export function xrayApi(options: XRayOptions): Encoding {
  const maker = new DocumentMaker(options)
  return {
    mediaType: 'application/x-amz-json-1.1',
    maxSpans: MAX_DOCUMENTS,
    *encode(batch, resource) {
      const documents: string[] = []
      for (const span of batch) {
        documents.push(fit(maker.make(span, resource), MAX_DOCUMENT, options.warn))
        yield
      }
      return Buffer.from(JSON.stringify({ TraceSegmentDocuments: documents }))
    },
    readReply: readUnprocessed,
    readError: readMessage,
  }
}

/** `UnprocessedTraceSegments: [{ Id, ErrorCode, Message }]` of the answer. */
function readUnprocessed(body: Uint8Array): Verdict | undefined {
  const answer = parse(body)
  if (answer === undefined) return undefined
  const unprocessed = answer['UnprocessedTraceSegments']
  if (!Array.isArray(unprocessed) || unprocessed.length === 0) return { rejectedSpans: 0, message: '' }
  const { ErrorCode: code, Message: words } = Object(unprocessed[0])
  const message = `${text(code) ?? 'unknown error'}: ${text(words) ?? 'no message'}`
  return { rejectedSpans: unprocessed.length, message }
}

/** Nothing else is a word, and some values throw when they are made one. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** `{ message }` or `{ Message }` of an AWS error. */
function readMessage(body: Uint8Array): string {
  const answer = parse(body)
  const message = answer?.['message'] ?? answer?.['Message']
  return text(message) ?? ''
}

function parse(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The document as JSON of at most `maxBytes`: metadata goes first, then stack frames, then long messages and annotations. */
function fit(document: SegmentDocument, maxBytes: number, warn: (message: string) => void): string {
  let json = JSON.stringify(document)
  if (Buffer.byteLength(json) <= maxBytes) return json
  const lost: string[] = []
  for (const [what, shrink] of SHRINKING) {
    for (const part of [document, ...(document.subsegments ?? [])]) shrink(part)
    lost.push(what)
    json = JSON.stringify(document)
    if (Buffer.byteLength(json) <= maxBytes) break
  }
  warn(`a segment document larger than ${maxBytes} bytes was sent without ${lost.join(', ')}`)
  return json
}

const SHRINKING: readonly (readonly [what: string, shrink: (part: SegmentDocument) => void])[] = [
  [
    'metadata',
    part => {
      delete part.metadata
    },
  ],
  [
    'most stack frames',
    part => {
      for (const exception of part.cause?.exceptions ?? []) {
        if (exception.stack === undefined || exception.stack.length <= FRAMES_KEPT) continue
        exception.truncated = exception.stack.length - FRAMES_KEPT
        exception.stack = exception.stack.slice(0, FRAMES_KEPT)
      }
    },
  ],
  [
    'long messages and all but ten exceptions',
    part => {
      if (part.cause === undefined) return
      part.cause.exceptions = part.cause.exceptions.slice(0, 10)
      for (const exception of part.cause.exceptions) {
        if (exception.message !== undefined) exception.message = exception.message.slice(0, 1000)
        delete exception.stack
      }
    },
  ],
  [
    'annotations, links and SQL',
    part => {
      delete part.annotations
      delete part['links']
      delete part['sql']
    },
  ],
]
