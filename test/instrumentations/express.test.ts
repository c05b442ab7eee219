/** Express 4 and 5, the newest of each and the oldest that is supported, as a program of its own. */
import assert from 'node:assert/strict'
import { type ReceivedSpan, runAgent, runBare } from '../kit/agent'

const APP = 'fixtures/express/app.cjs'

interface Subject {
  name: string
  package: string
  isFive: boolean
}

const SUBJECTS: Subject[] = [
  { name: 'Express 5', package: 'express', isFive: true },
  { name: 'Express 4', package: 'express4', isFive: false },
]
// It reads a property of responses that Node 24 does not have any more.
if (Number.parseInt(process.versions.node, 10) < 24) {
  SUBJECTS.push({ name: 'Express 4.6', package: 'express46', isFive: false })
}

interface Seen {
  stdout: string
  spans: ReceivedSpan[]
  /** The SERVER span of the first request for that path, and the spans below it in the order of their start. */
  of(path: string, method?: string): { server: ReceivedSpan; below: ReceivedSpan[] }
}

async function ask(subject: string, paths: string[], env: Record<string, string> = {}): Promise<Seen> {
  const args = [subject, ...paths]
  const [traced, bare] = await Promise.all([runAgent(APP, { args, env }), runBare(APP, { args })])
  assert.equal(traced.stdout, bare.stdout)
  assert.equal(withoutPid(traced.stderr), withoutPid(bare.stderr))
  assert.equal(traced.code, 0)
  const { spans, stdout } = traced
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length, 'no span ends twice')
  for (const { events, name, parentSpanId } of spans) {
    assert.ok(events.length < 2, `${name} has one exception at most`)
    assert.ok(parentSpanId === '' || spans.some(({ spanId }) => spanId === parentSpanId), `the parent of ${name} came`)
  }
  return {
    stdout,
    spans,
    of(path, method = 'GET') {
      const server = spans.find(
        ({ attributes, kind }) =>
          kind === 'SERVER' && attributes['url.path'] === path && attributes['http.request.method'] === method,
      )
      assert.ok(server, `a SERVER span for ${path}`)
      return { server, below: spans.filter(({ parentSpanId }) => parentSpanId === server.spanId) }
    },
  }
}

const withoutPid = (text: string) => text.replace(/\(node:\d+\)/g, '(node)')

function only<T>(items: T[]): T {
  assert.equal(items.length, 1, JSON.stringify(items))
  return items[0]!
}

const exceptions = (spans: ReceivedSpan[]) =>
  spans.flatMap(({ events }) => events.filter(({ name }) => name === 'exception'))

for (const { name, package: subject, isFive } of SUBJECTS) {
  describe(name, () => {
    const hasRouterSignal = subject !== 'express46'

    describe('the route', () => {
      const ROUTES: Record<string, string> = {
        '/api/7': '/api/:id',
        '/api/7/posts': '/api/:id/posts',
        '/api/7/posts/9?q=1': '/api/:id/posts/:postId',
        '/twice/7': '/twice/:id',
        '/one/in': '/one/in',
        '/two/9/in': '/two/:x/in',
        '/v12/in': '/^\\/v\\d+//in',
        '/sub/x/9': '/sub/x/:k',
        '/sub/sub/deep': '/sub/sub/deep',
        '/re/42': '/^\\/re\\/(\\d+)$/',
        '/list-a': '/list-a',
        '/list-b/9': '/list-b/:x',
        '/files/a/b': isFive ? '/files/*rest' : '/files/*',
        '/opt': isFive ? '/opt{/:maybe}' : '/opt/:maybe?',
        '/opt/9': isFive ? '/opt{/:maybe}' : '/opt/:maybe?',
        '/all': '/all',
        '/route': '/route',
        '/guarded': '/guarded',
        '/several': '/several',
        '/param/good': '/param/:checked',
        '/next/9': '/next/:other',
        '/sends-and-passes': '/sends-and-passes',
        '/rejects': '/rejects',
        '/static/a.txt': '/static',
        '/private': '/private',
      }
      if (hasRouterSignal) ROUTES['/left/z'] = '/left/z'
      const NO_ROUTE = ['/nothing', '/passed', '/static/b.txt', '/anything', '/api/v1/none/at/all']
      let seen: Seen

      before(async () => {
        seen = await ask(subject, [...Object.keys(ROUTES), ...NO_ROUTE])
      })

      for (const [path, route] of Object.entries(ROUTES)) {
        it(`of ${path} is ${route}`, () => {
          const { server } = seen.of(path.split('?')[0]!)
          assert.equal(server.attributes['http.route'], route)
          assert.equal(server.name, `GET ${route}`)
        })
      }

      for (const path of NO_ROUTE) {
        it(`of ${path}, which no route answered, is not there`, () => {
          const { server, below } = seen.of(path)
          assert.equal(server.name, 'GET')
          assert.equal('http.route' in server.attributes, false)
          assert.deepEqual(below, [])
        })
      }

      it('has one span: that of the handler that answered', () => {
        for (const [path, route] of Object.entries(ROUTES)) {
          if (path === '/static/a.txt' || path === '/private') continue
          const { below } = seen.of(path.split('?')[0]!)
          const span = only(below)
          assert.equal(span.name, `request handler - ${route}`)
          assert.equal(span.kind, 'INTERNAL')
          assert.equal(span.scope.name, 'tracing-agent/express')
          const { 'error.type': _, ...attributes } = span.attributes
          assert.deepEqual(attributes, {
            'express.name': route,
            'express.type': 'request_handler',
            'http.route': route,
          })
        }
      })

      it('of middleware that answers is the path under which it is mounted, without a span', () => {
        for (const path of ['/static/a.txt', '/private']) assert.deepEqual(seen.of(path).below, [])
      })
    })

    it('HEAD and OPTIONS have their route, where one answers', async function () {
      // Its send() breaks a HEAD request on the versions of Node that we support.
      if (subject === 'express46') this.skip()
      const seen = await ask(subject, ['HEAD:/all', 'OPTIONS:/all', 'HEAD:/api/7', 'OPTIONS:/list-a'])
      assert.equal(seen.of('/all', 'HEAD').server.name, 'HEAD /all')
      assert.equal(seen.of('/all', 'OPTIONS').server.name, 'OPTIONS /all')
      assert.equal(seen.of('/api/7', 'HEAD').server.name, 'HEAD /api/:id')
      assert.equal(seen.of('/list-a', 'OPTIONS').server.name, 'OPTIONS')
    })

    describe('an error', () => {
      let seen: Seen
      const THROWN: Record<string, [type: string, message: string]> = {
        '/throws': ['TypeError', 'thrown'],
        '/passes-error': ['OwnError', 'passed'],
        '/rejects': ['OwnError', 'rejected'],
      }

      before(async () => {
        seen = await ask(subject, [
          ...Object.keys(THROWN),
          '/not-found',
          '/text',
          '/handled-inside',
          '/bad-middleware',
          '/unhandled',
          '/param/bad',
        ])
      })

      it('of a handler is recorded once, on its span, and the request keeps its route', () => {
        for (const [path, [type, message]] of Object.entries(THROWN)) {
          const { server, below } = seen.of(path)
          const span = only(below)
          const event = only(exceptions([server, ...below]))
          assert.equal(event.attributes['exception.message'], message)
          assert.match(String(event.attributes['exception.stacktrace']), /app\.cjs/)
          assert.deepEqual(span.events, [event])
          assert.deepEqual(span.status, { code: 'ERROR', message })
          assert.equal(span.attributes['error.type'], type)
          assert.equal(server.status.code, 'ERROR')
          assert.equal(server.attributes['error.type'], type)
          assert.equal(server.attributes['http.response.status_code'], 500)
          assert.equal(server.name, `GET ${path}`)
        }
      })

      it('that says it is the fault of the caller is recorded, and fails no span', () => {
        const { server, below } = seen.of('/not-found')
        assert.equal(server.attributes['http.response.status_code'], 404)
        assert.equal(server.name, 'GET /not-found')
        assert.equal(server.status.code, 'UNSET')
        assert.equal(only(below).status.code, 'UNSET')
        only(exceptions([server, ...below]))
      })

      it('that is no Error is recorded by its text', () => {
        const { server, below } = seen.of('/text')
        assert.equal(only(exceptions([server, ...below])).attributes['exception.message'], 'a text')
        assert.equal(only(below).status.message, 'a text')
      })

      it('that a route handles itself is none of the request', () => {
        const { server, below } = seen.of('/handled-inside')
        assert.equal(server.status.code, 'UNSET')
        assert.equal(only(below).status.code, 'UNSET')
      })

      it('of middleware, or of a parameter, is recorded on the SERVER span', () => {
        for (const [path, type] of [
          ['/bad-middleware', 'OwnError'],
          ['/unhandled', 'OwnError'],
          ['/param/bad', 'RangeError'],
        ] as const) {
          const { server, below } = seen.of(path)
          assert.deepEqual(below, [])
          only(exceptions([server]))
          assert.equal(server.status.code, 'ERROR')
          assert.equal(server.attributes['error.type'], type)
        }
      })
    })

    it('a client that goes away ends the spans of its request, once', async () => {
      const { server, below } = (await ask(subject, ['leave:/hangs'])).of('/hangs')
      assert.equal(server.name, 'GET /hangs')
      assert.equal('http.response.status_code' in server.attributes, false)
      assert.ok(only(below).endMicros <= server.endMicros)
    })

    it('what a handler starts is below its span', async () => {
      const seen = await ask(subject, ['/calls'])
      const handler = only(seen.of('/calls').below)
      const calls = seen.spans.filter(({ kind, parentSpanId }) => kind === 'CLIENT' && parentSpanId === handler.spanId)
      assert.equal(calls.length, 2)
    })

    it('a handler that passes the request on has a span when something is below it, also when that starts later', async () => {
      const seen = await ask(subject, ['/calls-and-passes', '/calls-late', '/next/9'])
      for (const path of ['/calls-and-passes', '/calls-late']) {
        const { server, below } = seen.of(path)
        assert.deepEqual(
          below.map(span => span.name),
          [`request handler - ${path}`, `request handler - ${path}`],
        )
        assert.equal(server.name, `GET ${path}`)
        const [passed, answered] = below as [ReceivedSpan, ReceivedSpan]
        assert.ok(passed.endMicros <= answered.startMicros)
        only(seen.spans.filter(({ kind, parentSpanId }) => kind === 'CLIENT' && parentSpanId === passed.spanId))
      }
    })

    it('a request whose context was lost on the way finds it again', async () => {
      const seen = await ask(subject, ['/lost/1', '/lost/2'])
      for (const path of ['/lost/1', '/lost/2']) {
        const { server, below } = seen.of(path)
        assert.equal(server.name, 'GET /lost/:id')
        const handler = only(below)
        only(seen.spans.filter(({ kind, parentSpanId }) => kind === 'CLIENT' && parentSpanId === handler.spanId))
      }
    })

    it("the program's own AsyncLocalStorage and its own spans reach the handler", async () => {
      const seen = await ask(subject, ['/own/1', '/manual'])
      assert.match(seen.stdout, /own \/1/)
      const manual = only(seen.of('/manual').below)
      assert.equal(manual.name, 'manual')
      assert.equal(
        only(seen.spans.filter(({ parentSpanId }) => parentSpanId === manual.spanId)).name,
        'request handler - /manual',
      )
    })

    it('concurrent requests do not mix', async () => {
      const names = Array.from({ length: 20 }, (_, index) => String(index))
      const seen = await ask(subject, [`parallel:${names.join()}`])
      for (const item of names) {
        const { server, below } = seen.of(`/slow/${item}`)
        assert.equal(server.name, 'GET /slow/:name')
        const handler = only(below)
        const call = only(seen.spans.filter(({ parentSpanId }) => parentSpanId === handler.spanId))
        assert.equal(call.traceId, server.traceId)
      }
    })

    describe('TRACING_AGENT_EXPRESS_SPANS', () => {
      const namesOf = ({ spans }: Seen, path: string) => {
        const { traceId } = spans.find(({ attributes, kind }) => kind === 'SERVER' && attributes['url.path'] === path)!
        return tree(spans.filter(span => span.traceId === traceId && span.kind !== 'CLIENT'))
      }

      it('none: the route without any span', async () => {
        const seen = await ask(subject, ['/api/7', '/throws', '/nothing'], { TRACING_AGENT_EXPRESS_SPANS: 'none' })
        assert.deepEqual(namesOf(seen, '/api/7'), ['GET /api/:id'])
        assert.deepEqual(namesOf(seen, '/throws'), ['GET /throws'])
        assert.deepEqual(namesOf(seen, '/nothing'), ['GET'])
        only(exceptions([seen.of('/throws').server]))
      })

      it('router: each router around the handler, for as long as it has the request', async () => {
        const seen = await ask(subject, ['/api/7/posts/9', '/sub/sub/deep', '/throws'], {
          TRACING_AGENT_EXPRESS_SPANS: 'router',
        })
        assert.deepEqual(namesOf(seen, '/api/7/posts/9'), [
          'GET /api/:id/posts/:postId',
          '  router - /api',
          '    router - /api/:id/posts',
          '      request handler - /api/:id/posts/:postId',
        ])
        assert.deepEqual(namesOf(seen, '/sub/sub/deep'), [
          'GET /sub/sub/deep',
          '  router - /sub',
          '    router - /sub/sub',
          '      request handler - /sub/sub/deep',
        ])
        const router = seen.spans.find(span => span.name === 'router - /sub')!
        assert.deepEqual(router.attributes, { 'express.name': '/sub', 'express.type': 'router', 'http.route': '/sub' })
      })

      it('all: middleware, too, each ended when it passes the request on', async () => {
        const seen = await ask(subject, ['/api/7', '/private', '/throws', '/bad-middleware'], {
          TRACING_AGENT_EXPRESS_SPANS: 'all',
        })
        const own = isFive ? [] : ['  middleware - query', '  middleware - expressInit']
        assert.deepEqual(namesOf(seen, '/api/7'), [
          'GET /api/:id',
          ...own,
          '  middleware - first',
          '  middleware - passes',
          '  router - /api',
          '    middleware - passes',
          '    request handler - /api/:id',
        ])
        const bySpan = (wanted: string) =>
          seen.spans.filter(span => span.name === wanted && span.traceId === seen.of('/api/7').server.traceId)
        const first = only(bySpan('middleware - first'))
        assert.deepEqual(first.attributes, { 'express.name': 'first', 'express.type': 'middleware' })
        assert.ok(first.endMicros <= only(bySpan('router - /api')).startMicros)
        assert.ok(namesOf(seen, '/throws').includes('  middleware - onError'))
        const { server, below } = seen.of('/bad-middleware')
        assert.equal(server.attributes['error.type'], 'OwnError')
        const failed = only(below.filter(({ status }) => status.code === 'ERROR'))
        assert.equal(failed.attributes['http.route'], '/bad-middleware')
        only(exceptions([server, ...below]))
      })
    })

    it('a request that is not sampled, or ignored, is answered as ever', async () => {
      const paths = ['/api/7', '/throws', '/nothing', '/calls', '/lost/1']
      assert.deepEqual((await ask(subject, paths, { OTEL_TRACES_SAMPLER: 'always_off' })).spans, [])
      const ignored = await ask(subject, ['/api/7', '/throws'], { TRACING_AGENT_IGNORE_INCOMING_PATHS: '/**' })
      assert.deepEqual(
        ignored.spans.filter(({ kind }) => kind !== 'CLIENT'),
        [],
      )
    })

    for (const spans of ['handler', 'all']) {
      it(`a program sees of its layers, requests and errors what it sees without the agent (${spans})`, async () => {
        const options = { args: [subject], coverage: false }
        const [traced, bare] = await Promise.all([
          runAgent('fixtures/express/visible.cjs', { ...options, env: { TRACING_AGENT_EXPRESS_SPANS: spans } }),
          runBare('fixtures/express/visible.cjs', options),
        ])
        // Where each layer may have a span, our frame stands between those of Express.
        const withoutStack = (text: string) => (spans === 'all' ? text.replace(/^ +at .*\n/gm, '') : text)
        assert.equal(withoutStack(traced.stdout), withoutStack(bare.stdout))
      })
    }
  })
}

describe('the package router', () => {
  for (const subject of ['router', 'router20']) {
    for (const how of ['require', 'import'] as const) {
      it(`${subject} is traced without Express, imported by an ES module, with --${how}`, async () => {
        const { spans, stderr } = await runAgent('fixtures/express/standalone.mjs', { how, args: [subject] })
        assert.equal(stderr, '')
        assert.deepEqual(
          spans.filter(({ kind }) => kind !== 'CLIENT').map(span => span.name),
          ['GET /api/:version/items/:item', 'request handler - /api/:version/items/:item', 'GET'],
        )
      })
    }
  }
})

/** Names, each two spaces deeper than its parent's, in the order of their start. */
function tree(spans: ReceivedSpan[], parentSpanId?: string, depth = 0): string[] {
  const roots = spans.filter(span =>
    parentSpanId === undefined
      ? !spans.some(({ spanId }) => spanId === span.parentSpanId)
      : span.parentSpanId === parentSpanId,
  )
  return roots.flatMap(span => [`${'  '.repeat(depth)}${span.name}`, ...tree(spans, span.spanId, depth + 1)])
}
