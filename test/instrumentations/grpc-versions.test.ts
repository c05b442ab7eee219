import assert from 'node:assert/strict'
import { INSTRUMENTATIONS } from '../../instrumentations/index'
import { assertSameEnd, calls, grpcSpans, only, runBoth, statusOf } from './grpc-programs'

/** The oldest version, and the last one before servers were rewritten for interceptors; all other tests run the newest. */
const LIBRARIES = ['grpc-js-1.0', 'grpc-js-1.9']

describe('older versions of @grpc/grpc-js', () => {
  it('the oldest one that is tested is the first one of the range', () => {
    const { versions } = INSTRUMENTATIONS.find(({ name }) => name === 'grpc')!
    assert.equal(require(`${LIBRARIES[0]}/package.json`).version, versions![0])
  })

  for (const GRPC_LIBRARY of LIBRARIES) {
    const env = { GRPC_LIBRARY }

    it(`${GRPC_LIBRARY}: each kind of call is one CLIENT and one SERVER span`, async () => {
      const { spans } = await runBoth('kinds.cjs', { env })
      const pairs = calls(spans)
      assert.equal(pairs.length, 4)
      for (const { client, servers } of pairs) {
        assert.equal(statusOf(client), 'OK')
        assert.equal(statusOf(only(servers)), 'OK')
        assert.equal(client.attributes['server.address'], 'localhost')
      }
    })

    it(`${GRPC_LIBRARY}: each status is that of both spans`, async () => {
      const { spans } = await runBoth('codes.cjs', { env })
      const pairs = calls(spans)
      assert.equal(pairs.length, 17)
      for (const { client, servers } of pairs) assert.equal(statusOf(only(servers)), statusOf(client))
    })

    it(`${GRPC_LIBRARY}: calls that end early end with their true status`, async () => {
      const { spans } = await runBoth('ends.cjs', { env })
      for (const { client, servers } of calls(spans)) {
        for (const server of servers) assertSameEnd(server, client)
      }
    })

    it(`${GRPC_LIBRARY}: a call from the callback or an event of another is its sibling`, async () => {
      const { spans } = await runBoth('siblings.cjs', { env })
      assert.equal(grpcSpans(spans, 'CLIENT').filter(({ parentSpanId }) => parentSpanId === '').length, 2)
      assert.equal(grpcSpans(spans).length, 18)
    })

    it(`${GRPC_LIBRARY}: metadata of the caller is not changed, and what comes back arrives`, async () => {
      assert.equal(calls((await runBoth('metadata.cjs', { env })).spans).length, 2)
    })

    it(`${GRPC_LIBRARY}: interceptors of the client see what they would`, async () => {
      const { spans, stdout } = await runBoth('interceptors.cjs', { env })
      assert.doesNotMatch(stdout, /traceparent/)
      assert.equal(grpcSpans(spans, 'CLIENT').length, 10)
    })

    it(`${GRPC_LIBRARY}: everything that a handler starts is under its span`, async () => {
      const { spans } = await runBoth('relay.cjs', { env })
      const inner = spans.filter(({ kind, scope }) => kind === 'CLIENT' && scope.name === 'tracing-agent/http')
      assert.equal(inner.length, 9)
      const servers = new Set(grpcSpans(spans, 'SERVER').map(({ spanId }) => spanId))
      for (const { parentSpanId } of inner) assert.ok(servers.has(parentSpanId))
    })

    it(`${GRPC_LIBRARY}: a handler that throws does to the program what it would`, async () => {
      await runBoth('throws.cjs', { env })
    })
  }
})
