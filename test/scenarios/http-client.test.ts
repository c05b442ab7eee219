import assert from 'node:assert/strict'
import { assertFailed, assertPropagated, assertRoot, durationMs, onlyClients, scenario } from './scenario'

describe('scenarios of the HTTP client', () => {
  scenario({
    id: 'H01',
    claim: 'http.get with a URL and a callback makes one CLIENT span with the stable attributes',
    check: ({ spans, peer }) => {
      const [span] = onlyClients(spans, 1)
      const { port } = new URL(peer.url)
      assert.equal(span!.name, 'GET')
      assert.equal(span!.attributes['http.request.method'], 'GET')
      assert.equal(span!.attributes['url.full'], `${peer.url}/hello?a=1`)
      assert.equal(span!.attributes['server.address'], '127.0.0.1')
      assert.equal(span!.attributes['server.port'], Number(port))
      assert.equal(span!.attributes['http.response.status_code'], 200)
      assert.equal(span!.attributes['error.type'], undefined)
      assert.deepEqual(span!.status, { code: 'UNSET', message: '' })
      assertRoot(span!)
      assertPropagated(spans, peer)
    },
  })

  scenario({
    id: 'H03',
    claim: 'headers given as a flat array survive',
    check: ({ spans, peer }) => {
      onlyClients(spans, 1)
      assertPropagated(spans, peer)
      const { rawHeaders } = peer.seen[0]!
      assert.deepEqual(
        rawHeaders.filter((_value, index) => /^x-/i.test(rawHeaders[index - (index % 2)]!)),
        ['X-Multi', 'a', 'X-Multi', 'b', 'X-Case', 'Kept'],
      )
    },
  })

  scenario({
    id: 'H04',
    claim: 'the default import of node:http is traced',
    only: 'esm',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 1), peer),
  })

  scenario({
    id: 'H06',
    claim: 'namespace, named and dynamic imports are traced',
    only: 'esm',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 3), peer),
  })

  scenario({
    id: 'H07',
    claim: 'require and import of http in one process make one span a request',
    only: 'esm',
    check: ({ spans, peer }) => {
      assertPropagated(onlyClients(spans, 3), peer)
      for (const span of spans) assertRoot(span)
    },
  })

  scenario({
    id: 'H09',
    claim: 'a refused connection is an error of the span and of the program',
    check: ({ spans }) => {
      const [span] = onlyClients(spans, 1)
      assertFailed(span!, 'ECONNREFUSED')
      assert.equal(span!.attributes['http.response.status_code'], undefined)
    },
  })

  scenario({
    id: 'H10',
    claim: 'a refused connection that nobody listens for ends the program as before, and its span arrives',
    check: ({ spans, run }) => {
      assert.equal(run.code, 1)
      assertFailed(onlyClients(spans, 1)[0]!, 'ECONNREFUSED')
    },
  })

  scenario({
    id: 'H12',
    claim: 'a request destroyed with an error while the body arrives makes one failed span',
    check: ({ spans }) => assertFailed(onlyClients(spans, 1)[0]!),
  })

  scenario({
    id: 'H13',
    claim: 'a server that closes before it answers makes one failed span',
    check: ({ spans }) => assertFailed(onlyClients(spans, 1)[0]!, 'ECONNRESET'),
  })

  scenario({
    id: 'H15',
    claim: 'a response that nobody listens for ends its span',
    check: ({ spans }) => {
      assert.equal(onlyClients(spans, 1)[0]!.attributes['http.response.status_code'], 200)
    },
  })

  scenario({
    id: 'H16',
    claim: 'listeners for the response run in their order, and the status 500 is an error',
    check: ({ spans }) => assertFailed(onlyClients(spans, 1)[0]!, '500'),
  })

  scenario({
    id: 'H18',
    claim: 'methods keep their name when they are known',
    check: ({ spans }) => {
      const told = spans.map(({ name, attributes }) => [
        name,
        attributes['http.request.method'],
        attributes['http.request.method_original'],
      ])
      const query = told.length === 5 ? [['QUERY', 'QUERY', undefined]] : []
      onlyClients(spans, told.length)
      assert.deepEqual(told, [
        ['HEAD', 'HEAD', undefined],
        ['OPTIONS', 'OPTIONS', undefined],
        ['HTTP', '_OTHER', 'PURGE'],
        // Node sends it in upper case.
        ['GET', 'GET', undefined],
        ...query,
      ])
    },
  })

  scenario({
    id: 'H19',
    claim: 'a client that expects 100-continue is traced and its headers carry the context',
    check: ({ spans, peer }) => {
      assert.equal(onlyClients(spans, 1)[0]!.attributes['http.response.status_code'], 200)
      assertPropagated(spans, peer)
    },
  })

  scenario({
    id: 'H21',
    claim: 'a CONNECT tunnel makes one span',
    check: ({ spans }) => {
      const [span] = onlyClients(spans, 1)
      assert.equal(span!.attributes['http.request.method'], 'CONNECT')
      assert.equal(span!.name, 'CONNECT')
    },
  })

  scenario({
    id: 'H22',
    claim: 'arguments that Node refuses throw the same, and no throwing call makes a healthy span',
    check: ({ spans, run }) => {
      const lines = run.stdout.trim().split('\n')
      const thrown = lines.filter(line => line !== 'no throw').length
      assert.ok(thrown >= 8)
      assert.ok(spans.length <= lines.length)
      const healthy = spans.filter(span => span.status.code !== 'ERROR').length
      assert.ok(healthy <= lines.length - thrown, `${healthy} healthy spans`)
    },
  })

  scenario({
    id: 'H24',
    claim: 'credentials reach the server and no span',
    check: ({ spans, peer, run }) => {
      const { host } = new URL(peer.url)
      onlyClients(spans, 2)
      assert.equal(run.stdout, 'Basic dXNlcjp0b3BzZWNyZXQ=\n'.repeat(2))
      assert.equal(spans[0]!.attributes['url.full'], `http://REDACTED:REDACTED@${host}/in-url`)
      assert.doesNotMatch(JSON.stringify(spans), /topsecret|dXNlcjp0b3BzZWNyZXQ/)
    },
  })

  scenario({
    id: 'H25',
    claim: 'signatures in the query are redacted by default',
    check: ({ spans, peer }) => {
      const query = 'normal=kept&sig=REDACTED&X-Goog-Signature=REDACTED&sigma=kept2'
      assert.equal(onlyClients(spans, 1)[0]!.attributes['url.full'], `${peer.url}/get?${query}`)
      assert.doesNotMatch(JSON.stringify(spans), /hidden/)
    },
  })

  scenario({
    id: 'H27',
    claim: 'a request over a unix socket is traced',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 1), peer),
  })

  scenario({
    id: 'H28',
    claim: 'streams arrive whole, and the span covers the body',
    check: ({ spans, run }) => {
      onlyClients(spans, 2)
      assert.match(run.stdout, /"length":5242880/)
      assert.ok(durationMs(spans[1]!) >= 190, `${durationMs(spans[1]!)} ms`)
    },
  })

  scenario({
    id: 'H30',
    claim: 'a request made in the callback of another is not its child',
    check: ({ spans, peer }) => {
      for (const span of onlyClients(spans, 2)) assertRoot(span)
      assertPropagated(spans, peer)
    },
  })

  scenario({
    id: 'H31',
    claim: 'https: a certificate that is refused fails the span, one that is accepted does not',
    check: ({ spans, peer }) => {
      onlyClients(spans, 2)
      assertFailed(spans[0]!, 'DEPTH_ZERO_SELF_SIGNED_CERT')
      assert.equal(spans[1]!.attributes['url.full'], `${peer.httpsUrl}/accepted?a=b`)
      assert.equal(spans[1]!.status.code, 'UNSET')
    },
  })

  scenario({
    id: 'H33',
    claim: 'a program that replaces http.request is traced once',
    check: ({ spans, peer }) => assertPropagated(onlyClients(spans, 1), peer),
  })

  scenario({
    id: 'H34',
    claim: 'new http.ClientRequest(url) works as before and makes at most one span',
    check: ({ spans }) => onlyClients(spans, Math.min(spans.length, 1)),
  })
})
