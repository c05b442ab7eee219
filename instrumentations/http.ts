/**
 * The builtins `http` and `https`, both sides. No export of them is replaced, so it does not matter how and when a program
 * gets hold of them, and neither is loaded for those who do not use it.
 *
 * This runs while one of them is being loaded, and neither is complete: their parts are.
 */
import type * as http from 'node:http'
import type { Tools } from '../src/instrumentation'
import { Client } from './http-client'
import { watchParsers } from './http-parser'
import { HttpServer } from './http-server'

export function patch(_exports: unknown, tools: Tools): void {
  const server = new HttpServer(tools)
  const client = new Client(tools)
  const equip = watchParsers({ server, client, tools })
  server.patch(equip)
  const { Agent } = require('node:_http_agent') as typeof http
  const { ClientRequest } = require('node:_http_client') as typeof http
  const { IncomingMessage } = require('node:_http_incoming') as typeof http
  client.patch({ Agent, ClientRequest, IncomingMessage })
}
