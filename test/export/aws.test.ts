import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { loadConfig } from '../../src/config/load'
import { otlp } from '../../src/export/rows/otlp'
import { create } from '../../src/export/transports/aws'
import { loadPeer } from '../../src/export/transports/peer'
import { xrayEndpoint, xrayRegion } from '../../src/export/transports/xray-hosts'
import { createLog } from '../../src/log'

const KEY = 'AKIDEXAMPLE'
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const TOKEN = 'session/token=='

interface Request {
  method: string
  path: string
  headers: http.IncomingHttpHeaders
  body: Buffer
}

/** Signature Version 4 as its documentation describes it, step by step, from what arrived. */
function expectedSignature({ method, path, headers, body }: Request): string {
  const [, scope, signedHeaders] = /Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+)/.exec(headers.authorization!)!
  const [day, region, service] = scope!.split('/') as [string, string, string]
  const canonical = [
    method,
    path,
    '',
    ...signedHeaders!.split(';').map(name => `${name}:${String(headers[name]).trim()}`),
    '',
    signedHeaders,
    createHash('sha256').update(body).digest('hex'),
  ].join('\n')
  const text = [
    'AWS4-HMAC-SHA256',
    headers['x-amz-date'],
    scope,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n')
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
  const signingKey = hmac(hmac(hmac(hmac(`AWS4${SECRET}`, day), region), service), 'aws4_request')
  return createHmac('sha256', signingKey).update(text).digest('hex')
}

describe('requests to AWS', () => {
  const kept = { ...process.env }
  let server: http.Server
  let url: string
  let received: Request[]

  before(async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: KEY, AWS_SECRET_ACCESS_KEY: SECRET, AWS_SESSION_TOKEN: TOKEN })
    server = http.createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', chunk => chunks.push(chunk))
      request.on('end', () => {
        received.push({
          method: request.method!,
          path: request.url!,
          headers: request.headers,
          body: Buffer.concat(chunks),
        })
        response.end('{}')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  beforeEach(() => {
    received = []
  })

  after(() => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) {
      if (kept[name] === undefined) delete process.env[name]
      else process.env[name] = kept[name]
    }
    server.close()
    server.closeAllConnections()
  })

  for (const compression of ['none', 'gzip'] as const) {
    it(`carry the signature that the documentation prescribes, over what is sent (compression ${compression})`, async () => {
      const options = {
        url: `${url}/v1/traces`,
        path: '',
        region: 'eu-central-1',
        headers: { 'user-agent': 'x' },
        compression,
      }
      const transport = create(options)
      const reply = await transport.send(Buffer.from('the body'), 'application/x-protobuf', 5000)
      await transport.close()
      assert.equal(reply.ok, true, JSON.stringify(reply))
      const [request] = received
      assert.match(request!.headers.authorization!, /Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/xray\/aws4_request/)
      assert.equal(request!.headers['x-amz-security-token'], TOKEN)
      const signature = /Signature=([0-9a-f]{64})/.exec(request!.headers.authorization!)![1]
      assert.equal(signature, expectedSignature(request!))
      const body = compression === 'gzip' ? gunzipSync(request!.body) : request!.body
      assert.equal(body.toString(), 'the body')
    })
  }

  it('know the region of every kind of X-Ray host, and of no other host', () => {
    const hosts: [string, string | undefined][] = [
      ['xray.eu-west-1.amazonaws.com', 'eu-west-1'],
      ['xray-fips.us-east-1.amazonaws.com', 'us-east-1'],
      ['xray.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
      ['xray.us-west-2.api.aws', 'us-west-2'],
      ['xray.cn-northwest-1.api.amazonwebservices.com.cn', 'cn-northwest-1'],
      ['vpce-0a1b2c-d3e4.xray.eu-west-1.vpce.amazonaws.com', 'eu-west-1'],
      ['XRAY.EU-WEST-1.AMAZONAWS.COM', 'eu-west-1'],
      ['xray.example.com', undefined],
      ['xray.eu-west-1.amazonaws.com.evil.example', undefined],
      ['logs.eu-west-1.amazonaws.com', undefined],
      ['localhost', undefined],
    ]
    for (const [host, region] of hosts) assert.equal(xrayRegion(host), region, host)
    assert.equal(xrayEndpoint('eu-west-1'), 'https://xray.eu-west-1.amazonaws.com')
    assert.equal(xrayEndpoint('cn-north-1'), 'https://xray.cn-north-1.amazonaws.com.cn')
  })

  it('are made by the exporter otlp when its endpoint is one of X-Ray', () => {
    const plan = (endpoint: string) => {
      const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint, TRACING_AGENT_ENV_FILE: '' }
      const { config, origins } = loadConfig(env)
      return otlp({ config, origins, log: createLog('none'), version: '0' } as Parameters<typeof otlp>[0])
    }
    const signed = plan('https://xray.eu-west-1.amazonaws.com/v1/traces')
    assert.equal(signed.transport.file, 'aws')
    assert.equal(signed.transport.options['region'], 'eu-west-1')
    assert.equal(plan('https://collector.example/v1/traces').transport.file, 'http')
  })

  it('name the package to install when one is missing', async () => {
    await assert.rejects(loadPeer('no-such-package-anywhere'), {
      message:
        'needs the package no-such-package-anywhere, which is not installed: npm install no-such-package-anywhere',
    })
  })

  it('say what is wrong when there are no credentials, and work as soon as there are', async () => {
    delete process.env['AWS_ACCESS_KEY_ID']
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true'
    const transport = create({ url, path: '', region: 'eu-west-1', headers: {}, compression: 'none' })
    try {
      const reply = await transport.send(Buffer.from('x'), 'application/json', 5000)
      assert.equal(reply.ok, false)
      assert.match((reply as { reason: string }).reason, /credentials/i)
      process.env['AWS_ACCESS_KEY_ID'] = KEY
      assert.equal((await transport.send(Buffer.from('x'), 'application/json', 5000)).ok, true)
    } finally {
      delete process.env['AWS_EC2_METADATA_DISABLED']
      await transport.close()
    }
  })
})
