/**
 * Where requests and responses can be watched without a trace: at Node's HTTP parser, which both sides share.
 *
 * A parser object holds the functions that the native parser calls (`parser[HTTPParser.kOnBody]` and so on), and every
 * parser is made by one function, `parsers.ctor` of `_http_common`; so it has been since Node 0.11. Each parser gets our
 * functions there, under the names of Node's own. No emitter is touched: listeners, their number and order, own keys of
 * requests, responses and prototypes are what they were.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Tools } from '../src/instrumentation'
import { activeContext, enterContext, runInContext } from '../src/instrumentation'
import { createNote } from './_note'
import type { Client } from './http-client'
import type { Connection, HttpServer } from './http-server'

/** The connection that a server's parser works for. */
export const connections = createNote<Connection | undefined>()

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

export interface ParserSides {
  readonly server: HttpServer
  readonly client: Client
}

/** Gives a parser our functions; one that has them, or somebody else's, is left alone. */
export type Equip = (parser: Parser) => void

/** Every parser made from now on is watched; one made before as soon as `Equip` is called with it. */
export function watchParsers(sides: ParserSides, tools: Tools): Equip {
  const { HTTPParser, parsers } = require('node:_http_common') as {
    HTTPParser: ParserClass
    parsers: { ctor: Function }
  }
  let functions: ParserFunctions | undefined
  const equip: Equip = parser => {
    functions ??= new ParserFunctions(parser, HTTPParser, sides, tools)
    functions.giveTo(parser)
  }
  tools.wrap(
    parsers,
    'ctor',
    original =>
      function parsersCb(this: unknown) {
        const parser = Reflect.apply(original, this, arguments)
        try {
          equip(parser)
        } catch (error) {
          tools.fault('making a parser', error)
        }
        return parser
      },
  )
  return equip
}

/** Node's functions and ours, made once for all parsers. */
class ParserFunctions {
  private readonly pairs: readonly (readonly [index: number, own: Function, ours: Function])[]

  constructor(
    parser: any,
    { kOnHeadersComplete, kOnBody, kOnMessageComplete }: ParserClass,
    sides: ParserSides,
    tools: Tools,
  ) {
    this.pairs = [
      [kOnHeadersComplete, parser[kOnHeadersComplete], traceHeadersComplete(parser[kOnHeadersComplete], sides, tools)],
      [kOnBody, parser[kOnBody], traceBody(parser[kOnBody])],
      [kOnMessageComplete, parser[kOnMessageComplete], traceMessageComplete(parser[kOnMessageComplete], sides, tools)],
    ]
  }

  giveTo(parser: any): void {
    for (const [index, own] of this.pairs) if (parser[index] !== own) return
    connections.write(parser, undefined)
    for (const [index, , ours] of this.pairs) parser[index] = ours
  }
}

function traceHeadersComplete(original: Function, { server, client }: ParserSides, tools: Tools): Function {
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
    if (typeof method !== 'number') {
      try {
        if (this.outgoing !== null)
          client.onResponse(this, versionMajor, versionMinor, headers ?? this._headers, statusCode, upgrade)
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
      else if (this.incoming !== null && this.incoming.upgrade === true) server.onUpgrade(this, this.incoming)
    }
  }
}

/** Node 24 runs this in the context in which the connection was made; Node 22 as well, once the handler has returned. */
function traceBody(original: Function): Function {
  return function parserOnBody(this: Parser, _chunk: unknown) {
    const connection = connections.read(this)
    return connection === undefined || connection.receiving === undefined || connection.socket !== this.socket
      ? Reflect.apply(original, this, arguments)
      : runInContext(connection.receiving, original, this, arguments)
  }
}

function traceMessageComplete(original: Function, { client }: ParserSides, tools: Tools): Function {
  return function parserOnMessageComplete(this: Parser) {
    const connection = connections.read(this)
    if (connection === undefined || connection.receiving === undefined || connection.socket !== this.socket) {
      try {
        if (this.outgoing !== null) client.onComplete(this.outgoing)
      } catch (error) {
        tools.fault('the end of a response', error)
      }
      return Reflect.apply(original, this, arguments)
    }
    const context = connection.receiving
    const result =
      activeContext() === context
        ? Reflect.apply(original, this, arguments)
        : runInContext(context, original, this, arguments)
    // What comes next on this connection belongs to nobody yet.
    connection.receiving = undefined
    enterContext(connection.outer)
    return result
  }
}
