import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Pattern } from '../../src/sampling/pattern'
import { parseRules } from '../../src/sampling/rule-language'
import { type AttributeList, CLIENT, INTERNAL, SERVER } from '../../src/trace/data'
import { assertRatio, decides, describeSampler, listeningLog, parent, request, sampler } from '../conformance/sampler'

const EXAMPLE = '@health=off; GET /api/*=on; grpc.health.v1.Health/*=off; POST /orders/:id=10/s; *=0.05'

describeSampler('rules', EXAMPLE, {
  description: /^Rules\{@health=off; GET /,
  followsRemote: false,
  followsLocal: true,
})
describeSampler('parentbased_rules', EXAMPLE, {
  description: /^ParentBased\{root=Rules\{@health=off; GET /,
  followsRemote: true,
  followsLocal: true,
})

const rpc = (method: string): AttributeList => ['rpc.system.name', 'grpc', 'rpc.method', method]

/** Whether a request is on under rules that say on or off. */
function on(
  rules: string,
  attributes: AttributeList,
  kind: typeof SERVER | typeof CLIENT | typeof INTERNAL = SERVER,
): boolean {
  const log = listeningLog()
  const result = decides(sampler('rules', rules, { log }), { attributes, kind })
  assert.deepEqual(log.said, [])
  return result
}

describe('rules', () => {
  it('of the example decide as they say', () => {
    let now = 0
    const subject = sampler('rules', EXAMPLE, { nowMs: () => now })
    const many = (attributes: AttributeList, times = 1000) => {
      let kept = 0
      for (let i = 0; i < times; i++) if (decides(subject, { attributes })) kept++
      return kept
    }
    assert.equal(many(request('GET', '/healthz')), 0)
    assert.equal(many(request('GET', '/api/users')), 1000)
    assert.equal(many(rpc('grpc.health.v1.Health/Check')), 0)
    assert.equal(many(request('POST', '/orders/17')), 10)
    for (now = 1000; now <= 10_000; now += 1000) assert.equal(many(request('POST', '/orders/17')), 10)
    assertRatio(many(request('GET', '/'), 20_000), 20_000, 0.05)
    assertRatio(many(request('POST', '/orders/17/items'), 20_000), 20_000, 0.05)
    assertRatio(many(['some', 'thing'], 20_000), 20_000, 0.05)
  })

  it('are tried in order, and the first that matches decides', () => {
    assert.equal(on('/a=off;/a=on', request('GET', '/a')), false)
    assert.equal(on('*=off;/a=on', request('GET', '/a')), false)
    assert.equal(on('/a=on;*=off', request('GET', '/a')), true)
  })

  it('that do not match leave it on', () => {
    assert.equal(on('/a=off', request('GET', '/b')), true)
    assert.equal(on('/a=off', []), true)
  })

  it('that say off drop the children too, and those that say on keep them', () => {
    const subject = sampler('rules', '/a=off;GET *=off')
    assert.equal(
      decides(subject, { above: parent(false, false), kind: CLIENT, attributes: request('POST', '/x') }),
      false,
    )
    assert.equal(decides(subject, { above: parent(true, false), kind: CLIENT, attributes: request('GET', '/a') }), true)
  })

  it('do not ask a caller in another process, but in their parentbased form they do', () => {
    const attributes = request('GET', '/a')
    assert.equal(decides(sampler('rules', '/a=off'), { above: parent(true, true), attributes }), false)
    assert.equal(decides(sampler('rules', '/a=on'), { above: parent(false, true), attributes }), true)
    assert.equal(decides(sampler('parentbased_rules', '/a=off'), { above: parent(true, true), attributes }), true)
    assert.equal(decides(sampler('parentbased_rules', '/a=on'), { above: parent(false, true), attributes }), false)
    assert.equal(decides(sampler('parentbased_rules', '/a=off'), { attributes }), false)
  })

  it('name a method and a path', () => {
    for (const [rule, method, path, matches] of [
      ['GET /a', 'GET', '/a', true],
      ['GET /a', 'POST', '/a', false],
      ['get /a', 'GET', '/a', true],
      ['GET /a', 'GET', '/ab', false],
      ['GET /a', 'GET', '/a/', false],
      ['GET /a', 'GET', '/A', false],
      ['/a', 'DELETE', '/a', true],
      ['* /a', 'DELETE', '/a', true],
      ['GET /api/*', 'GET', '/api/', true],
      ['GET /api/*', 'GET', '/api/x/y', true],
      ['GET /api/*', 'GET', '/api', false],
      ['GET /api/*', 'GET', '/v1/api/', false],
      ['GET *', 'GET', '/anything', true],
      ['* *', 'GET', '/anything', true],
      ['/*.png', 'GET', '/img/a.png', true],
      ['/*.png', 'GET', '/img/a.png.exe', false],
      ['/orders/:id', 'GET', '/orders/1', true],
      ['/orders/:id', 'GET', '/orders/', false],
      ['/orders/:id', 'GET', '/orders/1/items', false],
      ['/orders/:id/items/:item', 'GET', '/orders/1/items/2', true],
      ['/orders/:id/items/:item', 'GET', '/orders/1/2', false],
      ['*/items/:id', 'GET', '/orders/items/items/2', true],
      ['*/items/:id/*', 'GET', '/a/items/1/x', true],
      ['/a=b', 'GET', '/a=b', true],
      ['QUERY /a', 'QUERY', '/a', true],
    ] as const) {
      assert.equal(on(`${rule}=off`, request(method, path)), !matches, `${rule} ~ ${method} ${path}`)
    }
  })

  it('name methods that are not known as they were sent', () => {
    const purge = request('_OTHER', '/a', ['http.request.method_original', 'PURGE'])
    assert.equal(on('PURGE /a=off', purge), false)
    assert.equal(on('_OTHER /a=off', purge), true)
  })

  it('name a gRPC method', () => {
    for (const [rule, method, matches] of [
      ['shop.Cart/Add', 'shop.Cart/Add', true],
      ['shop.Cart/Add', 'shop.Cart/Adds', false],
      ['shop.Cart/*', 'shop.Cart/Add', true],
      ['shop.*', 'shop.Cart/Add', undefined],
      ['shop.*/*', 'shop.Cart/Add', true],
      ['*/Add', 'shop.Cart/Add', true],
      ['shop.Cart/*', 'shop.Carts/Add', false],
    ] as const) {
      if (matches === undefined) assert.equal(parseRules(`${rule}=off`).mistakes.length, 1)
      else assert.equal(on(`${rule}=off`, rpc(method)), !matches, `${rule} ~ ${method}`)
    }
    assert.equal(on('shop.Cart/*=off', request('POST', '/shop.Cart/Add')), true, 'a path is no gRPC method')
    const unknown = [...rpc('_OTHER'), 'rpc.method_original', 'shop.Cart/Ad']
    assert.equal(on('shop.Cart/*=off', unknown), false, 'as it was called')
    assert.equal(on('*/Add=off', request('POST', '/shop.Cart/Add')), false, 'it may be both')
    assert.equal(on('/shop.Cart/*=off', rpc('shop.Cart/Add')), true, 'a gRPC method is no path')
  })

  it('also match the path of a request that this process sends first', () => {
    const sent: AttributeList = ['http.request.method', 'GET', 'url.full', 'http://shop:80/poll/1?x=/a#/b']
    assert.equal(on('/poll/:id=off', sent, CLIENT), false)
    assert.equal(on('/poll/:id=off', sent, INTERNAL), true)
    assert.equal(on('/=off', ['http.request.method', 'GET', 'url.full', 'http://shop?x=/a'], CLIENT), false)
  })

  it('may be written with any white space and with empty ones between', () => {
    assert.equal(on(' ;; GET   /a  =  OFF ;', request('GET', '/a')), false)
    assert.equal(on('\n* = Off\n', request('GET', '/a')), false)
  })

  it('take on, off, a ratio or a rate', () => {
    const decisions = parseRules('/1=on;/2=off;/3=0;/4=1;/5=0.25;/6=.5;/7=10/s;/8=0.5/S;/9= 3 / s ').rules
    assert.deepEqual(
      decisions.map(({ decision }) => decision),
      [
        { ratio: 1 },
        { ratio: 0 },
        { ratio: 0 },
        { ratio: 1 },
        { ratio: 0.25 },
        { ratio: 0.5 },
        { perSecond: 10 },
        { perSecond: 0.5 },
        { perSecond: 3 },
      ],
    )
  })

  it('have each its own rate', () => {
    const subject = sampler('rules', '/a=2/s;/b=1/s', { nowMs: () => 0 })
    const kept = ['/a', '/b', '/a', '/b', '/a', '/b'].map(path =>
      decides(subject, { attributes: request('GET', path) }),
    )
    assert.deepEqual(kept, [true, true, true, false, false, false])
  })

  it('of a rate count the traces that begin here, and leave those whole that began elsewhere', () => {
    const subject = sampler('rules', '*=1/s', { nowMs: () => 0 })
    for (let i = 0; i < 5; i++) {
      assert.equal(decides(subject, { above: parent(true, true) }), true)
      assert.equal(decides(subject, { above: parent(false, true) }), false)
    }
    assert.deepEqual([decides(subject), decides(subject)], [true, false])
  })

  it('with a mistake name the rule and the column, and the others count', () => {
    for (const [text, rule, column, what] of [
      ['*=on;/b=2', 2, 9, 'expected on, off, a number from 0 to 1, or a rate such as 10/s, and not "2"'],
      ['/a=', 1, 4, 'expected on, off, a number from 0 to 1, or a rate such as 10/s, and not nothing'],
      ['/a=10/m', 1, 4, 'expected on, off, a number from 0 to 1, or a rate such as 10/s, and not "10/m"'],
      ['/a=-1', 1, 4, 'expected on, off, a number from 0 to 1, or a rate such as 10/s, and not "-1"'],
      ['/a=on;  GET /b ', 2, 15, 'expected "=" and a decision'],
      ['=on', 1, 1, 'expected what to match before "="'],
      ['/a=on; @healthy=off', 2, 8, 'unknown preset "@healthy", the only one is @health'],
      ['health=off', 1, 1, 'expected *, @health, a path, a method and a path, or a gRPC service/method'],
      ['GET api=off', 1, 5, 'expected a path that begins with /'],
      ['G(T /api=off', 1, 1, '"G(T" is no HTTP method'],
      ['GET /api v2=off', 1, 9, 'expected "=" after the path'],
      ['GET /a?b=off', 1, 7, 'the query does not count, expected a path without one'],
      ['/a/:=off', 1, 4, 'expected ":" and a name as a whole segment, such as /orders/:id'],
      ['/a/:id.json=off', 1, 4, 'expected ":" and a name as a whole segment, such as /orders/:id'],
      ['/a/x:id=off', 1, 5, 'expected ":" and a name as a whole segment, such as /orders/:id'],
      ['/a/:id*=off', 1, 4, 'expected ":" and a name as a whole segment, such as /orders/:id'],
    ] as const) {
      const { mistakes } = parseRules(text)
      assert.equal(mistakes.length, 1, text)
      assert.deepEqual([mistakes[0]?.rule, mistakes[0]?.column, mistakes[0]?.what], [rule, column, what], text)
    }
    const log = listeningLog()
    const subject = sampler('rules', '/a=of; /b=off', { log })
    assert.deepEqual(log.said, [
      'OTEL_TRACES_SAMPLER_ARG, rule 1 "/a=of", column 4: expected on, off, a number from 0 to 1, or a rate such as 10/s, and not "of". The rule is left out.',
    ])
    assert.equal(decides(subject, { attributes: request('GET', '/a') }), true)
    assert.equal(decides(subject, { attributes: request('GET', '/b') }), false)
  })

  it('that are none are said', () => {
    for (const none of [undefined, '', ' ; ;']) {
      const log = listeningLog()
      assert.equal(decides(sampler('rules', none, { log })), true)
      assert.deepEqual(log.said, ['OTEL_TRACES_SAMPLER_ARG holds no rule: every trace is recorded.'])
    }
  })

  it('that are noise never throw, and never name a column outside of the text', () => {
    const noise = fc.array(
      fc.oneof(
        fc.string(),
        fc.constantFrom('GET', '/', '*', ':', '=', ';', '@health', 'on', '/s', '0.5', ' ', '/a/:id'),
      ),
    )
    fc.assert(
      fc.property(noise, parts => {
        const text = parts.join('')
        const { mistakes, rules } = parseRules(text)
        for (const { column } of mistakes) assert.ok(column >= 1 && column <= text.length + 1)
        for (const rule of rules) {
          const facts = { method: 'GET', path: '/a', host: undefined, port: undefined, userAgent: '', rpcMethod: 'a/b' }
          assert.equal(typeof rule.matches(facts), 'boolean')
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the preset @health', () => {
  const rules = '@health=off'

  for (const path of [
    '/health',
    '/healthz',
    '/health/',
    '/health/live',
    '/livez',
    '/readyz',
    '/ready',
    '/ping',
    '/Health',
    '/_ah/health',
    '/actuator/health/readiness',
    '/-/healthy',
  ]) {
    it(`is ${path}`, () => assert.equal(on(rules, request('GET', path)), false))
  }

  for (const path of [
    '/',
    '/healthy-food',
    '/api/healths',
    '/readyx',
    '/pingpong',
    '/users/health',
    `/health${'x'.repeat(100)}`,
  ]) {
    it(`is not ${path}`, () => assert.equal(on(rules, request('GET', path)), true))
  }

  for (const agent of [
    'kube-probe/1.30',
    'ELB-HealthChecker/2.0',
    'GoogleHC/1.0',
    'Amazon-Route53-Health-Check-Service (ref 1234; report http://amzn.to/1vsZADi)',
    'Load Balancer Agent',
    'Envoy/HC',
    'Consul Health Check',
  ]) {
    it(`is ${agent}`, () => assert.equal(on(rules, request('GET', '/', ['user_agent.original', agent])), false))
  }

  it('is no browser', () => {
    assert.equal(on(rules, request('GET', '/', ['user_agent.original', 'Mozilla/5.0 kube-probe/1.30'])), true)
  })

  it('is the health check of gRPC', () => {
    for (const method of ['Check', 'Watch', 'List'])
      assert.equal(on(rules, rpc(`grpc.health.v1.Health/${method}`)), false)
    assert.equal(on(rules, rpc('shop.Health/Check')), true)
  })
})

describe('a path pattern', () => {
  it('matches as the regular expression that it stands for', () => {
    const piece = fc.constantFrom('/', '/a', '/ab', 'b', '*', '/:x', '/:y/', 'a/')
    const text = fc.array(fc.constantFrom('/', 'a', 'b', 'ab', '/a'), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), text, (pieces, parts) => {
        const source = pieces.join('')
        const pattern = Pattern.path(source)
        fc.pre(typeof pattern !== 'number')
        const expression = source.replace(/\*|:\w+/g, found => (found === '*' ? '.*' : '[^/]+'))
        assert.equal(
          (pattern as Pattern).matches(parts.join('')),
          new RegExp(`^${expression}$`).test(parts.join('')),
          source,
        )
      }),
      { numRuns: 5000 },
    )
  })

  it('takes linear time for hostile paths', () => {
    const pattern = Pattern.path('/a*/b*/c*/:id/*d*e*f') as Pattern
    for (const unit of ['/a', '/b', '/c', 'd', 'e', '/a/b/c/x/d', 'a', '/']) {
      const before = process.hrtime.bigint()
      pattern.matches(unit.repeat(500_000))
      pattern.matches(`/a/b/c/x/${unit.repeat(500_000)}`)
      assert.ok(Number(process.hrtime.bigint() - before) / 1e6 < 1000, unit)
    }
  })
})
