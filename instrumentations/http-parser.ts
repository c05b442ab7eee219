/**
 * Where requests and responses can be watched without a trace: at Node's HTTP parser, which both sides share.
 *
 * A parser object holds the functions that the native parser calls (`parser[HTTPParser.kOnBody]` and so on), and every
 * parser comes out of one list, `parsers` of `_http_common`; so it has been since Node 0.11. Each parser gets our functions
 * there, under the names of Node's own. No emitter is touched: listeners, their number and order, own keys of
 * requests, responses and prototypes are what they were.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Tools } from '../src/instrumentation'
import { contextAt, enterContextAt, runInContext } from '../src/instrumentation'
import { Given } from './_note'
import type { Client } from './http-client'
import type { Connection, HttpServer } from './http-server'

/** The connection that a server's parser works for. */
export class ConnectionNote extends Given {
  #connection: Connection | undefined

  constructor(parser: object, connection: Connection | undefined) {
    super(parser)
    this.#connection = connection
  }

  static read(parser: object): Connection | undefined {
    return #connection in parser ? parser.#connection : undefined
  }

  static write(parser: object, connection: Connection | undefined): void {
    if (#connection in parser) parser.#connection = connection
    else new ConnectionNote(parser, connection)
  }
}

export interface Parser {
  socket: (Socket & { server?: Server }) | null
  /** The message that is arriving. */
  incoming: (IncomingMessage & { upgrade?: boolean }) | null
  /** A client's request. */
  outgoing: object | null
  /** Raw headers, when they came in several pieces. */
  _headers: string[]
}

/** Indices of the functions. */
interface ParserClass {
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

/** Who is told. Replaced when the agent is started again: parsers live longer. */
export interface ParserWatch {
  readonly server: HttpServer
  readonly client: Client
  readonly tools: Tools
}

let watch: ParserWatch | undefined

/** Made once, for all parsers of the thread. */
let functions: ParserFunctions | undefined

/** Gives a parser our functions; one that has them, or somebody else's, is left alone. */
export type Equip = (parser: Parser) => void

/** Every parser taken from now on is watched; one that is in use as soon as `Equip` is called with it. */
export function watchParsers(to: ParserWatch): Equip {
  const { HTTPParser, parsers } = require('node:_http_common') as { HTTPParser: ParserClass; parsers: object }
  watch = to
  const equip: Equip = parser => {
    functions ??= new ParserFunctions(parser, HTTPParser)
    functions.giveTo(parser)
  }
  // A parser is used again and again: one that was made before we came passes here as well.
  to.tools.wrap(
    Object.getPrototypeOf(parsers),
    'alloc',
    original =>
      function alloc(this: unknown) {
        const parser = Reflect.apply(original, this, arguments)
        try {
          if (this === parsers) equip(parser)
        } catch (error) {
          to.tools.fault('taking a parser', error)
        }
        return parser
      },
  )
  return equip
}

class ParserFunctions {
  private readonly pairs: readonly (readonly [index: number, own: Function, ours: Function])[]
  /** Of the first. */
  private readonly index: number
  private readonly ours: Function

  constructor(parser: any, { kOnHeadersComplete, kOnBody, kOnMessageComplete }: ParserClass) {
    const pair = (index: number, trace: (original: Function) => Function) =>
      [index, parser[index], named(trace(parser[index]), parser[index])] as const
    this.pairs = [
      pair(kOnHeadersComplete, traceHeadersComplete),
      pair(kOnBody, traceBody),
      pair(kOnMessageComplete, traceMessageComplete),
    ]
    this.index = kOnHeadersComplete
    this.ours = this.pairs[0]![2]
  }

  giveTo(parser: any): void {
    // Parsers are used again, and this one nearly always has them.
    if (parser[this.index] === this.ours) return
    for (const [index, own] of this.pairs) if (parser[index] !== own) return
    ConnectionNote.write(parser, undefined)
    for (const [index, , ours] of this.pairs) parser[index] = ours
  }
}

/** `console.log` of a parser shows the names of its functions. */
function named(ours: Function, own: Function): Function {
  for (const key of ['name', 'length']) Object.defineProperty(ours, key, Object.getOwnPropertyDescriptor(own, key)!)
  return ours
}

function traceHeadersComplete(original: Function): Function {
  return function parserOnHeadersComplete(
    this: Parser,
    versionMajor: number,
    versionMinor: number,
    headers: string[] | undefined,
    method: unknown,
    _url: unknown,
    statusCode: number,
    _statusMessage: unknown,
    upgrade: boolean,
    _shouldKeepAlive: unknown,
  ) {
    const { server, client, tools } = watch!
    if (typeof method !== 'number') {
      try {
        if (this.outgoing !== null) {
          client.onResponse(this, versionMajor, versionMinor, headers ?? this._headers, statusCode, upgrade)
        }
      } catch (error) {
        tools.fault('a response', error)
      }
      return Reflect.apply(original, this, arguments)
    }
    // The program's handler runs in here. Not a catch: what is thrown again would seem to come from this file.
    let returned = false
    server.onDispatch()
    try {
      const result = Reflect.apply(original, this, arguments)
      returned = true
      return result
    } finally {
      if (!returned) server.onInterrupted()
      else server.onDispatched()
      if (returned && this.incoming !== null && this.incoming.upgrade === true) server.onUpgrade(this, this.incoming)
    }
  }
}

/**
 * From Node 24 on this runs in the context in which the connection was made, whatever a handler has entered since; before,
 * the context that was entered stays.
 */
function traceBody(original: Function): Function {
  return function parserOnBody(this: Parser, _chunk: unknown) {
    const connection = ConnectionNote.read(this)
    return connection === undefined || connection.receiving === undefined || connection.socket !== this.socket
      ? Reflect.apply(original, this, arguments)
      : runInContext(connection.receiving, original, this, arguments)
  }
}

function traceMessageComplete(original: Function): Function {
  return function parserOnMessageComplete(this: Parser) {
    const connection = ConnectionNote.read(this)
    if (connection === undefined || connection.receiving === undefined || connection.socket !== this.socket) {
      try {
        if (this.outgoing !== null) watch!.client.onComplete(this.outgoing)
      } catch (error) {
        watch!.tools.fault('the end of a response', error)
      }
      return Reflect.apply(original, this, arguments)
    }
    const { receiving: context, place } = connection
    const result =
      contextAt(place) === context
        ? Reflect.apply(original, this, arguments)
        : runInContext(context, original, this, arguments)
    // What comes next on this connection belongs to nobody yet.
    connection.receiving = undefined
    enterContextAt(place, connection.outer)
    return result
  }
}
