import assert from 'node:assert/strict'
import type { ReceivedSpan } from '../kit/agent'
import { assertFailed, byPath, run, servers, status } from './http-programs'

const CUT_OFF = 'the connection closed before the response was complete'

describe('the HTTP server', () => {
  describe('what a span says', () => {
    it('a plain request has the attributes of the conventions, with the query redacted', async () => {
      const [span] = servers(await run('a plain request'), 1)
      const { 'network.peer.port': peerPort, ...attributes } = span!.attributes
      assert.equal(span!.name, 'GET')
      assert.ok(peerPort > 0)
      assert.deepEqual(attributes, {
        'http.request.method': 'GET',
        'url.scheme': 'http',
        'url.path': '/a/b',
        'url.query': 'sig=REDACTED&c=d',
        'server.address': 'shop.example',
        'server.port': 8080,
        'client.address': '127.0.0.1',
        'network.peer.address': '127.0.0.1',
        'network.protocol.version': '1.1',
        'user_agent.original': 'curl/8',
        'http.response.status_code': 200,
      })
      assert.deepEqual(span!.status, { code: 'UNSET', message: '' })
    })

    it('what the first proxy was asked for comes from Forwarded, or else from X-Forwarded-*', async () => {
      const spans = byPath(await run('proxy headers'))
      const of = ({ attributes }: ReceivedSpan) => [
        attributes['url.scheme'],
        attributes['server.address'],
        attributes['server.port'],
        attributes['client.address'],
        attributes['network.peer.address'],
      ]
      assert.deepEqual(of(spans['/x']!), ['https', 'front.example', undefined, '192.0.2.9', '127.0.0.1'])
      assert.deepEqual(of(spans['/f']!), ['https', 'a.example', 444, '2001:db8::1', '127.0.0.1'])
    })

    it('methods, targets and versions of every form', async () => {
      const result = await run('methods')
      const seen = servers(result).map(({ name, attributes }) => [
        name,
        attributes['http.request.method'],
        attributes['http.request.method_original'],
        attributes['url.path'],
        attributes['url.query'],
        attributes['network.protocol.version'],
      ])
      assert.deepEqual(seen, [
        ['HEAD', 'HEAD', undefined, '/m', undefined, '1.1'],
        ['OPTIONS', 'OPTIONS', undefined, '/m', undefined, '1.1'],
        ['HTTP', '_OTHER', 'PURGE', '/m', undefined, '1.1'],
        ['HTTP', '_OTHER', 'M-SEARCH', '/m', undefined, '1.1'],
        ['OPTIONS', 'OPTIONS', undefined, '*', undefined, '1.1'],
        ['GET', 'GET', undefined, '/abs', 'q=1', '1.1'],
        ['GET', 'GET', undefined, '/old', undefined, '1.0'],
      ])
    })

    it('a status from 500 on is an error, 404 is none', async () => {
      const spans = servers(await run('statuses'), 5)
      assert.deepEqual(spans.map(status), [204, 304, 404, 500, 503])
      assert.deepEqual(
        spans.map(({ attributes }) => attributes['error.type']),
        [undefined, undefined, undefined, '500', '503'],
      )
    })

    it('requests that Node answers before the program sees them have a span', async () => {
      assert.deepEqual(servers(await run('requests that Node answers itself'), 2).map(status), [400, 417])
    })

    it('a valid traceparent is continued, an unsampled one makes no span, a broken or double one a new trace', async () => {
      const result = await run('trace headers')
      const spans = byPath(result)
      assert.deepEqual(Object.keys(spans).sort(), ['/broken', '/sampled', '/twice'])
      assert.equal(spans['/sampled']!.traceId, '0af7651916cd43dd8448eb211c80319c')
      assert.equal(spans['/sampled']!.parentSpanId, 'b7ad6b7169203331')
      assert.equal(spans['/sampled']!.traceState.replace(' ', ''), 'a=1,b=2')
      for (const path of ['/broken', '/twice']) assert.equal(spans[path]!.parentSpanId, '')
    })
  })

  describe('one span a request', () => {
    it('whatever listeners there are', async () => {
      servers(await run('many listeners, some added later'), 1)
    })

    it('on a connection that is kept', async () => {
      const spans = servers(await run('keep-alive'), 3)
      assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 3)
    })

    it('with 100-continue, with a listener for it and without', async () => {
      assert.deepEqual(servers(await run('expect 100-continue'), 3).map(status), [200, 201, 418])
    })

    it('until the end of a streaming response', async () => {
      const [span] = servers(await run('streaming response'), 1)
      assert.ok(span!.endMicros - span!.startMicros > 190_000)
    })

    it('on a stream that is no socket', async () => {
      const spans = byPath(await run('a stream that is no socket'))
      assert.equal(status(spans['/ok']!), 200)
      assertFailed(spans['/broken']!, 'ECONNRESET', CUT_OFF)
    })

    it('over https, and over HTTP/1 on an HTTP/2 server', async () => {
      for (const name of ['https', 'http2 that allows HTTP/1']) {
        const result = await run(name, {}, 'tls-cases.cjs')
        const [outer, inner] = servers(result, 2)
        assert.equal(outer!.attributes['url.scheme'], 'https')
        assert.equal(outer!.attributes['network.peer.address'], '127.0.0.1')
        const [client] = result.spans.filter(({ kind }) => kind === 'CLIENT')
        assert.equal(client!.parentSpanId, outer!.spanId)
        assert.equal(inner!.parentSpanId, client!.spanId)
        assert.match(client!.attributes['url.full'], /^https:\/\/localhost:\d+\/inner$/)
      }
    })
  })

  describe('a request that is not answered', () => {
    it('the client goes away: the span says so, and has no status', async () => {
      const spans = servers(await run('the client goes away before the response'), 3)
      for (const span of spans) {
        const reset = span.attributes['url.path'] === '/read'
        assertFailed(span, 'ECONNRESET', reset ? 'read ECONNRESET' : CUT_OFF)
        assert.equal(status(span), undefined)
      }
    })

    it('the client goes away in the body: the status was sent', async () => {
      const [span] = servers(await run('the client goes away in the body'), 1)
      assertFailed(span!, 'ECONNRESET', CUT_OFF)
      assert.equal(status(span!), 202)
    })

    it('the client goes away from a pipeline: the answers that waited were never sent', async () => {
      for (const span of servers(await run('pipelined, and the client goes away'), 3)) {
        assertFailed(span, 'ECONNRESET', CUT_OFF)
        assert.equal(status(span), undefined)
      }
    })

    it('the server gives up: its error is the reason', async () => {
      const spans = byPath(await run('the server gives up'))
      assertFailed(spans['/error']!, 'RangeError', 'no more')
      assertFailed(spans['/plain']!, 'ECONNRESET', CUT_OFF)
      assertFailed(spans['/all']!, 'ECONNRESET', CUT_OFF)
    })

    it('the process ends: the span arrives', async () => {
      const result = await run('the process ends with an open request')
      assert.equal(result.code, 4)
      assertFailed(servers(result, 1)[0]!, '_OTHER', 'the process ended before the response was complete')
    })
  })

  describe('a handler that throws', () => {
    const cases: [name: string, type: string, message: string, status?: number, program?: string][] = [
      ['a handler that throws', 'TypeError', 'broken', 500],
      ['a handler that throws and never answers', 'TypeError', 'broken'],
      ['a handler that throws later', 'TypeError', 'late', 500],
      ['a handler that throws and nobody catches it', 'RangeError', 'fatal'],
      ['a rejection that nobody handles', 'SyntaxError', 'rejected'],
      ['an upgrade whose listener throws', 'TypeError', 'in upgrade', 500],
      ['a handler that throws over https', 'TypeError', 'broken', 500, 'tls-cases.cjs'],
    ]
    for (const [name, type, message, code, program] of cases) {
      it(`${name}: the exception is recorded once, and passes on as it was`, async () => {
        const [span] = servers(await run(name, {}, program), 1)
        assertFailed(span!, type, message)
        assert.equal(status(span!), code)
        assert.equal(span!.events.length, 1)
        const [{ name: event, attributes }] = span!.events as [ReceivedSpan['events'][number]]
        assert.equal(event, 'exception')
        assert.equal(attributes['exception.type'], type)
        assert.equal(attributes['exception.message'], message)
        assert.match(attributes['exception.stacktrace'], /-cases\.cjs/)
      })
    }
  })

  describe('another protocol', () => {
    it('a handshake is a span up to its answer, whatever that is', async () => {
      const result = await run('upgrade')
      const spans = byPath(result)
      const statuses = ['/none', '/now', '/late', '/refused', '/gone', '/odd'].map(path => status(spans[path]!))
      assert.deepEqual(statuses, [200, 101, 101, 401, undefined, undefined])
      assertFailed(spans['/gone']!, 'ECONNRESET', CUT_OFF)
      assert.equal(spans['/odd']!.status.code, 'UNSET')
      const parents = result.spans.filter(({ kind }) => kind === 'CLIENT').map(({ parentSpanId }) => parentSpanId)
      assert.deepEqual(parents, [spans['/now']!.spanId, spans['/late']!.spanId])
    })

    it('handshakes that wait at once are spans up to their own answers, on whatever stream', async () => {
      const spans = byPath(await run('handshakes at once'))
      const statuses = ['/first', '/second', '/third', '/stream', '/plain', '/last'].map(path => status(spans[path]!))
      assert.deepEqual(statuses, [403, 401, 404, 202, 200, 200])
    })

    it('CONNECT is a span up to its answer', async () => {
      const [span] = servers(await run('connect'), 1)
      assert.equal(span!.name, 'CONNECT')
      assert.equal(status(span!), 200)
      assert.equal(span!.attributes['url.path'], undefined)
      assert.equal(span!.attributes['server.address'], 'example.com')
    })

    it('a WebSocket connection is one handshake, and its messages belong to nobody', async () => {
      const result = await run('websocket', {}, 'websocket.cjs')
      const [span] = servers(result).filter(({ attributes }) => attributes['url.path'] === '/chat')
      assert.equal(status(span!), 101)
      for (const { kind, parentSpanId } of result.spans) if (kind === 'CLIENT') assert.equal(parentSpanId, '')
    })
  })
})
