import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { runAgent } from '../kit/agent'
import { assertSameEnd, calls, childrenOf, grpcSpans, METHODS, only, runBoth, statusOf } from './grpc-programs'

describe('calls to gRPC servers', () => {
  it('only those statuses are errors of the server that say that it failed', async () => {
    const { spans } = await runBoth('codes.cjs')
    const failed = grpcSpans(spans, 'SERVER').filter(({ status }) => status.code === 'ERROR')
    assert.deepEqual(failed.map(statusOf), [
      'UNKNOWN',
      'DEADLINE_EXCEEDED',
      'UNIMPLEMENTED',
      'INTERNAL',
      'UNAVAILABLE',
      'DATA_LOSS',
    ])
    for (const { attributes, status } of failed) {
      assert.equal(attributes['error.type'], attributes['rpc.status_code'])
      assert.match(status.message, /^détail \d+ 100%$/)
    }
    assert.equal(grpcSpans(spans, 'SERVER').length, 17)
  })

  it('the server is what the caller called it, the client is the connection', async () => {
    const { spans } = await runBoth('kinds.cjs')
    for (const { client, servers } of calls(spans)) {
      const { attributes } = only(servers)
      assert.equal(attributes['server.address'], 'localhost')
      assert.equal(attributes['server.port'], client.attributes['server.port'])
      assert.ok(isIP(attributes['client.address']))
      assert.equal(attributes['network.peer.address'], attributes['client.address'])
      assert.equal(typeof attributes['client.port'], 'number')
      assert.equal(attributes['network.peer.port'], attributes['client.port'])
    }
  })

  it('everything that a handler starts is under its span, from its events and timers too', async () => {
    const { spans } = await runBoth('relay.cjs')
    const server = (name: string) => grpcSpans(spans, 'SERVER').filter(span => span.name === `${METHODS}/${name}`)
    const below = (name: string) =>
      childrenOf(server(name)[0]!, spans)
        .filter(({ kind }) => kind === 'CLIENT')
        .map(span => span.attributes['url.full']?.replace(/^.*:\d+/, '') ?? span.name)
        .sort()
    assert.deepEqual(below('UnaryMethod'), ['/unary', `${METHODS}/UnaryMethod`])
    assert.deepEqual(below('ClientStreamMethod'), [...Array(3).fill('/client-stream/data'), '/client-stream/end'])
    assert.deepEqual(below('BidiStreamMethod'), ['/bidi', '/bidi', '/bidi'])
    assert.deepEqual(below('ServerStreamMethod'), ['/cancelled'])
    assert.equal(server('UnaryMethod').length, 2)
    assert.equal(spans.filter(({ kind, scope }) => kind === 'CLIENT' && scope.name === 'tracing-agent/http').length, 9)
  })

  it('a handler that throws answers as it would, and the exception is on its span, once', async () => {
    const { spans } = await runBoth('throws.cjs')
    const servers = grpcSpans(spans, 'SERVER')
    assert.deepEqual(servers.map(statusOf), Array(5).fill('UNKNOWN'))
    assert.deepEqual(
      servers.map(({ status }) => status.message),
      ['unary', 'a text', 'client stream', 'server stream', 'bidi'],
    )
    for (const { attributes, events } of servers) {
      assert.equal(attributes['error.type'], 'UNKNOWN')
      assert.equal(only(events).name, 'exception')
    }
    assert.equal(servers[0]!.events[0]!.attributes['exception.type'], 'TypeError')
    assert.match(servers[0]!.events[0]!.attributes['exception.stacktrace'], /throws\.cjs/)
    for (const { events } of grpcSpans(spans, 'CLIENT')) assert.deepEqual(events, [])
  })

  it('an async handler that rejects is an unhandled rejection as it would be', async () => {
    const crashed = await runBoth('rejects.cjs')
    assert.equal(crashed.code, 1)
    assert.equal(grpcSpans(crashed.spans, 'SERVER').length, 1)
    const handled = await runBoth('rejects.cjs', { args: ['handled'] })
    assert.equal(handled.code, 0)
    assert.deepEqual(grpcSpans(handled.spans).map(statusOf), ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'])
  })

  it('a method that the server does not have is _OTHER, one without a handler is itself', async () => {
    const { spans } = await runBoth('unknown.cjs')
    const servers = grpcSpans(spans, 'SERVER')
    assert.deepEqual(
      servers.map(({ name, attributes }) => [name, attributes['rpc.method'], attributes['rpc.method_original']]),
      [
        [`${METHODS}/UnaryMethod`, `${METHODS}/UnaryMethod`, undefined],
        ['grpc', '_OTHER', `${METHODS}/Nothing`],
        ['grpc', '_OTHER', 'no'],
        ['grpc', '_OTHER', ''],
      ],
    )
    for (const server of servers) {
      assert.equal(statusOf(server), 'UNIMPLEMENTED')
      assert.equal(server.status.code, 'ERROR')
    }
  })

  it('calls that end early end with their true status', async () => {
    const { spans } = await runBoth('ends.cjs')
    const pairs = calls(spans).filter(({ servers }) => servers.length > 0)
    for (const { client, servers } of pairs) assertSameEnd(only(servers), client)
    const found = pairs.map(({ client }) => statusOf(client))
    // A deadline that has passed before there is a call, and a cancellation at once, may never reach the server.
    assert.deepEqual(
      found.filter((status, index) => index === 0 || status !== found[index - 1]),
      ['DEADLINE_EXCEEDED', 'CANCELLED', 'OK'],
    )
    for (const span of grpcSpans(spans, 'SERVER')) {
      assert.equal(span.status.code, statusOf(span) === 'DEADLINE_EXCEEDED' ? 'ERROR' : 'UNSET')
    }
  })

  it('the official health service: a missing one is no error of the server', async () => {
    const { spans } = await runBoth('health.cjs')
    const servers = grpcSpans(spans, 'SERVER')
    assert.deepEqual(
      servers.map(span => [span.name, statusOf(span), span.status.code]),
      [
        ['grpc.health.v1.Health/Check', 'OK', 'UNSET'],
        ['grpc.health.v1.Health/Check', 'NOT_FOUND', 'UNSET'],
      ],
    )
    assert.deepEqual(
      grpcSpans(spans, 'CLIENT').map(({ status }) => status.code),
      ['UNSET', 'ERROR'],
    )
  })

  it('an ignored call makes no SERVER span, and neither does what it starts', async () => {
    const { spans } = await runBoth('relay.cjs', { env: { TRACING_AGENT_IGNORE_INCOMING_PATHS: '/pkg_test.*' } })
    assert.deepEqual(grpcSpans(spans, 'SERVER'), [])
    assert.equal(grpcSpans(spans, 'CLIENT').length, 4)
    assert.equal(
      spans.length - 4,
      spans.filter(({ scope, kind }) => scope.name === 'tracing-agent/http' && kind === 'SERVER').length,
    )
  })

  it('health checks can be ignored by one word', async () => {
    const { spans } = await runBoth('health.cjs', { env: { TRACING_AGENT_IGNORE_INCOMING_PATHS: '@health' } })
    assert.deepEqual(grpcSpans(spans, 'SERVER'), [])
    assert.equal(grpcSpans(spans, 'CLIENT').length, 2)
  })

  it('X-Ray gets its answer in the first metadata when it asks for one', async () => {
    const { spans, stdout, stderr } = await runAgent('fixtures/grpc/xray.cjs', { env: { OTEL_PROPAGATORS: 'xray' } })
    assert.equal(stdout, 'OK 2\n')
    assert.equal(stderr, 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1\n')
    assert.equal(only(grpcSpans(spans, 'SERVER')).traceId, '5759e988bd862e3fe1be46a994272793')
  })

  it('a call that is not answered when the process ends is unavailable, as its caller finds it', async () => {
    const { spans } = await runBoth('quits.cjs')
    const servers = grpcSpans(spans, 'SERVER')
    assert.equal(servers.length, 2)
    for (const server of servers) {
      assert.equal(statusOf(server), 'UNAVAILABLE')
      assert.equal(server.status.message, 'the process ended before the call was complete')
    }
  })
})
