/** The exporters that do not speak OTLP, held to the same suite. */

import assert from 'node:assert/strict'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Backend, type Behaviour, describeExporter } from '../conformance/exporter'
import { decodeJson } from '../kit/otlp'
import { pushAll, rig, spans } from './rig'
import { spanIdsOfBatch, spanIdsOfCall } from './thrift-reader'

/** An HTTP server whose manners are chosen, and which finds the span ids in what it takes. */
async function startHttp(
  read: (body: Buffer) => string[],
  env: (url: string) => Record<string, string>,
  success: { status: number; body: string } = { status: 202, body: '' },
): Promise<Backend> {
  const accepted: string[] = []
  const sockets = new Set<Socket>()
  let manner: Behaviour = 'accepts'
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      switch (manner) {
        case 'accepts':
          accepted.push(...read(Buffer.concat(chunks)))
          response.writeHead(success.status, { 'content-type': 'application/json' }).end(success.body)
          break
        case 'is busy':
          response.writeHead(503).end()
          break
        case 'refuses':
          response.writeHead(400, { 'content-type': 'text/plain' }).end('bad span')
          break
        case 'breaks off':
          request.socket.resetAndDestroy()
          break
        case 'talks nonsense':
          response.writeHead(200, { 'content-type': 'text/html' }).end('<html>It works!</html>')
          break
        case 'hangs':
      }
    })
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    env: env(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    accepted: () => [...accepted],
    behave(how) {
      manner = how
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

describeExporter({
  name: 'zipkin over HTTP',
  start: () =>
    startHttp(
      body => (JSON.parse(body.toString()) as { id: string }[]).map(({ id }) => id),
      url => ({ OTEL_EXPORTER: 'zipkin', OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${url}/api/v2/spans` }),
    ),
  nowhere: { OTEL_EXPORTER_ZIPKIN_ENDPOINT: 'http://127.0.0.1:1/api/v2/spans' },
  variable: /OTEL_EXPORTER_ZIPKIN_ENDPOINT/,
})

describeExporter({
  name: 'jaeger, Thrift over HTTP',
  start: () =>
    startHttp(spanIdsOfBatch, url => ({
      OTEL_EXPORTER: 'jaeger',
      OTEL_EXPORTER_JAEGER_ENDPOINT: `${url}/api/traces`,
      OTEL_EXPORTER_JAEGER_USER: 'user',
      OTEL_EXPORTER_JAEGER_PASSWORD: 'p@ss:word',
    })),
  nowhere: { OTEL_EXPORTER_JAEGER_ENDPOINT: 'http://127.0.0.1:1/api/traces' },
  variable: /OTEL_EXPORTER_JAEGER_ENDPOINT/,
})

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }

/** Ids of the spans: a call without a parent stands inside a segment. */
function idsOfDocument(document: string): string[] {
  const { id, subsegments = [] } = JSON.parse(document) as { id: string; subsegments?: { id: string }[] }
  return [subsegments[0]?.id ?? id]
}

describe('signed with AWS credentials,', () => {
  const kept: Record<string, string | undefined> = {}

  before(() => {
    for (const [name, value] of Object.entries(CREDENTIALS)) {
      kept[name] = process.env[name]
      process.env[name] = value
    }
  })

  after(() => {
    for (const [name, value] of Object.entries(kept)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })

  describeExporter({
    name: 'xray-api',
    start: () =>
      startHttp(
        body =>
          (JSON.parse(body.toString()) as { TraceSegmentDocuments: string[] }).TraceSegmentDocuments.flatMap(
            idsOfDocument,
          ),
        url => ({ OTEL_EXPORTER: 'xray-api', AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_XRAY: url }),
        { status: 200, body: '{"UnprocessedTraceSegments":[]}' },
      ),
    nowhere: { AWS_ENDPOINT_URL_XRAY: 'http://127.0.0.1:1' },
    variable: /AWS_ENDPOINT_URL_XRAY/,
  })
})

async function startUdp(
  read: (datagram: Buffer) => string[],
  env: (port: number) => Record<string, string>,
): Promise<Backend> {
  const accepted: string[] = []
  // Room for all that a test sends before this thread gets to read.
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  socket.on('message', datagram => accepted.push(...read(datagram)))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    env: env(socket.address().port),
    accepted: () => [...accepted],
    behave() {},
    async close() {
      await new Promise<void>(resolve => socket.close(() => resolve()))
    },
  }
}

const NO_ANSWERS = {
  'is busy': 'datagrams have no answer',
  refuses: 'datagrams have no answer',
  hangs: 'datagrams have no answer',
  'breaks off': 'datagrams have no connection',
  'talks nonsense': 'datagrams have no answer',
}

describeExporter({
  name: 'xray over UDP',
  start: () =>
    startUdp(
      datagram => idsOfDocument(datagram.toString().split('\n').slice(1).join('\n')),
      port => ({ OTEL_EXPORTER: 'xray', AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${port}` }),
    ),
  nowhere: { AWS_XRAY_DAEMON_ADDRESS: '127.0.0.1:1' },
  variable: /AWS_XRAY_DAEMON_ADDRESS/,
  skips: NO_ANSWERS,
})

for (const protocol of ['udp/thrift.compact', 'udp/thrift.binary'] as const) {
  describeExporter({
    name: `jaeger, ${protocol}`,
    start: () =>
      startUdp(
        datagram => spanIdsOfCall(datagram, protocol === 'udp/thrift.compact'),
        port => ({
          OTEL_EXPORTER: 'jaeger',
          OTEL_EXPORTER_JAEGER_PROTOCOL: protocol,
          OTEL_EXPORTER_JAEGER_AGENT_HOST: '127.0.0.1',
          OTEL_EXPORTER_JAEGER_AGENT_PORT: String(port),
        }),
      ),
    nowhere: { OTEL_EXPORTER_JAEGER_AGENT_PORT: '1' },
    variable: /OTEL_EXPORTER_JAEGER_AGENT_HOST/,
    skips: NO_ANSWERS,
  })
}

describeExporter({
  name: 'file',
  async start() {
    const folder = mkdtempSync(join(tmpdir(), 'traces-'))
    const path = join(folder, 'traces.jsonl')
    const read = () => {
      try {
        return readFileSync(path, 'utf8')
          .split('\n')
          .filter(line => line !== '')
      } catch {
        return []
      }
    }
    return {
      env: { OTEL_EXPORTER: 'file', TRACING_AGENT_FILE: path },
      accepted: () => read().flatMap(line => decodeJson(line).map(({ spanId }) => spanId)),
      behave() {},
      async close() {
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
  variable: /TRACING_AGENT_FILE/,
  skips: {
    'is busy': 'a file has no answer',
    refuses: 'a file has no answer',
    hangs: 'a file has no answer',
    'breaks off': 'a file has no connection',
    'talks nonsense': 'a file has no answer',
  },
})

describe('over UDP,', () => {
  it('spans wait for a host whose name is not known yet', async () => {
    const { exporter, said } = rig({
      OTEL_EXPORTER: 'xray',
      AWS_XRAY_DAEMON_ADDRESS: 'nowhere.invalid:2000',
      OTEL_BSP_EXPORT_TIMEOUT: '100',
    })
    pushAll(exporter, spans(2))
    await exporter.flush()
    assert.match(said[0]!, /getaddrinfo \w+ nowhere\.invalid; up to \d+ spans wait for it/)
    assert.equal(exporter.pending, 2)
  })
})

describe('into a file,', () => {
  it('spans that find no room are lost in one line, and the file is let go of', async () => {
    const open = () => readdirSync('/proc/self/fd').length
    const { exporter, said } = rig({ OTEL_EXPORTER: 'file', TRACING_AGENT_FILE: '/dev/full' })
    const before = open()
    for (let i = 0; i < 3; i++) {
      pushAll(exporter, spans(1))
      await exporter.flush()
    }
    assert.equal(open(), before)
    assert.equal(said.length, 1)
    assert.match(said[0]!, /ENOSPC.*1 span lost/)
  })
})
