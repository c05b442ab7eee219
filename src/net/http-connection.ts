/**
 * A connection that speaks HTTP/1.1, one message at a time.
 *
 * @see RATIONALE.md, "Why does the agent speak HTTP by itself?"
 */
import type net from 'node:net'
import { guard, notUnderstood } from '../guard'
import { type Answer, AnswerReader, headerOf } from './http-answer'
import { openSocket, type Place } from './socket'

/** When a connection begins to ask whether the other side is still there; as an agent of Node has it. */
const KEEP_ALIVE_MS = 1000
/** A server that says how long it waits must not close while a message is on its way. */
const EARLIER_MS = 1000
/** Longer times make Node warn. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Who has sent a message. One of these is called for it, except after `abandon`. */
export interface Sender {
  /** @param isRead all of the message was with the system by then */
  onAnswer(answer: Answer, body: Buffer, isRead: boolean): void
  /** The answer has more than `MAX_REPLY_BYTES`. */
  onExcess(answer: Answer): void
  /** The connection has ended, or could not be made. With an answer: in the middle of it. */
  onBroken(error: NodeJS.ErrnoException, answer: Answer | undefined): void
  /** A fault of ours. It does not throw. */
  readonly fail: (error: Error) => void
}

/** Who has connections. */
export interface Pool {
  /** Of the last connection with TLS; the next one begins faster with it. */
  session: Buffer | undefined
  /** It can carry another message. */
  onRest(connection: Connection): void
  onGone(connection: Connection): void
}

export class Connection {
  readonly socket: net.Socket
  /** It carried a message before this one, whose answer has not begun: the other side had perhaps closed it already. */
  isStale = false
  private wasUsed = false
  private sender: Sender | undefined
  private readonly reader: AnswerReader

  /** What a listener throws would be an uncaught exception of the program. */
  private readonly guarded = guard(error => {
    const { sender } = this
    this.sender = undefined
    this.socket.destroy()
    sender?.fail(notUnderstood(error))
  })

  constructor(
    place: Place,
    private readonly pool: Pool,
  ) {
    this.reader = new AnswerReader()
    const onError = this.guarded(this.onError.bind(this))
    const socket = openSocket(place, 'http/1.1', pool.session)
    this.socket = socket
    // First of all: from here on the other side may be told to be away, by an event that must not be without a listener.
    socket.on('error', onError)
    const unref = this.guarded(() => void socket.unref())
    unref()
    // Of several addresses each is tried with a handle of its own.
    socket.on('connectionAttempt', unref)
    socket.on('connect', unref)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    if (place.secure !== undefined) socket.on('session', this.guarded(this.onSession.bind(this)))
    socket.on('data', this.guarded(this.onData.bind(this)))
    socket.on('end', this.guarded(this.onEnd.bind(this)))
    socket.on('timeout', this.guarded(this.onTimeout.bind(this)))
    socket.on('close', this.guarded(this.onClose.bind(this)))
  }

  /** Of the message that is on its way, once the head of it is there. */
  get answer(): Answer | undefined {
    return this.reader.answer
  }

  get canCarry(): boolean {
    return this.sender === undefined && this.socket.writable && !this.socket.destroyed
  }

  /** Head and body leave together. */
  send(head: string, body: Uint8Array, sender: Sender): void {
    const { socket } = this
    this.sender = sender
    this.isStale = this.wasUsed
    if (this.wasUsed) socket.setTimeout(0)
    this.wasUsed = true
    socket.cork()
    socket.write(head, 'latin1')
    socket.write(body)
    socket.uncork()
  }

  /** The sender is not told what becomes of the message. */
  abandon(): void {
    this.sender = undefined
    this.socket.destroy()
  }

  private onData(chunk: Buffer): void {
    const { reader, sender } = this
    // Not asked for: it would be taken for the answer to the next message.
    if (sender === undefined) return void this.socket.destroy()
    this.isStale = false
    const error = reader.read(chunk)
    if (reader.isExcessive) {
      sender.onExcess(reader.answer!)
      this.abandon()
    } else if (reader.isComplete) this.settle(sender)
    else if (error !== undefined) this.onBroken(error)
  }

  private onSession(session: Buffer): void {
    this.pool.session = session
  }

  private onTimeout(): void {
    this.socket.destroy()
  }

  private onEnd(): void {
    // An end in the middle of a handshake with TLS is an error, which comes next and says so.
    if (!this.socket.destroyed) this.onOver(hangUp(this.answer))
  }

  private onError(error: NodeJS.ErrnoException): void {
    // It may be the session that the other side does not want.
    this.pool.session = undefined
    this.onOver(error)
  }

  /** Nothing comes any more. */
  private onOver(error: NodeJS.ErrnoException): void {
    const { reader, sender } = this
    if (sender === undefined) return void this.socket.destroy()
    // What has no length ends with the connection, and few servers see to it that this is not a reset.
    reader.end()
    if (reader.isComplete) this.settle(sender)
    else this.onBroken(error)
  }

  private onBroken(error: NodeJS.ErrnoException): void {
    this.sender?.onBroken(error, this.answer)
    this.abandon()
  }

  private onClose(): void {
    this.pool.onGone(this)
    this.onOver(hangUp(this.answer))
    this.reader.free()
  }

  /** The answer is there. It is told last: what fails before is told instead. */
  private settle(sender: Sender): void {
    const { socket, reader } = this
    const answer = reader.answer!
    const { body } = reader
    // An answer may come before the end of the message, the rest of which nobody wants.
    const isRead = socket.writableLength === 0
    reader.reset()
    if (reader.keeps && isRead) this.rest(headerOf(answer, 'keep-alive'))
    else socket.destroy()
    sender.onAnswer(answer, body, isRead)
    this.sender = undefined
  }

  private rest(hint: string | undefined): void {
    const seconds = hint === undefined ? undefined : /^timeout=(\d+)/.exec(hint)?.[1]
    if (seconds !== undefined) {
      const restMs = Number(seconds) * 1000 - EARLIER_MS
      if (restMs <= 0) return void this.socket.destroy()
      this.socket.setTimeout(Math.min(restMs, MAX_TIMER_MS))
    }
    this.pool.onRest(this)
  }
}

/** In the words of Node's client, which has none for the middle of an answer. */
function hangUp(answer: Answer | undefined): NodeJS.ErrnoException {
  const words = answer === undefined ? 'socket hang up' : 'closed the connection'
  return Object.assign(new Error(words), { code: 'ECONNRESET' })
}
