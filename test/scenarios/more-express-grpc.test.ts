import assert from 'node:assert/strict'
import { assertChild, ofKind, type Scenario, scenario, servers } from './scenario'

function request(...lines: string[]) {
  return async (url: string) => {
    const replies = []
    for (const line of lines) {
      const [method = '', path = '', body] = line.split(' ')
      const response = await fetch(url + path, {
        method,
        body,
        redirect: 'manual',
        headers: { connection: 'close', 'content-type': 'application/json' },
      })
      const { date: _date, 'last-modified': _modified, ...headers } = Object.fromEntries(response.headers)
      replies.push([response.status, headers, await response.text()])
    }
    return replies
  }
}

const EXPRESS: Omit<Scenario, 'express4'>[] = [
  {
    id: 'express-errors',
    claim: 'errors of every shape are answered as before, and recorded once',
    drive: request('GET /sync', 'GET /next', 'GET /async', 'GET /status', 'GET /string', 'GET /handled'),
    check: ({ spans }) => {
      const told = servers(spans, 6).map(({ name, attributes, status }) => [
        name,
        attributes['http.response.status_code'],
        status.code,
      ])
      assert.deepEqual(told, [
        ['GET /sync', 500, 'ERROR'],
        ['GET /next', 500, 'ERROR'],
        ['GET /async', 500, 'ERROR'],
        ['GET /status', 418, 'UNSET'],
        ['GET /string', 500, 'ERROR'],
        ['GET /handled', 409, 'UNSET'],
      ])
      for (const server of servers(spans, 6)) {
        const events = spans.filter(span => span.traceId === server.traceId).flatMap(span => span.events)
        const exceptions = events.filter(event => event.name === 'exception')
        assert.ok(exceptions.length <= 1, server.name)
        if (server.status.code === 'ERROR') assert.equal(exceptions.length, 1, server.name)
      }
    },
  },
  {
    id: 'express-routers',
    claim: 'routers in routers, lists of paths and several handlers have their whole route',
    drive: request(
      ...['GET /', 'GET /t/acme', 'GET /t/acme/orders/7?x=1', 'GET /t/acme/deep/er', 'GET /a/c', 'GET /b/c'],
      ...['GET /many', 'POST /many {"a":1}', 'POST /many {broken'],
    ),
    check: ({ spans }) => {
      const names = servers(spans, 9).map(({ name }) => name)
      assert.deepEqual(names.slice(0, 4), [
        'GET /',
        'GET /t/:tenant',
        'GET /t/:tenant/orders/:order',
        'GET /t/:tenant/deep/er',
      ])
      // A list of paths: which of them matched is not told.
      for (const name of names.slice(4, 6)) assert.match(name, /^GET .*\/c$/)
      assert.deepEqual(names.slice(6), ['GET /many', 'POST /many', 'POST /many'])
    },
  },
  {
    id: 'express-static',
    claim: 'files, redirects and HEAD are answered as before',
    drive: request('GET /files/grpc-tester.proto', 'GET /files/none', 'GET /download', 'GET /redirect', 'HEAD /head'),
    check: ({ spans }) => {
      const told = servers(spans, 5).map(({ name, attributes }) => [name, attributes['http.response.status_code']])
      assert.deepEqual(told.slice(1), [
        ['GET', 404],
        ['GET /download', 200],
        ['GET /redirect', 302],
        ['HEAD /head', 200],
      ])
      assert.doesNotMatch(String(told[0]![0]), /proto/)
    },
  },
]

for (const express4 of [true, false]) {
  describe(`more scenarios of express ${express4 ? 4 : 5}`, () => {
    for (const item of EXPRESS) scenario({ ...item, express4 })
  })
}

describe('more scenarios of gRPC', () => {
  scenario({
    id: 'grpc-bidi',
    claim: 'unary and bidirectional calls are one pair of spans each',
    check: ({ spans }) => {
      assert.equal(spans.length, 4)
      for (const server of servers(spans, 2)) {
        const client = ofKind(spans, 'CLIENT').find(({ spanId }) => spanId === server.parentSpanId)
        assertChild(server, client!)
        for (const span of [server, client!]) {
          assert.equal(span.attributes['rpc.status_code'], 'OK')
          assert.equal(span.status.code, 'UNSET')
        }
      }
    },
  })

  scenario({
    id: 'grpc-cancel',
    claim: 'a cancelled call ends both spans as CANCELLED, which is no error of the server',
    check: ({ spans }) => {
      assert.equal(spans.length, 2)
      const [client] = ofKind(spans, 'CLIENT')
      const [server] = servers(spans, 1)
      for (const span of [client!, server!]) assert.equal(span.attributes['rpc.status_code'], 'CANCELLED')
      assert.equal(server!.status.code, 'UNSET')
    },
  })

  scenario({
    id: 'grpc-failures',
    claim: 'errors of handlers and unknown methods reach the caller as before, with their status',
    check: ({ spans }) => {
      assert.deepEqual(
        ofKind(spans, 'CLIENT').map(({ attributes }) => attributes['rpc.status_code']),
        ['UNKNOWN', 'PERMISSION_DENIED', 'DATA_LOSS', 'UNIMPLEMENTED'],
      )
      const codes = ofKind(spans, 'SERVER').map(({ attributes, status }) => [
        attributes['rpc.status_code'],
        status.code,
      ])
      assert.deepEqual(codes.slice(0, 3), [
        ['UNKNOWN', 'ERROR'],
        ['PERMISSION_DENIED', 'UNSET'],
        ['DATA_LOSS', 'ERROR'],
      ])
    },
  })
})
