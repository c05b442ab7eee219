/** Samplers as a user meets them: a program under the agent. */
import assert from 'node:assert/strict'
import { runAgent, runBare, startAgent } from '../kit/agent'
import { TLS } from '../kit/peer'
import { FakeService, until } from './service'

interface Request {
  path: string
  method?: string
  headers?: Record<string, string>
}

/** Runs a server that makes a call for every request, and gives paths of its SERVER spans and the number of all spans. */
async function run(env: Record<string, string>, ...requests: Request[]) {
  const args = requests.map(request => JSON.stringify(request))
  const result = await runAgent('fixtures/propagation/relay.cjs', { env, args })
  assert.equal(result.code, 0, result.stderr)
  const lines = result.stdout.trim().split('\n')
  assert.equal(lines.length, requests.length)
  const paths = result.spans
    .filter(({ attributes, kind }) => kind === 'SERVER' && attributes['url.path'] !== '/below')
    .map(({ attributes }) => attributes['url.path'])
  return { ...result, paths, below: lines.map(line => JSON.parse(line).below as Record<string, string>) }
}

const TRACE = '5759e988bd862e3fe1be46a994272793'
const SPAN = '53995c3f42cd8ad8'

describe('a program under the agent is sampled', () => {
  it('by rules, and off drops the children too', async () => {
    const { below, paths, spans, stderr } = await run(
      {
        OTEL_TRACES_SAMPLER: 'rules',
        OTEL_TRACES_SAMPLER_ARG: '@health=off; GET /api/*=on; POST /orders/:id=1/s; *=0',
      },
      { path: '/healthz' },
      { path: '/api/users?x=1' },
      { path: '/orders/1', method: 'POST' },
      { path: '/orders/2', method: 'POST' },
      { path: '/other' },
      { path: '/api/probe', headers: { 'user-agent': 'kube-probe/1.30' } },
      { path: '/other', headers: { traceparent: `00-${TRACE}-${SPAN}-01` } },
    )
    assert.equal(stderr, '')
    assert.deepEqual(paths, ['/api/users', '/orders/1'])
    assert.equal(spans.length, 4, 'the server and its call; the server below it has a path of its own')
    const flags = below.map(({ traceparent }) => traceparent!.slice(-2))
    assert.deepEqual(flags, ['02', '03', '03', '02', '02', '02', '00'])
  })

  it('by rules that obey the caller, in the parentbased form', async () => {
    const { paths } = await run(
      { OTEL_TRACES_SAMPLER: 'parentbased_rules', OTEL_TRACES_SAMPLER_ARG: '*=off' },
      { path: '/a' },
      { path: '/b', headers: { traceparent: `00-${TRACE}-${SPAN}-01` } },
    )
    assert.deepEqual(paths, ['/b'])
  })

  it('by rate', async () => {
    const { paths } = await run(
      { OTEL_TRACES_SAMPLER: 'ratelimit', OTEL_TRACES_SAMPLER_ARG: '2' },
      ...Array.from({ length: 20 }, (_, i) => ({ path: `/${i}` })),
    )
    assert.ok(paths.length >= 2 && paths.length <= 4, `${paths}`)
    assert.deepEqual(paths.slice(0, 2), ['/0', '/1'])
  })

  it('and hears about a mistake in the rules', async () => {
    const { paths, stderr } = await run(
      { OTEL_TRACES_SAMPLER: 'rules', OTEL_TRACES_SAMPLER_ARG: '/a=of;*=off' },
      { path: '/a' },
    )
    assert.deepEqual(paths, [])
    assert.equal(
      stderr,
      'tracing-agent: OTEL_TRACES_SAMPLER_ARG, rule 1 "/a=of", column 4: expected on, off, a number from 0 to 1, or a rate such as 10/s, and not "of". The rule is left out.\n',
    )
  })
})

describe('a sampling service', () => {
  let service: FakeService

  beforeEach(async () => {
    service = await FakeService.start()
  })
  afterEach(() => service.stop())

  const jaeger = () => ({
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_TRACES_SAMPLER_ARG: `endpoint=http://127.0.0.1:${service.port},initialSamplingRate=1`,
  })

  it('of Jaeger is asked untraced, with the name of the service', async () => {
    service.answer = () => ({ probabilisticSampling: { samplingRate: 1 } })
    const { paths, spans, stderr } = await run(jaeger(), { path: '/a' })
    assert.deepEqual(paths, ['/a'])
    assert.equal(spans.length, 3)
    assert.equal(stderr, '')
    assert.deepEqual(
      service.asked.map(({ headers, url }) => [url, headers.traceparent]),
      [['/sampling?service=fixture', undefined]],
    )
  })

  it('of X-Ray is asked untraced, through the daemon', async () => {
    service.answer = () => ({ SamplingRuleRecords: [] })
    const { paths, spans, stderr } = await run(
      { OTEL_TRACES_SAMPLER: 'xray', AWS_XRAY_DAEMON_ADDRESS: `udp:127.0.0.1:1 tcp:127.0.0.1:${service.port}` },
      { path: '/a' },
    )
    assert.deepEqual(paths, ['/a'], 'one per second until the rules are there')
    assert.match(
      spans[0]!.traceId,
      new RegExp(
        `^${Math.floor(Date.now() / 1000)
          .toString(16)
          .slice(0, 5)}`,
      ),
    )
    assert.equal(stderr, '')
    assert.deepEqual(
      service.asked.map(({ headers, method, url }) => [method, url, headers.traceparent]),
      [['POST', '/GetSamplingRules', undefined]],
    )
  })

  it('is asked with TLS', async () => {
    const secure = await FakeService.start(true)
    secure.answer = () => ({ probabilisticSampling: { samplingRate: 0 } })
    const program = await startAgent('fixtures/sampling/contextless.cjs', {
      env: {
        OTEL_TRACES_SAMPLER: 'jaeger_remote',
        OTEL_TRACES_SAMPLER_ARG: `endpoint=https://localhost:${secure.port}`,
        OTEL_LOG_LEVEL: 'debug',
        NODE_EXTRA_CA_CERTS: TLS.certFile,
      },
      keepInput: true,
    })
    await until(() => program.stderr.includes('sampling strategy'))
    program.endInput()
    await program.finished
    await secure.stop()
    assert.match(program.stderr, /sampling strategy from localhost:\d+: TraceIdRatioBased\{0\}/)
  })

  it('leaves a program without contexts without them, and without HTTP', async () => {
    service.answer = () => ({ probabilisticSampling: { samplingRate: 1 } })
    const fixture = 'fixtures/sampling/contextless.cjs'
    const program = await startAgent(fixture, { env: { ...jaeger(), OTEL_LOG_LEVEL: 'debug' }, keepInput: true })
    await until(() => program.stderr.includes('sampling strategy'))
    program.endInput()
    const { stdout } = await program.finished
    const bare = await runBare(fixture)
    assert.equal(stdout, bare.stdout)
    const { node, http } = JSON.parse(stdout)
    assert.deepEqual(http, [])
    // From Node 24 on contexts need no hooks.
    const entered = await runBare(fixture, { args: ['enter'] })
    if (Number.parseInt(node, 10) < 24) assert.notEqual(entered.stdout, bare.stdout)
  })

  it('that never answers keeps no program alive', async () => {
    service.answer = () => 'hang'
    const { durationMs, paths, stderr } = await run(jaeger(), { path: '/a' })
    assert.deepEqual(paths, ['/a'])
    assert.equal(stderr, '')
    assert.ok(durationMs < 15_000, `${durationMs} ms`)
  })

  it('that is away is one line, and keeps no program alive', async () => {
    const env = jaeger()
    await service.stop()
    const { durationMs, paths, stderr } = await run(env, { path: '/a' })
    service = await FakeService.start()
    assert.deepEqual(paths, ['/a'])
    assert.match(
      stderr,
      /^tracing-agent: The sampling service 127\.0\.0\.1:\d+\/sampling does not answer \(connect ECONNREFUSED 127\.0\.0\.1:\d+\); TraceIdRatioBased\{1\} counts until it does\. OTEL_TRACES_SAMPLER_ARG="endpoint=…" selects another\.\n$/,
    )
    assert.ok(durationMs < 15_000, `${durationMs} ms`)
  })
})
