import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as http from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import WebSocket from 'ws'
import type { ReceivedSpan } from '../kit/otlp'
import { assertChild, assertFailed, assertRoot, durationMs, ofKind, scenario, servers } from './scenario'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'

interface Reply {
  status: number | undefined
  headers: http.IncomingHttpHeaders
  body: string
}

/** One request, in full. The date is left out: it differs from run to run. */
async function send(url: string, options: http.RequestOptions = {}): Promise<Reply> {
  const request = http.request(url, { agent: false, ...options }).end()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let body = ''
  for await (const chunk of response) body += chunk
  const { date: _date, ...headers } = response.headers
  return { status: response.statusCode, headers, body }
}

/** A client that goes away after that time without an answer. */
async function giveUp(url: string, afterMs: number): Promise<void> {
  const request = http.get(url, { agent: false })
  request.on('error', () => {})
  await sleep(afterMs)
  request.destroy()
}

/** What goes over one connection, as text. */
async function talk(url: string, text: string, untilMs: number): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let reply = ''
  socket.setEncoding('utf8').on('data', data => {
    reply += data
  })
  socket.write(text)
  await sleep(untilMs)
  socket.destroy()
  return reply.replace(/^Date: .*\r\n/gm, '')
}

function byPath(spans: ReceivedSpan[]): Record<string, ReceivedSpan> {
  return Object.fromEntries(spans.map(span => [span.attributes['url.path'], span]))
}

describe('scenarios of the HTTP server', () => {
  scenario({
    id: 'S02',
    claim: 'an invalid traceparent starts a new trace, an unsampled one makes no span',
    drive: async url => [
      await send(`${url}/1`, { headers: { traceparent: `00-${'0'.repeat(32)}-${CALLER}-01` } }),
      await send(`${url}/2`, { headers: { traceparent: `00-${TRACE}-${CALLER}-00` } }),
    ],
    check: ({ spans }) => {
      const [span] = servers(spans, 1)
      assert.equal(span!.attributes['url.path'], '/1')
      assert.notEqual(span!.traceId, TRACE)
      assertRoot(span!)
    },
  })

  scenario({
    id: 'S03',
    claim: 'tracestate and baggage flow through to outgoing calls',
    drive: url =>
      send(url, {
        headers: {
          traceparent: `00-${TRACE}-${CALLER}-01`,
          tracestate: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7',
          baggage: 'tenant=acme,flag=a%20b',
        },
      }),
    check: ({ spans, peer }) => {
      const [server] = servers(spans, 1)
      const [client] = ofKind(spans, 'CLIENT')
      assert.equal(server!.traceId, TRACE)
      assert.equal(server!.parentSpanId, CALLER)
      assertChild(client!, server!)
      const { headers } = peer.seen[0]!
      assert.equal(headers['tracestate'], 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7')
      assert.equal(headers['baggage'], 'tenant=acme,flag=a%20b')
      assert.deepEqual(peer.parents[0], { traceId: TRACE, spanId: client!.spanId, flags: '01' })
    },
  })

  scenario({
    id: 'S05',
    claim: 'a handler that throws under a handler for uncaught exceptions makes one failed span',
    drive: async url => {
      await giveUp(`${url}/unanswered`, 150)
      return send(`${url}/answered`)
    },
    check: ({ spans }) => {
      for (const span of servers(spans, 2)) assertFailed(span)
    },
  })

  scenario({
    id: 'S06',
    claim: 'a request whose client went away ends its span, without a status code',
    drive: async url => {
      await giveUp(url, 100)
      await sleep(350)
    },
    check: ({ spans }) => {
      const [span] = servers(spans, 1)
      assert.equal(span!.attributes['http.response.status_code'], undefined)
    },
  })

  scenario({
    id: 'S08',
    claim: 'three requests on one connection are three traces',
    drive: async url => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      const replies = []
      for (const path of ['/1', '/2', '/3']) replies.push(await send(`${url}${path}`, { agent }))
      agent.destroy()
      return replies
    },
    check: ({ spans }) => {
      const found = servers(spans, 3)
      assert.equal(new Set(found.map(span => span.traceId)).size, 3)
      assert.deepEqual(
        found.map(span => span.attributes['url.path']),
        ['/1', '/2', '/3'],
      )
    },
  })

  scenario({
    id: 'S09',
    claim: 'pipelined requests that are answered out of order keep their calls apart',
    drive: url => talk(url, ['/1', '/2', '/3'].map(path => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''), 400),
    check: ({ spans }) => {
      const found = byPath(servers(spans, 3))
      const calls = ofKind(spans, 'CLIENT')
      assert.equal(calls.length, 3)
      for (const call of calls) assertChild(call, found[/\/\d$/.exec(call.attributes['url.full'])![0]]!)
    },
  })

  scenario({
    id: 'S11',
    claim: 'a WebSocket server works, and its handshake is one span at most',
    drive: async url => {
      const socket = new WebSocket(url.replace('http', 'ws'))
      await once(socket, 'open')
      socket.send('hi')
      const [message] = await once(socket, 'message')
      socket.close(1000)
      await once(socket, 'close')
      return String(message)
    },
    check: ({ spans }) => assert.ok(spans.length <= 1),
  })

  scenario({
    id: 'S12',
    claim: 'new http.Server with several listeners that came later makes one span a request',
    drive: async url => [await send(url), await send(url)],
    check: ({ spans }) => void servers(spans, 2),
  })

  scenario({
    id: 'S14',
    claim: 'the span of a streaming response lasts until the end of the body',
    drive: url => send(url),
    check: ({ spans }) => {
      const [span] = servers(spans, 1)
      assert.ok(durationMs(span!) >= 150, `${durationMs(span!)} ms`)
    },
  })

  scenario({
    id: 'S15',
    claim: 'the context reaches ticks, timers, promises, emitters, streams, files and queues',
    drive: url => send(url),
    check: ({ spans }) => {
      const [server] = servers(spans, 1)
      const calls = ofKind(spans, 'CLIENT')
      assert.equal(calls.length, 11)
      for (const call of calls) assertChild(call, server!)
    },
  })

  scenario({
    id: 'S17',
    claim: 'an HTTP/2 server and client work as before',
    check: ({ spans }) => assert.ok(spans.length <= 2),
  })

  scenario({
    id: 'S18',
    claim: 'HEAD, OPTIONS and answers without a body make their spans',
    drive: async url => [
      await send(url, { method: 'HEAD' }),
      await send(url, { method: 'OPTIONS' }),
      await send(url, { method: 'GET' }),
    ],
    check: ({ spans }) => {
      assert.deepEqual(
        servers(spans, 3).map(({ name, attributes, status }) => [
          name,
          attributes['http.response.status_code'],
          status.code,
        ]),
        [
          ['HEAD', 200, 'UNSET'],
          ['OPTIONS', 204, 'UNSET'],
          ['GET', 304, 'UNSET'],
        ],
      )
    },
  })
})
