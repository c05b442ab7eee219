import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as https from 'node:https'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLS } from '../kit/peer'
import { assertPropagated, durationMs, ofKind, onlyClients, scenario, servers } from './scenario'

/** What goes over one connection and comes back, as text. */
async function talk(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let reply = ''
  socket.on('error', () => {})
  socket.setEncoding('utf8').on('data', data => {
    reply += data
  })
  socket.end(text)
  await Promise.race([once(socket, 'close'), sleep(1000)])
  socket.destroy()
  return reply.replace(/^Date: .*\r\n/gm, '')
}

describe('more scenarios of HTTP', () => {
  scenario({
    id: 'client-abort',
    claim: 'a request that the program aborts itself ends its span, and that is no error',
    check: ({ spans }) => {
      const [span] = onlyClients(spans, 1)
      assert.equal(span!.status.code, 'UNSET')
      assert.equal(span!.attributes['error.type'], undefined)
    },
  })

  scenario({
    id: 'client-timeout',
    claim: 'a request that is destroyed at its timeout ends its span',
    check: ({ spans }) => {
      const [span] = onlyClients(spans, 1)
      assert.ok(durationMs(span!) >= 90)
      assert.equal(span!.attributes['http.response.status_code'], undefined)
    },
  })

  scenario({
    id: 'client-upgrade',
    claim: 'an upgraded connection makes one span with the status 101',
    check: ({ spans, peer }) => {
      assert.equal(onlyClients(spans, 1)[0]!.attributes['http.response.status_code'], 101)
      assertPropagated(spans, peer)
    },
  })

  scenario({
    id: 'client-informational',
    claim: 'informational answers before the response are not its status',
    check: ({ spans }) => assert.equal(onlyClients(spans, 1)[0]!.attributes['http.response.status_code'], 200),
  })

  scenario({
    id: 'client-forms',
    claim: 'every form of arguments is traced, and the objects of the caller stay as they are',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 11), peer),
  })

  scenario({
    id: 'client-keepalive',
    claim: 'requests on one connection are spans of their own, and the socket collects no listeners',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 3), peer),
  })

  scenario({
    id: 'client-events',
    claim: 'request and response emit the same events, and have the same keys',
    check: ({ spans }) => void onlyClients(spans, 1),
  })

  scenario({
    id: 'client-misuse',
    claim: 'what comes too late fails as before',
    check: ({ spans }) => void onlyClients(spans, 1),
  })

  scenario({
    id: 'server-https',
    claim: 'an HTTPS server makes a span with the scheme https',
    options: { env: { TLS_KEY: TLS.keyFile, TLS_CERT: TLS.certFile } },
    drive: async url => {
      const request = https.get(url.replace('http:', 'https:'), { agent: false, rejectUnauthorized: false })
      const [response] = await once(request, 'response')
      return Buffer.concat(await response.toArray()).toString()
    },
    check: ({ spans }) => assert.equal(servers(spans, 1)[0]!.attributes['url.scheme'], 'https'),
  })

  scenario({
    id: 'server-raw',
    claim: 'every byte that a client sends is answered as before',
    drive: async url => {
      const replies = []
      for (const text of [
        'GET /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        'GET /old HTTP/1.0\r\n\r\n',
        'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody',
        'POST /go HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\ngo',
        'GET http://absolute.example/form HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        'GET /dup HTTP/1.1\r\nHost: x\r\ntraceparent: a\r\ntraceparent: b\r\nbaggage: \u00ff\r\nConnection: close\r\n\r\n',
        'GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
        'CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n',
        'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        'GET /no-host HTTP/1.1\r\nConnection: close\r\n\r\n',
        'NONSENSE\r\n\r\n',
        'GET /bad header HTTP/1.1\r\n\r\n',
      ]) {
        replies.push(await talk(url, text))
      }
      return replies
    },
    check: ({ spans }) => {
      const paths = ofKind(spans, 'SERVER').map(span => span.attributes['url.path'])
      for (const path of ['/a', '/old', '/body', '/go', '/form', '/dup']) {
        assert.equal(paths.filter(found => found === path).length, 1, path)
      }
      // Of the others, what Node hands to no program may or may not be told; what it cannot read is no request.
      assert.ok(paths.length <= 10, String(paths))
    },
  })

  scenario({
    id: 'server-events',
    claim: 'server, request, response and socket have the same listeners, keys and events',
    drive: async url => [await (await fetch(url)).text(), await sleep(50)],
    check: ({ spans }) => void servers(spans, 1),
  })

  scenario({
    id: 'server-breaks',
    claim: 'a server that breaks its answers off, or misuses them, does so as before',
    drive: async url => {
      const replies = []
      for (const path of ['partial', 'destroyed', 'misuse']) {
        replies.push(await talk(url, `GET /${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`))
      }
      return replies
    },
    check: ({ spans }) => {
      const [partial, destroyed, misuse] = servers(spans, 3)
      assert.equal(destroyed!.attributes['http.response.status_code'], undefined)
      assert.equal(partial!.attributes['http.response.status_code'], 200)
      assert.equal(misuse!.attributes['http.response.status_code'], 200)
      assert.equal(misuse!.status.code, 'UNSET')
    },
  })
})

describe('more scenarios of fetch', () => {
  scenario({
    id: 'fetch-abort',
    claim: 'an abort is no error, before and after the response',
    check: ({ spans }) => {
      assert.ok(spans.length === 2 || spans.length === 3)
      for (const span of onlyClients(spans, spans.length)) {
        assert.equal(span.status.code, 'UNSET')
        assert.equal(span.attributes['error.type'], undefined)
      }
    },
  })

  scenario({
    id: 'fetch-unread',
    claim: 'a body that nobody reads, or that is cancelled, does not keep its span',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 3), peer),
  })

  scenario({
    id: 'undici-pipeline',
    claim: 'pipeline, a global dispatcher and fetch of the undici package are traced once each',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 2), peer),
  })
})

describe('more scenarios of a process', () => {
  const options = { coverage: false }
  scenario({
    id: 'process-exit',
    claim: 'process.exit() at once after the response loses nothing',
    options,
    check: ({ spans, run }) => {
      assert.equal(run.code, 3)
      onlyClients(spans, 1)
    },
  })

  scenario({
    id: 'process-rejection',
    claim: 'an unhandled rejection ends the program as before, and its span arrives',
    options,
    check: ({ spans, run }) => {
      assert.equal(run.code, 1)
      onlyClients(spans, 1)
    },
  })

  scenario({
    id: 'process-fork',
    claim: 'a forked child is traced as well',
    options,
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 1), peer),
  })
})
