/** Answers on a connection of HTTP/1.1, read by Node's own parser. */
import { MAX_REPLY_BYTES } from './sizes'

/** What is used of the parser; the same from Node 20.6 to 26. */
interface Parser {
  [callback: number]: Function
  /** Ours. */
  reader: AnswerReader
  initialize(type: number, resource: object): void
  execute(chunk: Buffer): number | ParseError
  finish(): unknown
  free(): void
  close(): void
}

interface ParseError extends NodeJS.ErrnoException {
  readonly reason?: string
}

/** Loads nothing of what `http` is besides; the parsers that the program's connections take come from a list, and not from here. */
const { HTTPParser } = require('node:_http_common') as {
  HTTPParser: (new () => Parser) & {
    readonly RESPONSE: number
    readonly kOnMessageBegin: number
    readonly kOnHeaders: number
    readonly kOnHeadersComplete: number
    readonly kOnBody: number
    readonly kOnMessageComplete: number
  }
}

const SWITCHING_PROTOCOLS = 101

/** The head of an answer. */
export interface Answer {
  readonly code: number
  /** As the other side says it; may be empty. */
  readonly words: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
}

/** The first header of that name, which is given in lower case. */
export function headerOf({ headers }: Answer, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === name) return headers[i + 1]
  return undefined
}

export class AnswerReader {
  /** Once the head of it is there. */
  answer: Answer | undefined
  isComplete = false
  /** It has more than `MAX_REPLY_BYTES`. */
  isExcessive = false
  /** The other side takes another message, and has sent nothing after the answer. */
  keeps = false
  private readonly parser: Parser
  /** Headers that came before the end of the head. */
  private headers: string[] = []
  private chunks: Buffer[] = []
  private size = 0
  /** What went wrong where the parser passes nothing on. */
  private fault: { readonly error: unknown } | undefined

  constructor() {
    const parser = new HTTPParser()
    parser.initialize(HTTPParser.RESPONSE, {})
    parser.reader = this
    parser[HTTPParser.kOnMessageBegin] = onMessageBegin
    parser[HTTPParser.kOnHeaders] = onHeaders
    parser[HTTPParser.kOnHeadersComplete] = onHeadersComplete
    parser[HTTPParser.kOnBody] = onBody
    parser[HTTPParser.kOnMessageComplete] = onMessageComplete
    this.parser = parser
  }

  get body(): Buffer {
    return this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
  }

  /**
   * @returns why it is no answer, in the words of Node's client. What follows a complete one is none of it.
   * @throws what went wrong in here
   */
  read(chunk: Buffer): NodeJS.ErrnoException | undefined {
    const result = this.parser.execute(chunk)
    if (this.fault !== undefined) throw this.fault.error
    if (result !== chunk.length) this.keeps = false
    if (typeof result === 'number' || this.isComplete) return undefined
    if (result.reason) result.message = `Parse Error: ${result.reason}`
    return result
  }

  /** The connection has ended, which may be the end of the answer. */
  end(): void {
    this.parser.finish()
    this.keeps = false
  }

  /** The next answer is to another message. */
  reset(): void {
    this.answer = undefined
    this.isComplete = false
    this.headers = []
    this.chunks = []
    this.size = 0
  }

  /** Not to be called by what the parser calls. */
  free(): void {
    this.parser.free()
    this.parser.close()
  }

  onFault(error: unknown): void {
    this.fault = { error }
  }

  onBegin(): void {
    // Also the first byte of another answer is one too many.
    if (this.isComplete) this.keeps = false
  }

  onHeaders(headers: string[]): void {
    // After the head come trailers, which nobody reads.
    if (this.answer === undefined) this.headers.push(...headers)
  }

  onHead(code: number, words: string, headers: string[] | undefined, keeps: boolean): void {
    const before = this.headers
    this.headers = []
    if (this.isComplete) return
    // The others below 200 only say that an answer will come.
    if (code >= 200 || code === SWITCHING_PROTOCOLS) {
      this.answer = { code, words, headers: headers ?? before }
      this.keeps = keeps && code !== SWITCHING_PROTOCOLS
    }
  }

  onBody(chunk: Buffer): void {
    if (this.isComplete) return
    this.size += chunk.length
    if (this.size <= MAX_REPLY_BYTES) this.chunks.push(chunk)
    else this.isExcessive = true
  }

  onComplete(): void {
    if (this.answer !== undefined) this.isComplete = true
  }
}

// What the parser calls, for all connections; `this` is the parser.

/** Of all of them this is the one whose exceptions Node ignores, from version 22 on. */
function onMessageBegin(this: Parser): void {
  try {
    this.reader.onBegin()
  } catch (error) {
    this.reader.onFault(error)
  }
}

function onHeaders(this: Parser, headers: string[]): void {
  this.reader.onHeaders(headers)
}

function onHeadersComplete(
  this: Parser,
  _versionMajor: number,
  _versionMinor: number,
  headers: string[] | undefined,
  _method: unknown,
  _url: unknown,
  code: number,
  words: string,
  _upgrade: boolean,
  shouldKeepAlive: boolean,
): number {
  this.reader.onHead(code, words, headers, shouldKeepAlive)
  // A body may follow.
  return 0
}

function onBody(this: Parser, chunk: Buffer): void {
  this.reader.onBody(chunk)
}

function onMessageComplete(this: Parser): void {
  this.reader.onComplete()
}
