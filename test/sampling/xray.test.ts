import assert from 'node:assert/strict'
import type { Sampler } from '../../src/sampling/contract'
import type { SamplerParts } from '../../src/sampling/index'
import type { AttributeList } from '../../src/trace/data'
import { assertRatio, decides, describeSampler, listeningLog, parent, request, sampler } from '../conformance/sampler'
import { type Answer, type Asked, FakeService, FakeTime, until } from './service'

describeSampler('xray', undefined, {
  description: /^ParentBased\{root=XRaySampler\{endpoint=http:\/\/127\.0\.0\.1:2000, rules=XRayLocal\{rules=1\}\}, /,
  followsRemote: true,
  followsLocal: true,
})

/** A rule as GetSamplingRules gives it, that matches everything. */
function rule(name: string, fields: Record<string, unknown> = {}) {
  return {
    SamplingRule: {
      RuleName: name,
      RuleARN: `arn:aws:xray:us-east-1:123456789012:sampling-rule/${name}`,
      ResourceARN: '*',
      Priority: 100,
      FixedRate: 0,
      ReservoirSize: 0,
      ServiceName: '*',
      ServiceType: '*',
      Host: '*',
      HTTPMethod: '*',
      URLPath: '*',
      Version: 1,
      Attributes: {},
      ...fields,
    },
    CreatedAt: 0,
    ModifiedAt: 1.530924359e9,
  }
}

const rulesAnswer = (...rules: unknown[]) => ({ NextToken: null, SamplingRuleRecords: rules })

describe('sampling rules of X-Ray', () => {
  let service: FakeService
  let time: FakeTime
  let log: ReturnType<typeof listeningLog>
  let answers: { rules: Answer; targets: Answer }
  const started: Sampler[] = []

  beforeEach(async () => {
    service = await FakeService.start()
    time = new FakeTime()
    log = listeningLog()
    answers = {
      rules: rulesAnswer(),
      targets: { SamplingTargetDocuments: [], LastRuleModification: 1, UnprocessedStatistics: [] },
    }
    service.answer = ({ url }: Asked) => (url === '/GetSamplingRules' ? answers.rules : answers.targets)
  })
  afterEach(async () => {
    for (const each of started.splice(0)) each.stop?.()
    await service.stop()
  })

  async function start(parts: Partial<SamplerParts> = {}, argument?: string): Promise<Sampler> {
    const subject = sampler('xray', argument, { log, ...time.parts, xrayDaemon: `127.0.0.1:${service.port}`, ...parts })
    started.push(subject)
    const before = String(subject)
    subject.start!()
    await service.heard(1)
    await until(() => String(subject) !== before || log.said.length > 0)
    return subject
  }

  function kept(subject: Sampler, times: number, attributes: AttributeList = request('GET', '/')): number {
    let count = 0
    for (let i = 0; i < times; i++) if (decides(subject, { attributes })) count++
    return count
  }

  const bodies = (url: string) => service.asked.filter(asked => asked.url === url).map(({ body }) => JSON.parse(body))

  /** What the timers do after ten seconds: a report, and what X-Ray answers. */
  async function report(afterSeconds = 0): Promise<any> {
    time.nowMs += afterSeconds * 1000
    const before = bodies('/SamplingTargets').length
    time.timers[1]?.work()
    await until(() => bodies('/SamplingTargets').length > before)
    // The answer is applied when the bytes are read.
    await new Promise(resolve => setTimeout(resolve, 20))
    return bodies('/SamplingTargets').at(-1).SamplingStatisticsDocuments
  }

  it('asks the daemon for the rules at the start and every five minutes, and reports every ten seconds', async () => {
    await start()
    assert.deepEqual(
      service.asked.map(({ body, method, url }) => [method, url, body]),
      [['POST', '/GetSamplingRules', '{}']],
    )
    const [rules, targets] = time.timers
    assert.ok(rules!.ms >= 300_000 && rules!.ms <= 330_000, `${rules!.ms}`)
    assert.ok(targets!.ms >= 10_000 && targets!.ms <= 11_000, `${targets!.ms}`)
    rules!.work()
    await service.heard(2)
    targets!.work()
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(service.asked.length, 2, 'nothing was counted, nothing is reported')
  })

  it('takes the first rule that matches, by priority, then by name, Default last', async () => {
    answers.rules = rulesAnswer(
      rule('Default', { Priority: 1, FixedRate: 0 }),
      rule('z', { Priority: 5, FixedRate: 0, URLPath: '/a/*' }),
      rule('b', { Priority: 2, FixedRate: 0, URLPath: '/a/b' }),
      rule('a', { Priority: 2, FixedRate: 1, URLPath: '/a/b' }),
      rule('y', { Priority: 9, FixedRate: 1, URLPath: '/a/*' }),
      rule('w', { Priority: 8, FixedRate: 1, URLPath: '/w' }),
    )
    const subject = await start()
    assert.equal(kept(subject, 10, request('GET', '/a/b')), 10)
    assert.equal(kept(subject, 10, request('GET', '/a/c')), 0)
    assert.equal(kept(subject, 10, request('GET', '/w')), 10)
    assert.equal(kept(subject, 10, request('GET', '/other')), 0)
    assert.equal(kept(subject, 10, []), 0)
  })

  it('matches host, method, path, service name and type, resource and attributes, with wildcards in any case', async () => {
    const matching: [Record<string, unknown>, boolean][] = [
      [{ Host: 'SHOP.example.*' }, true],
      [{ Host: 'shop.example.com:8080' }, true],
      [{ Host: 'shop' }, false],
      [{ HTTPMethod: 'get' }, true],
      [{ HTTPMethod: 'P*' }, false],
      [{ URLPath: '/api/?sers/*' }, true],
      [{ URLPath: '/api/users' }, false],
      [{ ServiceName: 'sh*' }, true],
      [{ ServiceName: 'cart' }, false],
      [{ ServiceType: 'AWS::ECS::Container' }, true],
      [{ ServiceType: 'AWS::EC2::*' }, false],
      [{ ResourceARN: 'arn:aws:ecs:*' }, true],
      [{ ResourceARN: 'arn:aws:lambda:*' }, false],
      [{ Attributes: { 'http.request.header.x': 'gold*', 'url.scheme': 'http' } }, true],
      [{ Attributes: { 'http.request.header.x': 'silver' } }, false],
      [{ Attributes: { missing: '*' } }, false],
    ]
    const resource = {
      attributes: ['cloud.platform', 'aws_ecs', 'aws.ecs.container.arn', 'arn:aws:ecs:eu-central-1:1:container/x'],
    }
    const attributes = request('GET', '/api/users/1', [
      'server.address',
      'shop.example.com',
      'server.port',
      8080,
      'http.request.header.x',
      'golden',
    ])
    for (const [fields, matches] of matching) {
      answers.rules = rulesAnswer(rule('it', { FixedRate: 1, ...fields }), rule('Default'))
      const subject = await start({ resource })
      assert.equal(kept(subject, 5, attributes), matches ? 5 : 0, JSON.stringify(fields))
    }
  })

  it('knows no service type or resource where it does not run on AWS', async () => {
    answers.rules = rulesAnswer(rule('it', { FixedRate: 1, ServiceType: 'AWS::*' }), rule('Default'))
    for (const attributes of [
      [],
      ['cloud.platform', 'gcp_cloud_run'],
      ['cloud.platform', '__proto__'],
    ] as AttributeList[]) {
      assert.equal(kept(await start({ resource: { attributes } }), 5), 0)
    }
  })

  it('borrows one a second as long as no quota is known, and beyond that samples by the fixed rate', async () => {
    answers.rules = rulesAnswer(rule('Default', { FixedRate: 0, ReservoirSize: 50 }))
    const subject = await start()
    for (let second = 0; second < 5; second++) {
      assert.equal(kept(subject, 100), 1)
      time.nowMs += 1000
    }
    answers.rules = rulesAnswer(rule('Default', { FixedRate: 0.1, ReservoirSize: 0 }))
    const without = await start()
    assertRatio(kept(without, 20_000), 20_000, 0.1)
  })

  it('reports what it counted, and takes its quota of each second from then on', async () => {
    answers.rules = rulesAnswer(rule('one', { URLPath: '/1', ReservoirSize: 50, FixedRate: 0 }), rule('Default'))
    const subject = await start()
    assert.equal(kept(subject, 100, request('GET', '/1')), 1)
    const now = time.nowMs / 1000
    answers.targets = {
      SamplingTargetDocuments: [
        { RuleName: 'one', FixedRate: 0, ReservoirQuota: 7, ReservoirQuotaTTL: now + 60, Interval: 10 },
        { RuleName: 'unknown', FixedRate: 1 },
      ],
      LastRuleModification: 1,
      UnprocessedStatistics: [],
    }
    const [first, ...others] = await report()
    assert.deepEqual(others, [], 'only rules that matched')
    assert.match(first.ClientID, /^[0-9a-f]{24}$/)
    assert.deepEqual(first, {
      RuleName: 'one',
      ClientID: first.ClientID,
      RequestCount: 100,
      BorrowCount: 1,
      SampledCount: 0,
      Timestamp: 1_700_000_000,
    })
    for (let second = 0; second < 3; second++) {
      time.nowMs += 1000
      assert.equal(kept(subject, 100, request('GET', '/1')), 7)
    }
    const [again] = await report(10)
    assert.deepEqual([again.RequestCount, again.BorrowCount, again.SampledCount], [300, 0, 21])
    assert.equal(again.ClientID, first.ClientID)
    time.nowMs += 60_000
    assert.equal(kept(subject, 100, request('GET', '/1')), 1, 'the quota is too old: borrowed again')
  })

  it('takes the fixed rate of a target, and a quota of none', async () => {
    answers.rules = rulesAnswer(rule('Default', { FixedRate: 0, ReservoirSize: 50 }))
    const subject = await start()
    kept(subject, 1)
    const ttl = time.nowMs / 1000 + 3600
    answers.targets = {
      SamplingTargetDocuments: [
        { RuleName: 'Default', FixedRate: 0.5, ReservoirQuota: 0, ReservoirQuotaTTL: ttl, Interval: 10 },
      ],
      LastRuleModification: 1,
    }
    await report()
    assertRatio(kept(subject, 20_000), 20_000, 0.5)
    const [second] = await report(10)
    assert.equal(second.RequestCount, 20_000)
    assertRatio(second.SampledCount, 20_000, 0.5)
  })

  it('reports no oftener than X-Ray wants', async () => {
    answers.rules = rulesAnswer(rule('Default'))
    const subject = await start()
    answers.targets = { SamplingTargetDocuments: [{ RuleName: 'Default', Interval: 30 }], LastRuleModification: 1 }
    kept(subject, 1)
    await report()
    kept(subject, 1)
    for (const seconds of [10, 10]) {
      time.nowMs += seconds * 1000
      time.timers[1]?.work()
    }
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(bodies('/SamplingTargets').length, 1)
    time.nowMs += 10_000
    await report()
    assert.equal(bodies('/SamplingTargets').length, 2)
  })

  it('reads times as AWS writes them', async () => {
    answers.rules = rulesAnswer(rule('Default', { ReservoirSize: 1 }))
    for (const ttl of [time.nowMs / 1000 + 60, time.nowMs + 60_000, new Date(time.nowMs + 60_000).toISOString()]) {
      const subject = await start()
      kept(subject, 1)
      answers.targets = {
        SamplingTargetDocuments: [{ RuleName: 'Default', ReservoirQuota: 3, ReservoirQuotaTTL: ttl }],
        LastRuleModification: 1,
      }
      const root = (subject as any).root
      await root.fetchTargets()
      assert.equal(kept(subject, 10), 3, String(ttl))
    }
  })

  it('fetches the rules anew when they were changed, and goes on counting', async () => {
    answers.rules = rulesAnswer(rule('one', { ReservoirSize: 1, Priority: 1 }), rule('Default'))
    const subject = await start()
    assert.equal(kept(subject, 10), 1)
    answers.targets = { SamplingTargetDocuments: [], LastRuleModification: time.nowMs / 1000 + 5 }
    answers.rules = rulesAnswer(
      rule('one', { ReservoirSize: 1, Priority: 1, FixedRate: 1, URLPath: '/new' }),
      rule('Default'),
    )
    await report()
    await until(() => bodies('/GetSamplingRules').length === 2)
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(kept(subject, 10, request('GET', '/new')), 10)
    const [document] = await report(10)
    assert.equal(document.RequestCount, 10)
  })

  it('reads rules of several pages', async () => {
    service.answer = ({ body }) =>
      JSON.parse(body).NextToken === 'more'
        ? rulesAnswer(rule('b', { FixedRate: 1, URLPath: '/b' }), rule('Default'))
        : { NextToken: 'more', SamplingRuleRecords: [rule('a', { FixedRate: 1, URLPath: '/a' })] }
    const subject = await start()
    assert.equal(kept(subject, 5, request('GET', '/a')), 5)
    assert.equal(kept(subject, 5, request('GET', '/b')), 5)
    assert.equal(kept(subject, 5, request('GET', '/c')), 0)
  })

  it('leaves out rules that it does not understand', async () => {
    answers.rules = rulesAnswer(
      rule('two', { Version: 2, FixedRate: 1 }),
      rule('rate', { FixedRate: 7 }),
      rule('priority', { Priority: 'x', FixedRate: 1 }),
      null,
      {},
      rule('Default'),
    )
    assert.equal(kept(await start(), 10), 0)
  })

  it('decides by local rules until the daemon answers, and says so once', async () => {
    answers.rules = [503, 'busy']
    const subject = await start()
    assert.deepEqual(log.said, [
      `No sampling rules from the X-Ray daemon 127.0.0.1:${service.port} (answered 503 Service Unavailable): XRayLocal{rules=1} count until then. AWS_XRAY_DAEMON_ADDRESS selects the daemon.`,
    ])
    assert.equal(decides(subject), true, 'one per second')
    assertRatio(kept(subject, 20_000), 20_000, 0.05)
    time.nowMs += 1000
    assert.equal(decides(subject), true)
    time.timers[0]?.work()
    await service.heard(2)
    answers.rules = rulesAnswer(rule('Default', { FixedRate: 0 }))
    time.timers[0]?.work()
    await until(() => log.said.length === 2)
    assert.equal(log.said[1], `The X-Ray daemon 127.0.0.1:${service.port} gives sampling rules again.`)
    assert.equal(kept(subject, 100), 0)
  })

  it('trusts rules for an hour, and then decides by local ones', async () => {
    answers.rules = rulesAnswer(rule('Default', { FixedRate: 0 }))
    const subject = await start()
    answers.rules = 'reset'
    time.nowMs += 3_599_000
    assert.equal(kept(subject, 100), 0)
    time.nowMs += 2000
    assert.equal(decides(subject), true)
  })

  it('reports again what X-Ray did not get', async () => {
    answers.rules = rulesAnswer(rule('Default', { ReservoirSize: 1 }))
    const subject = await start()
    kept(subject, 10)
    answers.targets = [500, '']
    await report()
    assert.equal(log.said.length, 1)
    answers.targets = { SamplingTargetDocuments: [], LastRuleModification: 1 }
    kept(subject, 10)
    const [document] = await report(10)
    assert.deepEqual([document.RequestCount, document.BorrowCount], [20, 1])
  })

  it('says which statistics X-Ray refused', async () => {
    answers.rules = rulesAnswer(rule('Default'))
    const subject = await start()
    kept(subject, 1)
    answers.targets = {
      SamplingTargetDocuments: [],
      LastRuleModification: 1,
      UnprocessedStatistics: [{ RuleName: 'Default', ErrorCode: '400', Message: 'Unknown rule' }],
    }
    await report()
    assert.deepEqual(log.said, ['X-Ray did not take the sampling statistics of Default: 400 Unknown rule'])
  })

  it('survives whatever the daemon answers', async () => {
    answers.rules = rulesAnswer(rule('Default', { ReservoirSize: 1 }))
    const subject = await start()
    for (const answer of [
      {},
      [200, 'null'],
      [200, '[]'],
      [200, '{'],
      [200, ''],
      [404, ''],
      'reset',
      { SamplingTargetDocuments: [null, 5, {}] },
      { SamplingRuleRecords: [null, 5, {}] },
    ] as Answer[]) {
      answers.rules = answer
      answers.targets = answer
      kept(subject, 1)
      await (subject as any).root.fetchTargets()
      await (subject as any).root.fetchRules()
      time.nowMs += 10_000
    }
    assert.equal(typeof decides(subject), 'boolean')
  })

  it('obeys a caller that decided', async () => {
    answers.rules = rulesAnswer(rule('Default', { FixedRate: 0 }))
    const subject = await start()
    assert.equal(decides(subject, { above: parent(true, true) }), true)
    assert.equal(decides(subject, { above: parent(false, true) }), false)
  })

  it('asks no more when it was stopped', async () => {
    const subject = await start()
    subject.stop!()
    assert.ok(time.timers.every(timer => timer.stopped))
    for (const timer of time.timers) timer.work()
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(service.asked.length, 1)
  })

  it('takes endpoint and interval as the AWS distribution of OpenTelemetry does', async () => {
    await start({ xrayDaemon: '127.0.0.1:1' }, `endpoint=http://127.0.0.1:${service.port},polling_interval=60`)
    assert.ok(time.timers[0]!.ms >= 60_000 && time.timers[0]!.ms <= 66_000)
    assert.deepEqual(log.said, [])
    sampler('xray', 'polling_interval=0,x=y', { log, ...time.parts })
    assert.deepEqual(log.said, [
      'OTEL_TRACES_SAMPLER_ARG: polling_interval="0", expected seconds, at least 1; 300 is used.',
      'OTEL_TRACES_SAMPLER_ARG: "x=y" is not understood, expected endpoint=…, polling_interval=…, rules=…; it is ignored.',
    ])
  })
})
