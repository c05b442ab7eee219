/**
 * HTTP requests signed with AWS Signature Version 4, through two optional packages of AWS: one that finds credentials as
 * all AWS SDKs do, one that signs.
 */
import type { Hash, Hmac } from 'node:crypto'
import { MAX_REQUEST_BYTES } from '../../net/sizes'
import type { Transport } from '../contract'
import { suppressed } from '../home'
import { create as createHttp, type HttpOptions } from './http'
import { xrayEndpoint } from './xray-hosts'

const CREDENTIALS = '@aws-sdk/credential-provider-node'
const SIGNER = '@smithy/signature-v4'

export interface AwsOptions extends Omit<HttpOptions, 'url'> {
  /** Empty: the endpoint of X-Ray in the region. */
  readonly url: string
  /** Path at that endpoint. */
  readonly path: string
  /** Empty: that of the instance, asked from its metadata service. */
  readonly region: string
}

/** What is used of the package that signs. */
interface Signer {
  sign(request: {
    method: string
    protocol: string
    hostname: string
    port?: number
    path: string
    query: Record<string, string>
    headers: Record<string, string>
    body: Uint8Array
  }): Promise<{ headers: Record<string, string> }>
}

export function create(options: AwsOptions): Transport {
  let signing: Transport | undefined = options.region === '' ? undefined : createSigning(options, options.region)
  let closed = false
  return {
    accepts: [],
    maxBytes: MAX_REQUEST_BYTES,
    get target() {
      return signing?.target ?? (options.url || 'X-Ray')
    },
    async send(body, mediaType, timeoutMs) {
      try {
        if (signing === undefined) {
          const { regionOfInstance } = require('./aws-region') as typeof import('./aws-region')
          const region = await regionOfInstance()
          signing ??= createSigning(options, region)
        }
      } catch (error) {
        return { ok: false, reason: `has no region: ${(error as Error).message}`, retry: false }
      }
      if (closed) return { ok: false, reason: 'is closed', retry: false }
      return signing.send(body, mediaType, timeoutMs)
    },
    recall(body) {
      closed = true
      return signing?.recall?.(body) ?? 'withdrawn'
    },
    async close() {
      closed = true
      await signing?.close()
    },
  }
}

function createSigning(options: AwsOptions, region: string): Transport {
  let signer: Promise<Signer> | undefined
  const url = options.url === '' ? xrayEndpoint(region) + options.path : options.url
  return createHttp(
    { ...options, url },
    async ({ hostname, port, protocol, pathname, searchParams, host }, headers, body) => {
      const toSign = {
        method: 'POST',
        protocol,
        hostname,
        port: port === '' ? undefined : Number(port),
        path: pathname,
        query: Object.fromEntries(searchParams),
        headers: { host, 'content-type': String(headers['content-type']) },
        body,
      }
      signer ??= suppressed(() => createSigner(region))
      try {
        const signed = await suppressed(async () => (await signer!).sign(toSign))
        return signed.headers
      } catch (error) {
        // Credentials may be there next time.
        signer = undefined
        throw error
      }
    },
  )
}

async function createSigner(region: string): Promise<Signer> {
  const { loadPeer } = require('./peer') as typeof import('./peer')
  const [{ defaultProvider }, { SignatureV4 }] = await Promise.all([loadPeer(CREDENTIALS), loadPeer(SIGNER)])
  return new SignatureV4({ credentials: defaultProvider(), region, service: 'xray', sha256: Sha256 })
}

/** SHA-256 of Node in the form that the package wants. */
class Sha256 {
  private hash: Hash | Hmac

  constructor(private readonly secret?: string | Uint8Array) {
    this.hash = this.open()
  }

  update(data: string | Uint8Array): void {
    this.hash.update(data as Uint8Array)
  }

  async digest(): Promise<Uint8Array> {
    return this.hash.digest()
  }

  reset(): void {
    this.hash = this.open()
  }

  private open(): Hash | Hmac {
    const { createHash, createHmac } = require('node:crypto') as typeof import('node:crypto')
    return this.secret === undefined ? createHash('sha256') : createHmac('sha256', this.secret)
  }
}
