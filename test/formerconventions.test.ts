/** The attributes that `http/dup` and `rpc/dup` add. */
import assert from 'node:assert/strict'
import type { AttributeValue } from '@opentelemetry/api'
import * as conventions from '@opentelemetry/semantic-conventions/incubating'
import { type Former, formerOf, withFormerConventions } from '../src/formerconventions'
import type { AttributeList, Kind, SpanData } from '../src/trace/data'
import { CLIENT, SERVER, toObject } from '../src/trace/data'
import { DEFAULT_LIMITS } from '../src/trace/limits'
import { runAgent } from './kit/agent'

const BOTH: Former = { http: true, rpc: true }

function pushed(
  attributes: Record<string, AttributeValue>,
  kind: Kind,
  { former = BOTH, limits = DEFAULT_LIMITS, scope = 'tracing-agent/http' } = {},
) {
  const span = {
    attributes: Object.entries(attributes).flat() as AttributeList,
    kind,
    scope: { name: scope, version: '1' },
    droppedAttributes: 0,
  } as unknown as SpanData
  const out: SpanData[] = []
  withFormerConventions(former, limits, { push: each => out.push(each) }).push(span)
  assert.deepEqual(out, [span])
  return span
}

const REQUEST = { 'http.request.method': 'GET', 'http.response.status_code': 200 }
const formerIn = (span: SpanData) =>
  Object.keys(toObject(span.attributes)).filter(key => /^(net\.|http\.(method|url|target|status_code))/.test(key))

describe('the former conventions', () => {
  it('of HTTP stand beside the stable ones on every span of a real request', async () => {
    const env = { OTEL_SEMCONV_STABILITY_OPT_IN: 'http/dup,database' }
    const { spans, stderr } = await runAgent('fixtures/one-call.cjs', { env })
    assert.equal(stderr, '')
    const client = spans.find(({ kind }) => kind === 'CLIENT')!.attributes
    const server = spans.find(({ kind }) => kind === 'SERVER')!.attributes
    for (const [now, before] of [
      ['http.request.method', 'http.method'],
      ['http.response.status_code', 'http.status_code'],
      ['url.full', 'http.url'],
      ['server.address', 'net.peer.name'],
      ['server.port', 'net.peer.port'],
    ] as const) {
      assert.notEqual(client[now], undefined, now)
      assert.equal(client[before], client[now], before)
    }
    for (const [now, before] of [
      ['http.request.method', 'http.method'],
      ['http.response.status_code', 'http.status_code'],
      ['url.scheme', 'http.scheme'],
      ['url.path', 'http.target'],
      ['server.address', 'net.host.name'],
      ['server.port', 'net.host.port'],
      ['client.address', 'http.client_ip'],
      ['network.peer.address', 'net.sock.peer.addr'],
      ['network.peer.port', 'net.sock.peer.port'],
      ['network.protocol.version', 'net.protocol.version'],
      ['network.protocol.version', 'http.flavor'],
    ] as const) {
      assert.notEqual(server[now], undefined, now)
      assert.equal(server[before], server[now], before)
    }
  })

  it('of RPC stand beside the stable ones on both spans of a real call', async () => {
    const env = {
      OTEL_SEMCONV_STABILITY_OPT_IN: 'rpc/dup',
      OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST: 'user-agent',
    }
    const { spans } = await runAgent('fixtures/grpc/kinds.cjs', { env })
    const calls = spans.filter(({ scope }) => scope.name === 'tracing-agent/grpc')
    assert.equal(calls.length, 8)
    for (const { attributes, kind } of calls) {
      assert.equal(attributes['rpc.system'], 'grpc')
      assert.equal(attributes['rpc.service'], 'pkg_test.GrpcTester')
      assert.equal(attributes['rpc.grpc.status_code'], 0)
      assert.equal(attributes['rpc.response.status_code'], 'OK')
      assert.match(attributes['rpc.method'], /^pkg_test\.GrpcTester\/\w+$/)
      const address = kind === 'CLIENT' ? 'net.peer.name' : 'net.host.name'
      assert.equal(attributes[address], attributes['server.address'])
      if (kind === 'SERVER') {
        assert.deepEqual(
          attributes['rpc.grpc.request.metadata.user-agent'],
          attributes['rpc.request.metadata.user-agent'],
        )
        assert.notEqual(attributes['rpc.grpc.request.metadata.user-agent'], undefined)
      }
      assert.equal(attributes['http.method'], undefined)
    }
  })

  it('are written for what is asked for and for nothing else', async () => {
    for (const value of ['http', 'rpc', 'http,rpc/dup', 'messaging/dup', '']) {
      const env = { OTEL_SEMCONV_STABILITY_OPT_IN: value }
      const { spans, stderr } = await runAgent('fixtures/one-call.cjs', { env })
      assert.equal(stderr, '')
      for (const { attributes } of spans) {
        const former = Object.keys(attributes).filter(key =>
          /^(net\.|http\.(method|url|target|status_code)$)/.test(key),
        )
        assert.deepEqual(former, [], value)
      }
    }
  })

  it('count where http/dup and http are both named', () => {
    assert.deepEqual(formerOf(['http', 'http/dup']), { http: true, rpc: false })
    assert.equal(formerOf(['http', 'rpc']), undefined)
  })

  it('name the method that was sent, the target with its query, and headers with underscores', () => {
    const { attributes } = pushed(
      {
        'http.request.method': '_OTHER',
        'http.request.method_original': 'PURGE',
        'url.path': '/a',
        'url.query': 'b=1',
        'http.request.header.x-request-id': ['7'],
        'http.request.header.host': ['h'],
      },
      SERVER,
    )
    const former = toObject(attributes)
    assert.equal(former['http.method'], 'PURGE')
    assert.equal(former['http.target'], '/a?b=1')
    assert.deepEqual(former['http.request.header.x_request_id'], ['7'])
    assert.equal(Object.keys(former).filter(key => key === 'http.request.header.host').length, 1)
  })

  it('give the number of a gRPC status, also of one that has no name', () => {
    for (const [status, code] of [
      ['NOT_FOUND', 5],
      ['UNAUTHENTICATED', 16],
      ['99', 99],
    ]) {
      const call = { 'rpc.system.name': 'grpc', 'rpc.method': '_OTHER', 'rpc.status_code': status! }
      const former = toObject(pushed(call, SERVER).attributes)
      assert.equal(former['rpc.grpc.status_code'], code)
      assert.equal(former['rpc.service'], undefined)
    }
  })

  it('leave spans of the program alone, and what it wrote itself', () => {
    assert.deepEqual(formerIn(pushed(REQUEST, CLIENT, { scope: 'shop' })), [])
    const own = pushed({ ...REQUEST, 'http.method': 'mine' }, CLIENT)
    assert.equal(toObject(own.attributes)['http.method'], 'mine')
    assert.equal(own.attributes.filter(item => item === 'http.method').length, 1)
  })

  it('keep to the limits, and count what finds no room', () => {
    const limits = { ...DEFAULT_LIMITS, attributeCount: 3, attributeValueLength: 2 }
    const span = pushed(REQUEST, CLIENT, { limits })
    assert.deepEqual({ ...toObject(span.attributes) }, { ...REQUEST, 'http.method': 'GE' })
    assert.equal(span.droppedAttributes, 1)
  })

  it('are names that were published', async () => {
    const published = new Set<unknown>(Object.values(conventions).filter(value => typeof value === 'string'))
    // Of version 1.20 of the specification; the package of constants has no name for it.
    published.add('http.resend_count')
    const every = Object.fromEntries(
      'http.request.method http.response.status_code http.request.resend_count network.protocol.version network.peer.address network.peer.port user_agent.original url.full url.scheme url.path server.address server.port client.address rpc.system.name rpc.method rpc.status_code'
        .split(' ')
        .map(key => [key, 'a/b']),
    )
    for (const kind of [CLIENT, SERVER] as const) {
      const names = Object.keys(toObject(pushed(every, kind).attributes))
      assert.ok(names.length > Object.keys(every).length + 8)
      for (const name of names) assert.ok(published.has(name), name)
    }
  })
})
