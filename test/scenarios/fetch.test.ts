import assert from 'node:assert/strict'
import {
  assertChild,
  assertFailed,
  assertPropagated,
  durationMs,
  ofKind,
  onlyClients,
  scenario,
  servers,
} from './scenario'

describe('scenarios of fetch', () => {
  scenario({
    id: 'F02',
    claim: 'a Request object keeps its headers and body',
    check: ({ spans, peer }) => {
      const [span] = onlyClients(spans, 1)
      assert.equal(span!.name, 'POST')
      assertPropagated(spans, peer)
      assert.equal(peer.seen[0]!.headers['x-a'], 'kept')
    },
  })

  scenario({
    id: 'F03',
    claim: 'each hop of a redirect is a span of its own, which its request carries',
    check: ({ spans, peer }) => {
      onlyClients(spans, 2)
      assert.deepEqual(
        spans.map(span => span.attributes['http.response.status_code']),
        [302, 200],
      )
      assertPropagated(spans, peer)
    },
  })

  scenario({
    id: 'F05',
    claim: 'a refused connection is an error',
    check: ({ spans }) => assertFailed(onlyClients(spans, 1)[0]!),
  })

  scenario({
    id: 'F06',
    claim: 'a server that closes before it answers makes one failed span',
    check: ({ spans }) => assertFailed(onlyClients(spans, 1)[0]!),
  })

  scenario({
    id: 'F08',
    claim: 'spans cover bodies that stream down and up',
    check: ({ spans }) => {
      onlyClients(spans, 2)
      assert.ok(durationMs(spans[0]!) >= 60, `${durationMs(spans[0]!)} ms`)
    },
  })

  scenario({
    id: 'F09',
    claim: 'request, stream and a Client of the undici package are traced',
    check: ({ spans, peer }) => {
      assertPropagated(onlyClients(spans, 3), peer)
      for (const span of spans) assert.equal(new URL(span.attributes['url.full']).host, new URL(peer.url).host)
    },
  })

  scenario({
    id: 'F11',
    claim: "the program's own traceparent is not doubled",
    check: ({ spans, peer }) => {
      onlyClients(spans, 1)
      const { rawHeaders } = peer.seen[0]!
      assert.equal(rawHeaders.filter(name => name.toLowerCase() === 'traceparent').length, 1)
    },
  })

  scenario({
    id: 'F12',
    claim: 'calls of concurrent requests stay with their own request',
    drive: async url => Promise.all([1, 2, 3, 4].map(async id => (await fetch(`${url}/${id}`)).text())),
    check: ({ spans }) => {
      const calls = ofKind(spans, 'CLIENT')
      assert.equal(calls.length, 12)
      for (const server of servers(spans, 4)) {
        const id = server.attributes['url.path'].slice(1)
        const own = calls.filter(call => call.attributes['url.full'].includes(`request=${id}&`))
        assert.equal(own.length, 3)
        for (const call of own) assertChild(call, server)
      }
    },
  })

  scenario({
    id: 'F14',
    claim: 'fetch at the top level of a module is traced',
    only: 'esm',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 1), peer),
  })

  scenario({
    id: 'F15',
    claim: 'signatures in the query are redacted by default',
    check: ({ spans, peer }) => {
      const [span] = onlyClients(spans, 1)
      assert.equal(span!.attributes['url.full'], `${peer.url}/get?normal=kept&X-Goog-Signature=REDACTED`)
      assert.doesNotMatch(JSON.stringify(spans), /topsecret/)
    },
  })
})
