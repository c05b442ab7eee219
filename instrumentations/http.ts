/**
 * The builtins `http` and `https`, both sides. No export of them is replaced, so it does not matter how and when a program
 * gets hold of them, and `https` need not be loaded for those who do not use it.
 */
import type * as http from 'node:http'
import type { Tools } from '../src/instrumentation'
import { Client } from './http-client'
import { watchParsers } from './http-parser'
import { HttpServer } from './http-server'

export function patch(exports: typeof http, tools: Tools): void {
  const server = new HttpServer(tools)
  const client = new Client(tools)
  const equip = watchParsers({ server, client, tools })
  server.patch(equip)
  client.patch(exports)
}
