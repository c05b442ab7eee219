import assert from 'node:assert/strict'
import type { AgentResult, ReceivedSpan, RunOptions } from '../kit/agent'
import { runAgent, runBare } from '../kit/agent'
import { type Peer, type SeenRequest, startPeer } from '../kit/peer'

const PROGRAM = 'fixtures/http/client-cases.cjs'

interface Seen extends AgentResult {
  /** What reached the server. */
  requests: SeenRequest[]
}

describe('the HTTP client', () => {
  let peer: Peer
  before(async () => {
    peer = await startPeer()
  })
  after(() => peer.close())

  /** Runs a case of the program with and without the agent: what it prints and how it ends is the same. */
  async function run(name: string, options: RunOptions = {}): Promise<Seen> {
    const args = [name, peer.url]
    const bare = await runBare(PROGRAM, { ...options, env: {}, args })
    peer.seen.length = 0
    const traced = await runAgent(PROGRAM, { ...options, args })
    assert.equal(traced.stdout, bare.stdout)
    assert.deepEqual([traced.code, traced.signal], [bare.code, bare.signal])
    assert.doesNotMatch(traced.stderr, /tracing-agent: fault/)
    for (const { kind } of traced.spans) assert.equal(kind, 'CLIENT')
    return { ...traced, requests: peer.seen.splice(0) }
  }

  /** Each request on the wire carries the id of one span of its own, in exactly one header. */
  function assertPropagated({ requests, spans }: Seen): void {
    assert.equal(requests.length, spans.length)
    const sent = requests.map(({ headers, rawHeaders }) => {
      assert.equal(rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'traceparent').length, 1)
      return headers['traceparent']
    })
    assert.deepEqual(sent.sort(), spans.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-03`).sort())
  }

  function only({ spans }: Seen): ReceivedSpan {
    assert.equal(spans.length, 1)
    return spans[0]!
  }

  function assertFailed(span: ReceivedSpan, errorType: string, message: string | RegExp): void {
    assert.equal(span.status.code, 'ERROR')
    assert.equal(span.attributes['error.type'], errorType)
    if (typeof message === 'string') assert.equal(span.status.message, message)
    else assert.match(span.status.message, message)
  }

  function assertUnset(span: ReceivedSpan): void {
    assert.deepEqual(span.status, { code: 'UNSET', message: '' })
    assert.equal(span.attributes['error.type'], undefined)
  }

  describe('every form of the arguments', () => {
    const forms: [name: string, method: string, target: string][] = [
      ['get with a string', 'GET', '/ok?a=1'],
      ['get with a URL', 'GET', '/ok'],
      ['get with a URL and options', 'GET', '/ok'],
      ['get with options', 'GET', '/ok'],
      ['options without a prototype', 'GET', '/ok'],
      ['a legacy url.parse object', 'GET', '/ok?b=2'],
      ['request with a body', 'POST', '/ok'],
      ['headers as a flat array', 'GET', '/ok'],
      ['headers as pairs', 'GET', '/ok'],
      ['a traceparent of its own', 'GET', '/ok'],
      ['expect 100-continue', 'PUT', '/ok'],
      ['expect set later', 'PUT', '/ok'],
      ['monkeypatched request', 'GET', '/ok'],
      ['an agent that is no Agent', 'GET', '/ok'],
    ]
    for (const [name, method, target] of forms) {
      it(`${name}: one span, which the server hears of, and nothing that the program sees`, async () => {
        const seen = await run(name)
        const span = only(seen)
        const { port } = new URL(peer.url)
        const { 'network.peer.address': address, 'network.peer.port': peerPort, ...attributes } = span.attributes
        assert.equal(span.name, method)
        assert.deepEqual(attributes, {
          'http.request.method': method,
          'server.address': '127.0.0.1',
          'server.port': Number(port),
          'url.full': peer.url + target,
          'network.protocol.version': '1.1',
          'http.response.status_code': 200,
        })
        assert.deepEqual([address, peerPort], ['127.0.0.1', Number(port)])
        assertUnset(span)
        assertPropagated(seen)
      })
    }

    it('inherited options are read as Node reads them', async () => {
      // Node copies own properties only in some releases: where the request went, its span says.
      const span = only(await run('options that are inherited'))
      assert.match(span.attributes['url.full'], /^http:\/\/(localhost\/|127\.0\.0\.1:\d+\/ok)$/)
    })

    it('a class that extends ClientRequest, and new ClientRequest, make one span each', async () => {
      const seen = await run('new ClientRequest')
      assert.equal(seen.spans.length, 2)
      assertPropagated(seen)
    })

    it('a connection that the program makes itself, now or later, makes one span', async () => {
      const seen = await run('no agent and a connection of its own')
      assert.equal(seen.spans.length, 3)
      assertPropagated(seen)
    })

    it('requests that wait for a connection make one span each', async () => {
      const seen = await run('an agent that queues')
      assert.deepEqual(
        seen.spans.map(span => span.attributes['url.full']),
        [0, 1, 2].map(i => `${peer.url}/ok?${i}`),
      )
      assertPropagated(seen)
    })
  })

  describe('the destination', () => {
    it('credentials go to the server and not into the span', async () => {
      for (const name of ['credentials in the URL', 'credentials as an option']) {
        const seen = await run(name)
        const span = only(seen)
        assert.equal(seen.requests[0]!.headers.authorization, `Basic ${btoa('user:hunter2')}`)
        assert.match(span.attributes['url.full'], /^http:\/\/REDACTED:REDACTED@127\.0\.0\.1:\d+\/secret/)
        assert.doesNotMatch(JSON.stringify(span), /hunter2/)
        assert.equal(span.attributes['server.port'], Number(new URL(peer.url).port))
      }
    })

    it('an authorization header is no part of the URL', async () => {
      const span = only(await run('an authorization header'))
      assert.equal(span.attributes['url.full'], `${peer.url}/secret`)
    })

    it('a request to a proxy is for the server that its target names', async () => {
      const seen = await run('absolute path for a proxy')
      const { attributes } = only(seen)
      assert.equal(attributes['url.full'], 'http://REDACTED:REDACTED@example.com:8080/ok?sig=REDACTED')
      assert.deepEqual([attributes['server.address'], attributes['server.port']], ['example.com', 8080])
      assert.equal(attributes['network.peer.address'], '127.0.0.1')
    })

    it('the target * has no path', async () => {
      assert.equal(only(await run('asterisk')).attributes['url.full'], peer.url)
    })

    it('CONNECT is for the host behind the tunnel, and ends with the answer', async () => {
      const { name, attributes } = only(await run('connect'))
      assert.equal(name, 'CONNECT')
      assert.equal(attributes['http.request.method'], 'CONNECT')
      assert.equal(attributes['http.response.status_code'], 200)
      assert.deepEqual([attributes['server.address'], attributes['server.port']], ['example.com', 443])
    })

    it('methods are written as they were sent', async () => {
      const seen = await run('methods')
      assert.deepEqual(seen.spans.map(({ name }) => name).sort(), ['GET', 'HEAD', 'HTTP', 'OPTIONS'])
      const { attributes } = seen.spans.find(({ name }) => name === 'HTTP')!
      assert.equal(attributes['http.request.method'], '_OTHER')
      assert.equal(attributes['http.request.method_original'], 'PURGE')
      assertPropagated(seen)
    })
  })

  describe('the answer', () => {
    it('a status from 400 on is an error, which needs no words', async () => {
      const { spans } = await run('statuses')
      assert.deepEqual(
        spans.map(({ attributes, status }) => [
          attributes['http.response.status_code'],
          status,
          attributes['error.type'],
        ]),
        [
          [204, { code: 'UNSET', message: '' }, undefined],
          [301, { code: 'UNSET', message: '' }, undefined],
          [404, { code: 'ERROR', message: '' }, '404'],
          [500, { code: 'ERROR', message: '' }, '500'],
        ],
      )
    })

    it('nobody listens: Node still throws the body away, and the span ends', async () => {
      assertUnset(only(await run('no listener for the response')))
    })

    it('nobody reads: the span ends when the body has come', async () => {
      const span = only(await run('a response that nobody reads'))
      assertUnset(span)
      assert.ok(span.endMicros - span.startMicros < 450_000)
    })

    it('listeners of every kind are called in their order, and counted as before', async () => {
      assertFailed(only(await run('listeners of every kind')), '404', '')
    })

    it('informational answers are not the answer', async () => {
      const span = only(await run('early hints'))
      assert.equal(span.attributes['http.response.status_code'], 200)
    })

    it('the span covers both bodies', async () => {
      const span = only(await run('streams both ways'))
      assert.ok(span.endMicros - span.startMicros > 90_000)
      assertUnset(span)
    })

    it('an upgrade ends the span with status 101, whether somebody listens or not', async () => {
      for (const name of ['upgrade', 'upgrade with nobody listening']) {
        const span = only(await run(name))
        assert.equal(span.attributes['http.response.status_code'], 101)
        assertUnset(span)
      }
    })

    it('what starts in callbacks and listeners is no child of the request', async () => {
      const seen = await run('requests from callbacks')
      assert.equal(new Set(seen.spans.map(({ traceId }) => traceId)).size, 4)
      for (const span of seen.spans) assert.equal(span.parentSpanId, '')
      assertPropagated(seen)
    })

    it('a callback that throws ends in the handler of the program', async () => {
      assert.equal((await run('a callback that throws')).spans.length, 1)
    })
  })

  describe('failures', () => {
    const failures: [name: string, errorType: string, message: string | RegExp, status?: number][] = [
      ['connection refused', 'ECONNREFUSED', /^connect ECONNREFUSED/],
      ['connection refused with nobody listening', 'ECONNREFUSED', /^connect ECONNREFUSED/],
      ['unknown host', 'ENOTFOUND', /^getaddrinfo ENOTFOUND/],
      ['the server closes before the response', 'ECONNRESET', 'socket hang up'],
      ['the server closes in the body', 'ECONNRESET', 'aborted', 200],
      ['garbage instead of a response', 'HPE_INVALID_STATUS', /^Parse Error/],
      ['destroyed with an error in the body', 'RangeError', 'enough', 200],
      ['request destroyed with an error', 'RangeError', 'enough'],
      ['timeout that the program turns into an error', 'Error', 'too slow'],
      ['timeout that the program ends', 'TimeoutError', 'nothing was sent or received for 150 ms'],
      ['a signal that runs out of time', 'TimeoutError', /timeout/],
      ['an agent that cannot connect', 'ENOWAY', 'no way'],
    ]
    for (const [name, errorType, message, status] of failures) {
      it(`${name}: error.type is ${errorType}`, async () => {
        const span = only(await run(name))
        assertFailed(span, errorType, message)
        assert.equal(span.attributes['http.response.status_code'], status)
      })
    }

    const givenUp: [name: string, status?: number][] = [
      ['request destroyed without an error'],
      ['response destroyed without an error', 200],
      ['given up long after a timeout'],
      ['request aborted before it has a socket'],
      ['aborted by a signal'],
      ['a signal that was aborted before'],
    ]
    for (const [name, status] of givenUp) {
      it(`${name}: the program gave up, nothing failed`, async () => {
        const span = only(await run(name))
        assertUnset(span)
        assert.equal(span.attributes['http.response.status_code'], status)
      })
    }

    it('arguments that Node refuses throw as before, and make no span', async () => {
      const { spans } = await run('invalid arguments')
      // One attempt of the list is valid.
      assert.deepEqual(
        spans.map(({ attributes }) => attributes['url.full']),
        ['http://localhost/'],
      )
    })

    it('requests that are open when the program exits arrive', async () => {
      const { spans, code } = await run('the program exits in the middle')
      assert.equal(code, 3)
      assert.deepEqual(
        spans.map(({ attributes }) => attributes['http.response.status_code']),
        [200, undefined],
      )
      for (const span of spans) assertUnset(span)
    })
  })

  describe('settings', () => {
    const call = (env: RunOptions['env'], name = 'request with a body') => run(name, { env })

    it('hosts and paths can be ignored: no span and no header', async () => {
      for (const env of [
        { TRACING_AGENT_IGNORE_OUTGOING_HOSTS: '127.0.0.1' },
        { TRACING_AGENT_IGNORE_OUTGOING_HOSTS: new URL(peer.url).host },
        { TRACING_AGENT_IGNORE_OUTGOING_PATHS: '/o*' },
      ]) {
        const { spans, requests } = await call(env)
        assert.equal(spans.length, 0)
        assert.equal(requests[0]!.headers['traceparent'], undefined)
      }
    })

    it('a host that must not get the headers makes a span', async () => {
      const { spans, requests } = await call({ TRACING_AGENT_PROPAGATE_TO: '!127.0.0.1' })
      assert.equal(spans.length, 1)
      assert.equal(requests[0]!.headers['traceparent'], undefined)
    })

    it('an unsampled request carries the decision', async () => {
      const { spans, requests } = await call({ OTEL_TRACES_SAMPLER: 'always_off' })
      assert.equal(spans.length, 0)
      assert.match(String(requests[0]!.headers['traceparent']), /^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/)
    })

    it('headers of both directions can be recorded, also those that came late or as an array', async () => {
      const env = {
        OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS: 'X-Late,x-multi,authorization',
        OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS: 'content-type,X-Answer',
      }
      const late = only(await call(env))
      assert.deepEqual(late.attributes['http.request.header.x-late'], ['yes'])
      assert.deepEqual(late.attributes['http.response.header.content-type'], ['application/json'])
      const array = only(await call(env, 'headers as a flat array'))
      assert.deepEqual(array.attributes['http.request.header.x-multi'], ['a', 'b'])
      const answer = only(await call(env, 'response headers'))
      assert.deepEqual(answer.attributes['http.response.header.x-answer'], ['one', 'two'])
    })

    it('which statuses are errors, and which methods are known, can be chosen', async () => {
      const { spans } = await call({ TRACING_AGENT_CLIENT_ERROR_STATUSES: '301,500-599' }, 'statuses')
      assert.deepEqual(
        spans.filter(({ status }) => status.code === 'ERROR').map(({ attributes }) => attributes['error.type']),
        ['301', '500'],
      )
      const methods = await call({ OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS: 'GET,PURGE' }, 'methods')
      assert.deepEqual(methods.spans.map(({ name }) => name).sort(), ['GET', 'HTTP', 'HTTP', 'PURGE'])
    })
  })
})
