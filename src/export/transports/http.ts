/**
 * HTTP/1.1 POST. The builtins for it are loaded with the first message: not all programs send something, or have a network at
 * all.
 */
import type { OutgoingHttpHeaders } from 'node:http'
import { MAX_REQUEST_BYTES } from '../../net/sizes'
import type { TlsOptions } from '../../net/socket'
import type { Recalled, Reply, Transport } from '../contract'

export interface HttpOptions extends TlsOptions {
  /** With user and password, if there are any. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly compression: 'none' | 'gzip'
}

/** Headers that authenticate a message, made from all that is sent. */
export type Sign = (url: URL, headers: OutgoingHttpHeaders, body: Uint8Array) => Promise<Record<string, string>>

export function create(options: HttpOptions, sign?: Sign): Transport {
  return new HttpTransport(options, sign)
}

class HttpTransport implements Transport {
  readonly accepts = []
  readonly maxBytes = MAX_REQUEST_BYTES
  readonly target: string
  private readonly url: URL
  private posting: Transport | undefined
  private closed = false

  constructor(
    private readonly options: HttpOptions,
    private readonly sign?: Sign,
  ) {
    this.url = new URL(options.url)
    const { protocol, host, pathname } = this.url
    this.target = `${protocol}//${host}${pathname}`
  }

  async send(body: Uint8Array, mediaType: string, timeoutMs?: number): Promise<Reply> {
    this.posting ??= this.createPosting()
    return await this.posting.send(body, mediaType, timeoutMs)
  }

  recall(body: Uint8Array): Recalled {
    this.closed = true
    return this.posting === undefined ? 'withdrawn' : this.posting.recall!(body)
  }

  async close(): Promise<void> {
    this.closed = true
    await this.posting?.close()
  }

  private createPosting(): Transport {
    const { HttpPosting } = require('./http-posting') as typeof import('./http-posting')
    const posting = new HttpPosting(this.url, this.target, this.options, this.sign)
    if (this.closed) void posting.close()
    return posting
  }
}
