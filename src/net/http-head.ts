/** The head of a request, as Node's client would write it. */
import type { OutgoingHttpHeaders } from 'node:http'

const { _checkInvalidHeaderChar: hasInvalidChar, _checkIsHttpToken: isToken } = require('node:_http_common') as {
  _checkInvalidHeaderChar(value: string): boolean
  _checkIsHttpToken(name: string): boolean
}

/**
 * @param path with the query; without one that of the URL
 * @throws Error in the words of Node for a header that it would not send, and for user or password that is not UTF-8
 */
export function renderHead(
  method: string,
  url: URL,
  headers: OutgoingHttpHeaders,
  path = `${url.pathname}${url.search}`,
): string {
  const { host, username, password } = url
  /** The last one of a name is sent, whatever its case. */
  const lines = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) lines.set(name.toLowerCase(), lineOf(name, String(value)))
  // The message has the length that is said, and no other form.
  lines.delete('transfer-encoding')
  if (!lines.has('host')) lines.set('host', lineOf('Host', host))
  if (username !== '' && !lines.has('authorization')) {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    lines.set('authorization', lineOf('Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`))
  }
  if (!lines.has('connection')) lines.set('connection', lineOf('Connection', 'keep-alive'))
  return `${method} ${path} HTTP/1.1\r\n${[...lines.values()].join('')}\r\n`
}

function lineOf(name: string, value: string): string {
  if (!isToken(name)) throw new Error(`Header name must be a valid HTTP token ["${name}"]`)
  if (hasInvalidChar(value)) throw new Error(`Invalid character in header content ["${name}"]`)
  return `${name}: ${value}\r\n`
}
