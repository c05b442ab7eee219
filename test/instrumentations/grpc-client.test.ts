import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import type { How } from '../kit/agent'
import { runAgent } from '../kit/agent'
import { calls, childrenOf, grpcSpans, METHODS, only, runBoth, statusOf } from './grpc-programs'

const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

describe('calls of gRPC clients', () => {
  for (const program of ['kinds.cjs', 'kinds.mjs']) {
    for (const how of ['require', 'import', 'node-options'] satisfies How[]) {
      it(`each kind of call is one CLIENT and one SERVER span (${program}, ${how})`, async () => {
        const { spans } = await runBoth(program, { how })
        const pairs = calls(spans)
        assert.equal(spans.length, 8)
        assert.deepEqual(
          pairs.map(({ client }) => client.name),
          ['UnaryMethod', 'ClientStreamMethod', 'ServerStreamMethod', 'BidiStreamMethod'].map(
            name => `${METHODS}/${name}`,
          ),
        )
        for (const { client, servers } of pairs) {
          const server = only(servers)
          assert.equal(client.parentSpanId, '')
          assert.equal(server.name, client.name)
          for (const span of [client, server]) {
            assert.equal(statusOf(span), 'OK')
            assert.deepEqual(span.status, { code: 'UNSET', message: '' })
            assert.deepEqual(span.events, [])
          }
          assert.ok(server.startMicros >= client.startMicros - 1000 && server.endMicros <= client.endMicros + 5000)
        }
      })
    }
  }

  it('the server of a call is the channel target, its peer the connection', async () => {
    const { spans } = await runBoth('kinds.cjs')
    for (const { client } of calls(spans)) {
      assert.equal(client.attributes['server.address'], 'localhost')
      assert.equal(typeof client.attributes['server.port'], 'number')
      assert.ok(isIP(client.attributes['network.peer.address']))
      assert.equal(client.attributes['network.peer.port'], client.attributes['server.port'])
    }
  })

  it('a Unix socket is a server without a port, and an IPv6 address one without brackets', async () => {
    const { spans } = await runBoth('sockets.cjs')
    const [unix, ...ipv6] = calls(spans)
    const { attributes } = unix!.client
    assert.match(attributes['server.address'], /^\/.*\.sock$/)
    assert.equal(attributes['server.port'], undefined)
    assert.equal(attributes['network.peer.address'], attributes['server.address'])
    assert.equal(attributes['network.peer.port'], undefined)
    assert.equal(only(unix!.servers).attributes['client.address'], undefined)
    assert.equal(ipv6.length, 2)
    for (const { client, servers } of ipv6) {
      assert.equal(client.attributes['server.address'], '::1')
      assert.equal(client.attributes['network.peer.address'], '::1')
      assert.equal(client.attributes['network.peer.port'], client.attributes['server.port'])
      assert.equal(only(servers).attributes['server.address'], '::1')
      assert.equal(only(servers).attributes['network.peer.address'], '::1')
    }
  })

  it('generated stubs, direct calls and every form of arguments are traced alike', async () => {
    const { spans } = await runBoth('generated.cjs')
    const pairs = calls(spans)
    const count = (name: string) => pairs.filter(({ client }) => client.name === `${METHODS}/${name}`).length
    assert.deepEqual(
      ['UnaryMethod', 'ClientStreamMethod', 'ServerStreamMethod', 'BidiStreamMethod'].map(count),
      [6, 4, 4, 4],
    )
    for (const { client, servers } of pairs.slice(0, -1)) {
      assert.equal(statusOf(client), 'OK')
      only(servers)
    }
    const { client } = pairs.at(-1)!
    assert.equal(statusOf(client), 'INTERNAL')
    assert.match(client.status.message, /serialization failure/)
  })

  it('every status but OK is an error of the client', async () => {
    const { spans } = await runBoth('codes.cjs')
    const clients = grpcSpans(spans, 'CLIENT')
    assert.deepEqual(clients.map(statusOf), CODES)
    for (const [code, { attributes, status }] of clients.entries()) {
      assert.equal(attributes['error.type'], code === 0 ? undefined : CODES[code])
      const failed = { code: 'ERROR', message: `détail ${code} 100%` }
      assert.deepEqual(status, code === 0 ? { code: 'UNSET', message: '' } : failed)
    }
  })

  it('metadata of the caller is not changed and serves for several calls', async () => {
    const { spans } = await runBoth('metadata.cjs')
    const pairs = calls(spans)
    assert.equal(pairs.length, 2)
    assert.notEqual(pairs[0]!.client.traceId, pairs[1]!.client.traceId)
    for (const { servers } of pairs) only(servers)
    for (const key of Object.keys(pairs[0]!.client.attributes)) assert.ok(!key.includes('metadata'), key)
  })

  it('metadata is captured by name, as lists, and never credentials', async () => {
    const names = 'x-mine,X-Mine-Bin,x-initial,x-trailing,x-trailing-bin,authorization,x-absent'
    const { spans } = await runBoth('metadata.cjs', {
      env: {
        OTEL_LOG_LEVEL: 'none',
        OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST: names,
        OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_RESPONSE: names,
        OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_REQUEST: names,
        OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_RESPONSE: names,
      },
    })
    for (const { client, servers } of calls(spans)) {
      const response = {
        'rpc.response.metadata.x-initial': ['one, two'],
        'rpc.response.metadata.x-trailing': ['three'],
        'rpc.response.metadata.x-trailing-bin': ['AQID'],
      }
      const captured = (attributes: Record<string, unknown>) =>
        Object.fromEntries(Object.entries(attributes).filter(([key]) => key.includes('.metadata.')))
      assert.deepEqual(captured(client.attributes), {
        'rpc.request.metadata.x-mine': ['a', 'b'],
        'rpc.request.metadata.x-mine-bin': ['YmluYXJ5'],
        ...response,
      })
      assert.deepEqual(captured(only(servers).attributes), {
        'rpc.request.metadata.x-mine': ['a, b'],
        'rpc.request.metadata.x-mine-bin': ['YmluYXJ5'],
        ...response,
        'rpc.response.metadata.x-initial': ['one', 'two'],
      })
    }
  })

  it('a call from the callback or an event of another is its sibling', async () => {
    const { spans } = await runBoth('siblings.cjs')
    const clients = grpcSpans(spans, 'CLIENT')
    const own = (name: string) => only(spans.filter(span => span.name === name && span.kind === 'INTERNAL'))
    const under = (name: string) => childrenOf(own(name), clients).length
    assert.deepEqual([under('first'), under('second'), under('third')], [1, 2, 4])
    const roots = clients.filter(({ parentSpanId }) => parentSpanId === '')
    assert.equal(roots.length, 2)
    assert.equal(new Set(roots.map(({ traceId }) => traceId)).size, 2)
    assert.equal(clients.length, 9)
  })

  it('what is done when a channel is ready belongs to who waited for it', async () => {
    const { spans } = await runBoth('ready.cjs')
    for (const name of ['first', 'second']) {
      const own = only(spans.filter(span => span.name === name))
      only(childrenOf(own, grpcSpans(spans, 'CLIENT')))
    }
    const waited = only(grpcSpans(spans, 'CLIENT').filter(span => span.name === 'a.B/C'))
    assert.equal(statusOf(waited), 'DEADLINE_EXCEEDED')
    assert.equal(waited.attributes['network.peer.address'], undefined)
  })

  it('calls that end early, from either side, end with the status that the program gets', async () => {
    const { spans, stdout } = await runBoth('ends.cjs')
    const pairs = calls(spans)
    assert.match(stdout, /^closed /m)
    assert.deepEqual(
      pairs.map(({ client }) => statusOf(client)),
      [
        'DEADLINE_EXCEEDED',
        'DEADLINE_EXCEEDED',
        'CANCELLED',
        'CANCELLED',
        'CANCELLED',
        'OK',
        'OK',
        undefined,
        'UNAVAILABLE',
      ],
    )
    const refused = pairs.at(-1)!.client
    assert.equal(refused.attributes['error.type'], 'UNAVAILABLE')
    assert.match(refused.status.message, /ECONNREFUSED/)
    assert.equal(refused.attributes['server.address'], '127.0.0.1')
    assert.equal(refused.attributes['server.port'], 1)
    assert.equal(refused.attributes['network.peer.address'], undefined)
  })

  it('a call on a closed channel is an error with the exception that the program gets', async () => {
    const { spans } = await runBoth('ends.cjs')
    const { attributes, status, events } = grpcSpans(spans, 'CLIENT').at(-2)!
    assert.equal(attributes['error.type'], 'Error')
    assert.deepEqual(status, { code: 'ERROR', message: 'Channel has been shut down' })
    assert.equal(only(events).attributes['exception.message'], 'Channel has been shut down')
  })

  it('interceptors on both sides see what they would, and one call is one span whatever they do', async () => {
    const { spans, stdout } = await runBoth('interceptors.cjs')
    assert.doesNotMatch(stdout, /traceparent/)
    const pairs = calls(spans)
    assert.deepEqual(
      pairs.map(({ client, servers }) => [statusOf(client), servers.map(statusOf).join()]),
      [
        ['OK', 'OK'],
        ['OK', 'OK'],
        ['OK', 'OK'],
        ['OK', 'OK'],
        ['INTERNAL', 'INTERNAL'],
        ['OK', ''],
        ['OK', 'NOT_FOUND,OK'],
        ['OK', 'OK'],
        [undefined, ''],
        [undefined, ''],
      ],
    )
    assert.deepEqual(
      pairs.slice(-2).map(({ client }) => client.attributes['error.type']),
      ['RangeError', 'InterceptorConfigurationError'],
    )
  })

  it('a call in a suppressed context makes no CLIENT span and sends no headers, nor does one from its callback', async () => {
    const { spans, stdout } = await runBoth('suppressed.cjs')
    assert.equal(stdout, '1 0\n2 0\n')
    assert.equal(grpcSpans(spans, 'CLIENT').length, 1)
    assert.equal(grpcSpans(spans, 'SERVER').filter(({ parentSpanId }) => parentSpanId === '').length, 2)
  })

  it('an ignored call makes no CLIENT span and sends no headers', async () => {
    const { spans } = await runBoth('kinds.cjs', {
      env: { TRACING_AGENT_IGNORE_OUTGOING_PATHS: '/pkg_test.GrpcTester/*StreamMethod' },
    })
    assert.deepEqual(
      grpcSpans(spans, 'CLIENT').map(({ name }) => name),
      [`${METHODS}/UnaryMethod`],
    )
    assert.equal(grpcSpans(spans, 'SERVER').filter(({ parentSpanId }) => parentSpanId === '').length, 3)
  })

  it('headers go to allowed hosts only; the span is there all the same', async () => {
    const { spans } = await runBoth('kinds.cjs', { env: { TRACING_AGENT_PROPAGATE_TO: '!localhost' } })
    assert.equal(grpcSpans(spans, 'CLIENT').length, 4)
    for (const { parentSpanId } of grpcSpans(spans)) assert.equal(parentSpanId, '')
  })

  for (const propagator of ['opencensus', 'b3', 'xray', 'tracecontext,opencensus']) {
    it(`a call is linked by the headers of ${propagator}`, async () => {
      const { spans } = await runBoth('kinds.cjs', { env: { OTEL_PROPAGATORS: propagator } })
      const pairs = calls(spans)
      assert.equal(pairs.length, 4)
      for (const { client, servers } of pairs) {
        assert.equal(client.parentSpanId, '')
        only(servers)
      }
    })
  }

  it('an unsampled call makes no spans on either side and keeps its callbacks apart', async () => {
    const { spans } = await runBoth('siblings.cjs', { env: { OTEL_TRACES_SAMPLER: 'always_off' } })
    assert.deepEqual(spans, [])
  })

  it('an error event without a listener ends the program as it would, with its span', async () => {
    const { spans, code, stdout } = await runBoth('crash.cjs')
    assert.equal(code, 1)
    assert.match(stdout, /exit 1/)
    assert.equal(statusOf(only(grpcSpans(spans))), 'UNAVAILABLE')
  })

  it('a callback that throws ends the program as it would, with its spans', async () => {
    const { spans, code } = await runBoth('crash.cjs', { args: ['callback'] })
    assert.equal(code, 1)
    const { client, servers } = only(calls(spans))
    assert.equal(statusOf(client), 'OK')
    only(servers)
  })

  it('a call that is under way when the process ends is a span without a status', async () => {
    const { spans, code } = await runBoth('quits.cjs')
    assert.equal(code, 3)
    const clients = grpcSpans(spans, 'CLIENT')
    assert.equal(clients.length, 2)
    for (const client of clients) {
      assert.equal(statusOf(client), undefined)
      assert.equal(client.status.code, 'UNSET')
    }
  })

  it('what a program can see of its calls is what it would be', async () => {
    const { spans } = await runBoth('identity.cjs', { coverage: false })
    assert.equal(calls(spans).length, 2)
  })

  it('an instrumentation that is switched off leaves the library alone', async () => {
    const { spans } = await runAgent('fixtures/grpc/kinds.cjs', {
      env: { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'grpc' },
    })
    assert.deepEqual(spans, [])
  })
})
