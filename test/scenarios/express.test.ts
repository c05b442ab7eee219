import assert from 'node:assert/strict'
import * as http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReceivedSpan } from '../kit/otlp'
import { type Scenario, scenario, servers } from './scenario'

/** Requests one after the other: status and body of each. */
function get(...paths: string[]) {
  return async (url: string) => {
    const replies = []
    for (const path of paths) {
      const response = await fetch(url + path, { headers: { connection: 'close' } })
      replies.push([response.status, await response.text(), response.headers.get('x-powered-by')])
    }
    return replies
  }
}

function routes(spans: ReceivedSpan[], count: number): unknown[] {
  return servers(spans, count).map(({ name, attributes }) => {
    const route = attributes['http.route']
    assert.equal(name, route === undefined ? 'GET' : `GET ${route}`)
    return route
  })
}

const SCENARIOS: Omit<Scenario, 'express4'>[] = [
  {
    id: 'E02',
    claim: 'the route of nested routers is the whole pattern',
    drive: get('/api/user/7/posts/9'),
    check: ({ spans }) => assert.deepEqual(routes(spans, 1), ['/api/user/:id/posts/:postId']),
  },
  {
    id: 'E03',
    claim: 'a handler that throws, answered by error middleware: 500 with its route, the exception recorded once',
    drive: get('/x'),
    check: ({ spans }) => {
      assert.deepEqual(routes(spans, 1), ['/x'])
      const [server] = servers(spans, 1)
      assert.equal(server!.status.code, 'ERROR')
      assert.equal(server!.attributes['http.response.status_code'], 500)
      const exceptions = spans.flatMap(span => span.events.filter(event => event.name === 'exception'))
      assert.equal(exceptions.length, 1)
      assert.equal(exceptions[0]!.attributes['exception.type'], 'TypeError')
      assert.equal(exceptions[0]!.attributes['exception.message'], 'the handler broke')
    },
  },
  {
    id: 'E05',
    claim: 'a request that no route answers has no route',
    drive: get('/unknown/path'),
    check: ({ spans }) => {
      assert.deepEqual(routes(spans, 1), [undefined])
      assert.equal(servers(spans, 1)[0]!.attributes['http.response.status_code'], 404)
    },
  },
  {
    id: 'E06',
    claim: 'regular expressions, lists and wildcards are routes, and no name holds the path',
    drive: get('/re-42', '/two/x', '/files/a/b.txt'),
    check: ({ spans }) => {
      for (const route of routes(spans, 3)) assert.ok(route)
      for (const { name } of servers(spans, 3)) assert.doesNotMatch(name, /42|two\/x|a\/b\.txt/)
    },
  },
  {
    id: 'E08',
    claim: 'parameters, next("route") and next("router") lead to the route that answered',
    drive: get('/p/1', '/p/skip', '/r/z'),
    check: ({ spans }) => assert.deepEqual(routes(spans, 3), ['/p/:id', '/p/:other', '/r/z']),
  },
  {
    id: 'E09',
    claim: 'a mounted application and app.route() have their full route',
    drive: get('/sub/x/5', '/rt', '/sub/none'),
    check: ({ spans }) => assert.deepEqual(routes(spans, 3), ['/sub/x/:k', '/rt', undefined]),
  },
  {
    id: 'E11',
    claim: 'wildcard middleware before the route is not the route',
    drive: get('/toto/3'),
    check: ({ spans }) => assert.deepEqual(routes(spans, 1), ['/toto/:id']),
  },
  {
    id: 'E12',
    claim: 'a client that goes away ends all spans once',
    drive: async url => {
      const request = http.get(`${url}/slow`, { agent: false })
      request.on('error', () => {})
      await sleep(100)
      request.destroy()
      await sleep(350)
    },
    check: ({ spans }) => {
      servers(spans, 1)
      assert.equal(new Set(spans.map(span => span.spanId)).size, spans.length)
      assert.equal(new Set(spans.map(span => span.traceId)).size, 1)
    },
  },
  {
    id: 'E14',
    claim: 'handlers keep identity, arity, names and properties',
    drive: get('/m/k'),
    check: ({ spans, run }) => {
      assert.match(run.stdout, /^true named 2 own$/m)
      assert.deepEqual(routes(spans, 1), ['/m/k'])
    },
  },
  {
    id: 'E15',
    claim: "the program's own AsyncLocalStorage reaches handlers and late callbacks",
    drive: async url => Promise.all([get('/s/a?id=1')(url), get('/s/b?id=2')(url)]).then(replies => replies.flat(2)),
    check: ({ spans }) => assert.deepEqual(routes(spans, 2), ['/s/:name', '/s/:name']),
  },
  {
    id: 'E17',
    claim: 'express imported by an ES module, by default and by name, is traced',
    only: 'esm',
    drive: get('/api/user/1'),
    check: ({ spans }) => assert.deepEqual(routes(spans, 1), ['/api/user/:id']),
  },
  {
    id: 'E18',
    claim: '3000 middlewares that call next at once do not overflow the stack',
    drive: get('/l'),
    check: ({ spans, run }) => {
      assert.equal(run.code, 0)
      assert.deepEqual(routes(spans, 1), ['/l'])
    },
  },
]

for (const express4 of [true, false]) {
  describe(`scenarios of express ${express4 ? 4 : 5}`, () => {
    for (const item of SCENARIOS) scenario({ ...item, express4 })
  })
}
