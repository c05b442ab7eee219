import assert from 'node:assert/strict'
import type { ReceivedSpan } from '../kit/agent'
import { motoServer, xrayDaemonBinary } from './cache'
import { feed, serviceOf, traceIds } from './feed'
import { eventually, freePorts, type Server, startServer } from './process'

interface Segment {
  id: string
  name: string
  parent_id?: string
  type?: string
  fault?: boolean
  error?: boolean
  http?: { response?: { status?: number } }
  subsegments?: Segment[]
}

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'eu-west-1' }

describe('the API of AWS X-Ray (moto)', function () {
  this.timeout(120_000)
  let moto: Server
  let url: string

  before(async function () {
    const made = motoServer()
    if ('missing' in made) {
      console.log(`      skipped: ${made.missing}`)
      return this.skip()
    }
    const [port] = (await freePorts(1)) as [number]
    url = `http://127.0.0.1:${port}`
    moto = await startServer(made.path, ['-H', '127.0.0.1', '-p', String(port)], { ports: [port] })
  })

  after(() => moto?.stop())

  async function batchGetTraces(ids: readonly string[]): Promise<{ Segments: { Document: string }[] }[]> {
    const reply = await fetch(`${url}/Traces`, {
      method: 'POST',
      headers: {
        authorization:
          'AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/xray/aws4_request, SignedHeaders=host, Signature=x',
      },
      body: JSON.stringify({ TraceIds: ids.map(id => `1-${id.slice(0, 8)}-${id.slice(8)}`) }),
    })
    return ((await reply.json()) as { Traces: { Segments: { Document: string }[] }[] }).Traces
  }

  async function segments(expected: readonly ReceivedSpan[]): Promise<Segment[]> {
    return eventually('the segments', async () => {
      const traces = await batchGetTraces(traceIds(expected))
      const found = traces.flatMap(trace => trace.Segments.map(({ Document }) => JSON.parse(Document) as Segment))
      return found.length >= expected.length ? found : undefined
    })
  }

  function assertSegments(expected: readonly ReceivedSpan[], documents: readonly Segment[]): void {
    assert.equal(documents.length, expected.length)
    const all = documents.flatMap(document => [document, ...(document.subsegments ?? [])])
    for (const span of expected) {
      const segment = all.find(({ id }) => id === span.spanId)
      assert.ok(segment, `${span.kind} ${span.name} arrived`)
      const status = span.attributes['http.response.status_code']
      if (span.kind === 'SERVER') assert.equal(segment.name, serviceOf(span))
      assert.equal(segment.http?.response?.status, status)
      if (span.status.code === 'ERROR') assert.ok(segment.fault || segment.error, `${span.name} failed`)
      else if (!(status >= 400)) assert.equal(segment.fault ?? segment.error, undefined)
    }
  }

  it('takes documents with PutTraceSegments, signed, and gives them back whole', async () => {
    const expected = await feed('xray-api', { ...CREDENTIALS, AWS_ENDPOINT_URL_XRAY: url })
    assertSegments(expected, await segments(expected))
  })

  it('takes the same documents from the X-Ray daemon, to which they go as datagrams', async function () {
    const made = xrayDaemonBinary()
    if ('missing' in made) {
      console.log(`      skipped: the daemon cannot be had: ${made.missing}`)
      return this.skip()
    }
    const [port] = (await freePorts(1)) as [number]
    const address = `127.0.0.1:${port}`
    const flags = ['--local-mode', '--region', CREDENTIALS.AWS_REGION, '--bind', address, '--bind-tcp', address]
    const daemon = await startServer(made.path, flags, {
      ports: [port],
      env: { ...CREDENTIALS, AWS_ENDPOINT_URL_XRAY: url },
    })
    try {
      const expected = await feed('xray', { AWS_XRAY_DAEMON_ADDRESS: address })
      assertSegments(expected, await segments(expected))
    } finally {
      await daemon.stop()
    }
  })
})
