/**
 * Answers to messages that were handed over before the thread began to end. Its event loop reads no connection any more,
 * so they are read here: without a library, and only as far as it must be known whether the message was taken.
 */
import { readSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import { now } from '../timers'
import type { HandedOver, Reply, Unsent } from './contract'

/** Nobody needs more to say yes or no. */
const MAX_BYTES = 256 * 1024
const LOOK_AGAIN_MS = 2

const BROKEN: Reply = {
  ok: false,
  reason: 'closed the connection without an answer',
  retry: true,
  mayHaveArrived: true,
}

/** A connection and what came on it since the thread ends. */
interface Connection {
  bytes: Buffer
  /** `blind`: nothing can be read from it. */
  state: 'open' | 'ended' | 'blind'
}

/** Reads the connections of messages that were handed over. */
export class LastWords {
  /** By index of the message. */
  readonly replies = new Map<number, Reply>()
  private readonly waiting = new Map<number, HandedOver>()
  private readonly connections = new Map<number, Connection>()
  private readonly clock = new Int32Array(new SharedArrayBuffer(4))

  constructor(messages: readonly Unsent[]) {
    for (const [index, { handedOver }] of messages.entries()) {
      if (handedOver === undefined) continue
      this.waiting.set(index, handedOver)
      if (handedOver.poll !== undefined) continue
      this.connections.set(handedOver.fd, { bytes: Buffer.alloc(0), state: handedOver.fd < 0 ? 'blind' : 'open' })
    }
  }

  get isWaiting(): boolean {
    return this.waiting.size > 0
  }

  /** Takes what has come, without waiting. */
  look(): void {
    for (const [fd, connection] of this.connections) read(fd, connection)
    for (const [index, message] of this.waiting) {
      const { poll } = message
      const reply = poll === undefined ? replyOn(this.connections.get(message.fd)!, message) : poll()
      if (reply === undefined) continue
      this.waiting.delete(index)
      this.replies.set(index, reply)
    }
  }

  /** Waits for all answers, at most until `deadlineMs` of `now()`. */
  wait(deadlineMs: number): void {
    for (;;) {
      this.look()
      if (!this.isWaiting || now() >= deadlineMs) return
      Atomics.wait(this.clock, 0, 0, LOOK_AGAIN_MS)
    }
  }

  /**
   * No answer will be read any more.
   *
   * @param areSent what was not answered counts as sent, for nobody waited; so does what is behind TLS, where an answer
   * cannot be told from other words
   */
  giveUp(areSent: boolean): void {
    for (const [index, { protocol }] of this.waiting) {
      if (areSent || protocol === 'tls') this.replies.set(index, { ok: true })
    }
    this.waiting.clear()
  }
}

function read(fd: number, connection: Connection): void {
  const chunk = Buffer.allocUnsafe(16 * 1024)
  while (connection.state === 'open' && connection.bytes.length < MAX_BYTES) {
    try {
      const length = readSync(fd, chunk, 0, chunk.length, null)
      if (length === 0) connection.state = 'ended'
      else connection.bytes = Buffer.concat([connection.bytes, chunk.subarray(0, length)])
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') return
      connection.state = /^(ECONN|EPIPE|ETIMEDOUT)/.test(code) ? 'ended' : 'blind'
    }
  }
}

function replyOn({ bytes, state }: Connection, message: HandedOver): Reply | undefined {
  if (state === 'blind') return { ok: true }
  return replyIn(bytes, message) ?? (state === 'ended' ? BROKEN : undefined)
}

/** The answer to the message in what came on its connection. Not one yet: undefined. */
export function replyIn(bytes: Buffer, { protocol, streamId, begun }: HandedOver): Reply | undefined {
  if (protocol === 'h2') return replyInFrames(bytes, streamId!, begun === true)
  return protocol === 'tls' ? replyInRecords(bytes) : replyInHttp(bytes)
}

/** The first final status line (RFC 9112, section 4). */
function replyInHttp(bytes: Buffer): Reply | undefined {
  for (let at = 0; ; ) {
    const line = bytes.toString('latin1', at, at + 12)
    if (line.length < 12) return undefined
    const code = Number(/^HTTP\/1\.[01] (\d\d\d)$/.exec(line)?.[1])
    if (!(code >= 100)) return { ok: false, reason: 'answered with something that is not HTTP/1.1', retry: false }
    if (code >= 200 && code < 300) return { ok: true }
    if (code >= 200) return { ok: false, reason: `answered ${code} ${STATUS_CODES[code] ?? ''}`.trim(), retry: false }
    const end = bytes.indexOf('\r\n\r\n', at, 'latin1')
    if (end < 0) return undefined
    at = end + 4
  }
}

const DATA = 0
const HEADERS = 1
const RST_STREAM = 3
const GOAWAY = 7
const END_STREAM = 1
const REFUSED_STREAM = 7
const FRAME_HEAD_BYTES = 9

/**
 * The end of the stream (RFC 9113, section 4.1). The status is compressed: a gRPC answer with a message before its end is
 * one that says yes.
 */
function replyInFrames(bytes: Buffer, streamId: number, begun: boolean): Reply | undefined {
  let hasMessage = begun
  for (let at = 0; at + FRAME_HEAD_BYTES <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3)
    const type = bytes[at + 3]
    const isLast = (bytes[at + 4]! & END_STREAM) !== 0
    const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff
    const body = at + FRAME_HEAD_BYTES
    at = body + length
    if (at > bytes.length) return undefined
    if (type === GOAWAY && length >= 8 && (bytes.readUInt32BE(body) & 0x7fffffff) < streamId) return BROKEN
    if (stream !== streamId) continue
    if (type === DATA && length > 0) hasMessage = true
    if (type === RST_STREAM && length === 4) {
      const isRefused = bytes.readUInt32BE(body) === REFUSED_STREAM
      return { ok: false, reason: 'reset the call', retry: isRefused }
    }
    if (type === HEADERS && isLast) {
      return hasMessage ? { ok: true } : { ok: false, reason: 'answered with an error', retry: false }
    }
  }
  return undefined
}

const APPLICATION_DATA = 23
const RECORD_HEAD_BYTES = 5

/** Something that only the other side's application, or at least its TLS, can have said (RFC 8446, section 5.1). */
function replyInRecords(bytes: Buffer): Reply | undefined {
  for (let at = 0; at + RECORD_HEAD_BYTES <= bytes.length; at += RECORD_HEAD_BYTES + bytes.readUInt16BE(at + 3)) {
    if (bytes[at] === APPLICATION_DATA) return { ok: true }
  }
  return undefined
}
