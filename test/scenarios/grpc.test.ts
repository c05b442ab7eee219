import assert from 'node:assert/strict'
import type { ReceivedSpan } from '../kit/otlp'
import { assertChild, assertRoot, ofKind, scenario } from './scenario'

const NAMES = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'],
  ...['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED'],
  ...['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
]

/** That many pairs, each SERVER span a child of a CLIENT span of its own, and nothing else but what `others` allows. */
function pairs(spans: ReceivedSpan[], count: number, others = 0): { client: ReceivedSpan; server: ReceivedSpan }[] {
  const servers = ofKind(spans, 'SERVER')
  const clients = ofKind(spans, 'CLIENT')
  assert.deepEqual([servers.length, spans.length], [count, 2 * count + others])
  return servers.map(server => {
    const client = clients.find(({ spanId }) => spanId === server.parentSpanId)
    assert.ok(client, 'the server span is the child of a client span')
    assertChild(server, client)
    return { client, server }
  })
}

function assertCall(span: ReceivedSpan, method: string, status: string): void {
  assert.equal(span.name, method)
  assert.equal(span.attributes['rpc.system.name'], 'grpc')
  assert.equal(span.attributes['rpc.method'], method)
  assert.equal(span.attributes['rpc.status_code'], status)
}

describe('scenarios of gRPC', () => {
  for (const [id, kind] of [
    ['G02', 'ClientStreamMethod'],
    ['G03', 'ServerStreamMethod'],
  ] as const) {
    scenario({
      id,
      claim: `${kind} makes one CLIENT and one SERVER span`,
      check: ({ spans }) => {
        const { client, server } = pairs(spans, 1)[0]!
        for (const span of [client, server]) {
          assertCall(span, `pkg_test.GrpcTester/${kind}`, 'OK')
          assert.equal(span.status.code, 'UNSET')
        }
        assert.equal(client.attributes['server.address'], '127.0.0.1')
        assert.ok(client.attributes['server.port'] > 0)
        assertRoot(client)
      },
    })
  }

  scenario({
    id: 'G05',
    claim: 'every error is one of the client, and of the server those of its own making',
    check: ({ spans }) => {
      const calls = pairs(spans, 16)
      calls.forEach(({ client, server }, index) => {
        const status = NAMES[index + 1]!
        assertCall(client, 'pkg_test.GrpcTester/UnaryMethod', status)
        assertCall(server, 'pkg_test.GrpcTester/UnaryMethod', status)
        assert.equal(client.status.code, 'ERROR', `client ${status}`)
        assert.equal(client.attributes['error.type'], status)
        const own = [2, 4, 12, 13, 14, 15].includes(index + 1)
        assert.equal(server.status.code, own ? 'ERROR' : 'UNSET', `server ${status}`)
        assert.equal(server.attributes['error.type'], own ? status : undefined)
      })
    },
  })

  scenario({
    id: 'G06',
    claim: 'a deadline that passes is DEADLINE_EXCEEDED for the client, and the server span ends',
    check: ({ spans }) => {
      const { client } = pairs(spans, 1)[0]!
      assertCall(client, 'pkg_test.GrpcTester/UnaryMethod', 'DEADLINE_EXCEEDED')
      assert.equal(client.status.code, 'ERROR')
    },
  })

  scenario({
    id: 'G08',
    claim: "the caller's Metadata is not changed and can be used again",
    check: ({ spans, run }) => {
      assert.doesNotMatch(run.stdout, /traceparent/)
      const [first, second] = pairs(spans, 2)
      assert.notEqual(first!.server.parentSpanId, second!.server.parentSpanId)
    },
  })

  scenario({
    id: 'G09',
    claim: 'initial and trailing metadata arrive',
    check: ({ spans }) => void pairs(spans, 1),
  })

  scenario({
    id: 'G11',
    claim: 'a call made in the callback of another is not its child',
    check: ({ spans }) => {
      for (const { client } of pairs(spans, 2)) assertRoot(client)
    },
  })

  scenario({
    id: 'G12',
    claim: 'interceptors of both sides see and change the call',
    check: ({ spans }) => void pairs(spans, 1),
  })

  scenario({
    id: 'G14',
    claim: 'a refused connection is UNAVAILABLE',
    check: ({ spans }) => {
      assert.equal(spans.length, 1)
      assert.equal(spans[0]!.kind, 'CLIENT')
      assertCall(spans[0]!, 'pkg_test.GrpcTester/UnaryMethod', 'UNAVAILABLE')
      assert.equal(spans[0]!.status.code, 'ERROR')
    },
  })

  scenario({
    id: 'G15',
    claim: 'what a handler calls is a child of its span',
    check: ({ spans, peer }) => {
      const [relay, inner] = pairs(spans, 2, 1)
      const http = spans.find(span => span.attributes['url.full'] !== undefined)
      assertChild(http!, relay!.server)
      assertChild(inner!.client, relay!.server)
      assert.equal(peer.parents[0]!.spanId, http!.spanId)
    },
  })

  scenario({
    id: 'G17',
    claim: 'the official health service is traced, and NOT_FOUND is no error of the server',
    check: ({ spans }) => {
      const [found, missing] = pairs(spans, 2)
      assertCall(found!.server, 'grpc.health.v1.Health/Check', 'OK')
      assertCall(missing!.server, 'grpc.health.v1.Health/Check', 'NOT_FOUND')
      assert.equal(missing!.server.status.code, 'UNSET')
      assert.equal(missing!.client.status.code, 'ERROR')
    },
  })
})
