import type { Encoding } from '../contract'
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
    encode(batch, resource) {
      const json = fit(maker.make(batch[0]!, resource), MAX_DATAGRAM - DAEMON_HEADER.length, options.warn)
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
    encode(batch, resource) {
      const documents = batch.map(span => fit(maker.make(span, resource), MAX_DOCUMENT, options.warn))
      return Buffer.from(JSON.stringify({ TraceSegmentDocuments: documents }))
    },
    rejected: readUnprocessed,
  }
}

/** `UnprocessedTraceSegments: [{ Id, ErrorCode, Message }]` of the answer. */
function readUnprocessed(reply: Uint8Array): { spans: number; reason: string } | undefined {
  if (reply.length === 0) return undefined
  let answer: { UnprocessedTraceSegments?: { ErrorCode?: unknown; Message?: unknown }[] }
  try {
    answer = JSON.parse(Buffer.from(reply).toString())
  } catch {
    return { spans: 0, reason: 'answered something that is not JSON' }
  }
  const unprocessed = answer?.UnprocessedTraceSegments
  if (!Array.isArray(unprocessed) || unprocessed.length === 0) return undefined
  const first = unprocessed[0]
  return {
    spans: unprocessed.length,
    reason: `${first?.ErrorCode ?? 'unknown error'}: ${first?.Message ?? 'no message'}`,
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
