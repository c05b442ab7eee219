/** Connections to backends and services: where they go, and how they are opened. */
import type net from 'node:net'
import type tls from 'node:tls'

/**
 * As they are when the first message is sent. Not `net.connect`, which mocks replace, but the class that it makes use of.
 */
const { Socket, isIP } = require('node:net') as typeof net
let connectTls: typeof tls.connect | undefined

/** PEM texts. */
export interface TlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface Place {
  readonly host: string
  readonly port: number
  /** With TLS. */
  readonly secure?: tls.ConnectionOptions
}

/** @param authority `host:port` by which the other side shall be known: its certificate has that name */
export function placeOf(url: URL, { ca, cert, key }: TlsOptions, authority = url.host): Place {
  const { protocol, hostname, port } = url
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'http:') return { host, port: Number(port || 80) }
  return { host, port: Number(port || 443), secure: { ca, cert, key, servername: serverName(authority) } }
}

/**
 * @param protocol as TLS negotiates it (RFC 7301)
 * @param session of an earlier connection with TLS: this one begins faster with it
 */
export function openSocket({ host, port, secure }: Place, protocol: 'h2' | 'http/1.1', session?: Buffer): net.Socket {
  if (secure === undefined) return new Socket().connect({ host, port })
  connectTls ??= (require('node:tls') as typeof tls).connect
  return connectTls({ ...secure, host, port, session, ALPNProtocols: [protocol] })
}

/** None for an address (RFC 6066, section 3). */
function serverName(authority: string): string {
  const name = /^\[(.*)\]/.exec(authority)?.[1] ?? authority.replace(/:\d*$/, '')
  return isIP(name) === 0 ? name : ''
}
