import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Sampler } from '../../src/sampling/contract'
import { parseStrategies } from '../../src/sampling/jaeger-strategies'
import { activeContext } from '../../src/trace/context'
import { type AttributeList, SERVER } from '../../src/trace/data'
import {
  assertRatio,
  decides,
  describeSampler,
  listeningLog,
  parent,
  randomTraceId,
  request,
  sampler,
} from '../conformance/sampler'
import { type Answer, FakeService, FakeTime, until } from './service'

describeSampler('jaeger_remote', 'initialSamplingRate=0.5', {
  description:
    /^JaegerRemoteSampler\{endpoint=http:\/\/localhost:5778\/sampling, pollingIntervalMs=60000, sampler=TraceIdRatioBased\{0\.5\}\}$/,
  followsRemote: false,
  followsLocal: true,
})
describeSampler('parentbased_jaeger_remote', undefined, {
  description: /^ParentBased\{root=JaegerRemoteSampler\{/,
  followsRemote: true,
  followsLocal: true,
})

describe('jaeger_remote', () => {
  let service: FakeService
  let time: FakeTime
  let log: ReturnType<typeof listeningLog>
  const started: Sampler[] = []

  beforeEach(async () => {
    service = await FakeService.start()
    time = new FakeTime()
    log = listeningLog()
  })
  afterEach(async () => {
    for (const each of started.splice(0)) each.stop?.()
    await service.stop()
  })

  function startSampler(
    argument = `endpoint=http://127.0.0.1:${service.port}`,
    name = 'jaeger_remote' as const,
  ): Sampler {
    const subject = sampler(name, argument, { log, ...time.parts })
    started.push(subject)
    subject.start!()
    return subject
  }

  /** A sampler that got `answer`. */
  async function answered(answer: Answer): Promise<Sampler> {
    service.answer = () => answer
    const subject = startSampler()
    const before = String(subject)
    await until(() => String(subject) !== before || log.said.length > 0)
    return subject
  }

  function kept(subject: Sampler, times: number, name = 'GET', attributes: AttributeList = []): number {
    let count = 0
    for (let i = 0; i < times; i++) if (decides(subject, { name, attributes, kind: SERVER })) count++
    return count
  }

  it('asks at once for the name of the service, and then at every interval', async () => {
    service.answer = () => ({ strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: 1 } })
    const subject = sampler(
      'jaeger_remote',
      `endpoint=http://127.0.0.1:${service.port},pollingIntervalMs=5000,initialSamplingRate=0`,
      { log, serviceName: 'shop & co', ...time.parts },
    )
    started.push(subject)
    subject.start!()
    assert.equal(kept(subject, 1000), 0, 'before the answer the initial rate counts')
    await service.heard(1)
    assert.deepEqual([service.asked[0]?.method, service.asked[0]?.url], ['GET', '/sampling?service=shop%20%26%20co'])
    await until(() => kept(subject, 1) === 1)
    assert.equal(time.timers[0]?.ms, 5000)
    service.answer = () => ({ strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: 0 } })
    time.timers[0]?.work()
    await until(() => kept(subject, 1) === 0)
    assert.equal(service.asked.length, 2)
    assert.deepEqual(log.said, [])
  })

  it('samples by probability', async () => {
    const subject = await answered({ strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: 0.3 } })
    assertRatio(kept(subject, 20_000), 20_000, 0.3)
    assert.equal(decides(subject, { above: parent(true, false) }), true)
    assert.equal(decides(subject, { above: parent(false, false) }), false)
  })

  it('samples by rate, and an answer that is the same brings no burst', async () => {
    const answer = { strategyType: 'RATE_LIMITING', rateLimitingSampling: { maxTracesPerSecond: 5 } }
    const subject = await answered(answer)
    assert.equal(kept(subject, 100), 5)
    time.nowMs += 1000
    assert.equal(kept(subject, 100), 5)
    time.timers[0]?.work()
    await service.heard(2)
    time.timers[0]?.work()
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(kept(subject, 100), 0)
    time.nowMs += 400
    assert.equal(kept(subject, 100), 2)
  })

  it('samples by operation: name of the span, path, route, gRPC method', async () => {
    const strategy = (operation: string, samplingRate: number) => ({
      operation,
      probabilisticSampling: { samplingRate },
    })
    const subject = await answered({
      strategyType: 'PROBABILISTIC',
      probabilisticSampling: { samplingRate: 0.9 },
      operationSampling: {
        defaultSamplingProbability: 0.25,
        defaultLowerBoundTracesPerSecond: 0,
        perOperationStrategies: [
          strategy('job', 1),
          strategy('GET /product', 1),
          strategy('/admin', 1),
          strategy('GET /orders/:id', 1),
          strategy('POST /carts/{cart}/items', 1),
          strategy('shop.Cart/Add', 1),
          strategy('/shop.Cart/Drop', 1),
          strategy('__proto__', 1),
        ],
      },
    })
    for (const [name, attributes] of [
      ['job', []],
      ['GET', request('GET', '/product')],
      ['POST', request('POST', '/admin')],
      ['GET', request('GET', '/orders/17')],
      ['POST', request('POST', '/carts/17/items')],
      ['x', ['rpc.method', 'shop.Cart/Add']],
      ['x', ['rpc.method', 'shop.Cart/Drop']],
      ['__proto__', []],
    ] as const) {
      assert.equal(kept(subject, 200, name, [...attributes]), 200, name)
    }
    for (const [name, attributes] of [
      ['other', []],
      ['constructor', []],
      ['POST', request('POST', '/product')],
      ['GET', request('GET', '/orders/17/items')],
      ['x', ['rpc.method', 'shop.Cart/Other']],
    ] as const) {
      assertRatio(kept(subject, 20_000, name, [...attributes]), 20_000, 0.25)
    }
  })

  it('lets no operation go without a trace', async () => {
    const subject = await answered({
      operationSampling: {
        defaultSamplingProbability: 0,
        defaultLowerBoundTracesPerSecond: 2,
        perOperationStrategies: [{ operation: 'rare', probabilisticSampling: { samplingRate: 0 } }],
      },
    })
    assert.equal(decides(subject, { name: 'rare', above: parent(true, true) }), true, 'kept elsewhere')
    assert.equal(decides(subject, { name: 'rare', above: parent(false, true) }), false)
    assert.equal(kept(subject, 100, 'rare'), 2)
    assert.equal(kept(subject, 100, 'other'), 2)
    time.nowMs += 10_000
    assert.equal(kept(subject, 100, 'rare'), 2)
  })

  it('understands the forms that versions of Jaeger send', () => {
    for (const [json, expected] of [
      [{ strategyType: 0, probabilisticSampling: { samplingRate: 0.5 } }, { ratio: 0.5 }],
      [{ probabilisticSampling: { samplingRate: 0.5 } }, { ratio: 0.5 }],
      [{ strategyType: 'PROBABILISTIC', probabilisticSampling: {} }, { ratio: 0 }],
      [{ strategyType: 1, rateLimitingSampling: { maxTracesPerSecond: 7 } }, { perSecond: 7 }],
      [{ rateLimitingSampling: { maxTracesPerSecond: 7 } }, { perSecond: 7 }],
      [
        {
          strategyType: 'PROBABILISTIC',
          probabilisticSampling: { samplingRate: 1 },
          rateLimitingSampling: null,
          operationSampling: null,
        },
        { ratio: 1 },
      ],
      [
        {
          strategyType: 'PROBABILISTIC',
          probabilisticSampling: { samplingRate: 1 },
          rateLimitingSampling: { maxTracesPerSecond: 0 },
        },
        { ratio: 1 },
      ],
    ] as const) {
      assert.deepEqual(parseStrategies(json), expected)
    }
  })

  it('never throws for what a service may answer', () => {
    const near = fc.record(
      {
        strategyType: fc.anything(),
        probabilisticSampling: fc.oneof(fc.anything(), fc.record({ samplingRate: fc.anything() })),
        rateLimitingSampling: fc.oneof(fc.anything(), fc.record({ maxTracesPerSecond: fc.anything() })),
        operationSampling: fc.oneof(
          fc.anything(),
          fc.record({
            defaultSamplingProbability: fc.anything(),
            defaultLowerBoundTracesPerSecond: fc.anything(),
            perOperationStrategies: fc.oneof(fc.anything(), fc.array(fc.anything())),
          }),
        ),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(fc.anything(), near), json => {
        const strategy = parseStrategies(json)
        if (typeof strategy === 'string') assert.match(strategy, /^answered /)
        else if ('ratio' in strategy) assert.ok(strategy.ratio >= 0 && strategy.ratio <= 1)
      }),
      { numRuns: 1000 },
    )
  })

  it('says once that the service is away, and once that it is back', async () => {
    service.answer = () => [503, 'busy']
    const subject = startSampler()
    await until(() => log.said.length === 1)
    const where = `127.0.0.1:${service.port}/sampling`
    assert.equal(
      log.said[0],
      `The sampling service ${where} answered 503 Service Unavailable; TraceIdRatioBased{0.001} counts until it does. OTEL_TRACES_SAMPLER_ARG="endpoint=…" selects another.`,
    )
    for (const answer of [
      'reset',
      [200, 'no json'],
      [200, '{}'],
      [200, '{"probabilisticSampling":{"samplingRate":7}}'],
    ] as Answer[]) {
      service.answer = () => answer
      const before = service.asked.length
      time.timers[0]?.work()
      await service.heard(before + 1)
      await until(() => !(subject as any).root.asking)
    }
    assert.equal(log.said.length, 1)
    service.answer = () => ({ probabilisticSampling: { samplingRate: 1 } })
    time.timers[0]?.work()
    await until(() => log.said.length === 2)
    assert.equal(log.said[1], `The sampling service ${where} answers again.`)
    assert.equal(kept(subject, 10), 10)
  })

  it('keeps the last answer while the service is away', async () => {
    const subject = await answered({ probabilisticSampling: { samplingRate: 1 } })
    await service.stop()
    time.timers[0]?.work()
    await until(() => log.said.length === 1)
    assert.match(
      log.said[0]!,
      /does not answer \(connect ECONNREFUSED 127\.0\.0\.1:\d+\); TraceIdRatioBased\{1\} counts until it does\./,
    )
    assert.equal(kept(subject, 10), 10)
    service = await FakeService.start()
  })

  it('asks one question at a time, and none when it was stopped', async () => {
    service.answer = () => 'hang'
    const subject = startSampler()
    await service.heard(1)
    for (let i = 0; i < 5; i++) time.timers[0]?.work()
    await new Promise(resolve => setTimeout(resolve, 30))
    assert.equal(service.asked.length, 1)
    subject.stop!()
    assert.equal(time.timers[0]?.stopped, true)
    time.timers[0]?.work()
    await new Promise(resolve => setTimeout(resolve, 30))
    assert.equal(service.asked.length, 1)
    assert.deepEqual(log.said, [], 'a question that was broken off is no failure')
  })

  it('asks in no context and past a replaced http, with no connection kept', async () => {
    const http = require('node:http') as typeof import('node:http')
    const original = http.request
    const place = activeContext()
    ;(http as any).request = () => assert.fail('seen by the program')
    try {
      await answered({ probabilisticSampling: { samplingRate: 1 } })
    } finally {
      http.request = original
    }
    assert.deepEqual(log.said, [])
    assert.equal(service.asked[0]?.headers.connection, 'close')
    assert.equal(activeContext(), place)
  })

  it('finds the service where Jaeger has it', () => {
    for (const [endpoint, where] of [
      ['http://agent:5778', 'http://agent:5778/sampling'],
      ['agent:5778', 'http://agent:5778/sampling'],
      ['https://agent', 'https://agent/sampling'],
      ['http://collector:14268', 'http://collector:14268/api/sampling'],
      ['http://collector:14268/api/sampling', 'http://collector:14268/api/sampling'],
      ['http://proxy/jaeger/sampling', 'http://proxy/jaeger/sampling'],
      ['http://user:secret@agent:5778', 'http://agent:5778/sampling'],
    ]) {
      assert.match(String(sampler('jaeger_remote', `endpoint=${endpoint}`, { log })), new RegExp(`endpoint=${where},`))
    }
    assert.deepEqual(log.said, [])
  })

  it('keeps the query of its endpoint', async () => {
    service.answer = () => ({ probabilisticSampling: { samplingRate: 1 } })
    startSampler(`endpoint=http://127.0.0.1:${service.port}/x?tenant=a`)
    await service.heard(1)
    assert.equal(service.asked[0]?.url, '/x?tenant=a&service=shop')
  })

  it('says what is wrong in its argument, and takes the rest', () => {
    const subject = sampler(
      'jaeger_remote',
      'endpoint=ftp://x, pollingIntervalMs=soon,initialSamplingRate=2,foo=1,bar,,',
      { log },
    )
    assert.deepEqual(log.said, [
      'OTEL_TRACES_SAMPLER_ARG: endpoint="ftp://x", expected an http or https address; http://localhost:5778/sampling is used.',
      'OTEL_TRACES_SAMPLER_ARG: pollingIntervalMs="soon", expected milliseconds, at least 100; 60000 is used.',
      'OTEL_TRACES_SAMPLER_ARG: initialSamplingRate="2", expected a number from 0 to 1; 0.001 is used.',
      'OTEL_TRACES_SAMPLER_ARG: "foo=1" is not understood, expected endpoint=…, pollingIntervalMs=…, initialSamplingRate=…; it is ignored.',
      'OTEL_TRACES_SAMPLER_ARG: "bar" is not understood, expected endpoint=…, pollingIntervalMs=…, initialSamplingRate=…; it is ignored.',
    ])
    assert.match(String(subject), /pollingIntervalMs=60000/)
  })

  it('tells a gRPC port from an HTTP one', async () => {
    const subject = sampler('jaeger_remote', 'endpoint=http://127.0.0.1:14250', { log, ...time.parts })
    started.push(subject)
    subject.start!()
    await until(() => log.said.length === 1)
    assert.match(log.said[0]!, /\(14250 is the port for gRPC; the one for HTTP is 5778\)/)
  })

  it('decides the same trace the same way', async () => {
    const subject = await answered({ probabilisticSampling: { samplingRate: 0.5 } })
    for (let i = 0; i < 100; i++) {
      const traceId = randomTraceId()
      assert.equal(decides(subject, { traceId }), decides(subject, { traceId }))
    }
  })
})
