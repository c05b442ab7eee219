import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { API_VERSION } from '../../src/api'
import { type AgentResult, REGISTER, ROOT_FOLDER, runAgent, runBare } from '../kit/agent'

const FIXTURES = join(ROOT_FOLDER, 'test/fixtures/preload')
const OTHER = join(FIXTURES, 'other-provider.cjs')

const REFUSED =
  'tracing-agent: stays: the program sets up OpenTelemetry, too, and its tracer provider comes second and is not used; remove one of the two\n'

describe('two agents', () => {
  it('an OpenTelemetry provider that came first keeps the program, in one line', async () => {
    const options = { how: 'none' as const, nodeArgs: ['--require', OTHER, '--require', REGISTER] }
    const { code, spans, stderr, stdout } = await runAgent('fixtures/preload/http-require.cjs', options)
    assert.equal(
      stderr,
      'tracing-agent: stays away: another OpenTelemetry tracer provider traces this program already\n',
    )
    assert.equal(stdout, 'hello\n')
    assert.equal(code, 0)
    assert.deepEqual(spans, [])
  })

  it('a provider that the program registers later is refused as a second one, in one line, and its other signals are not', async () => {
    const { spans, stderr, stdout } = await runAgent('fixtures/preload/other-provider-later.cjs')
    assert.equal(stderr, REFUSED)
    assert.equal(stdout, 'tracer provider false\nmeter provider true a meter\n')
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['by hand'],
    )
  })

  for (const part of ['tracer provider', 'context manager', 'propagator']) {
    it(`a ${part} that an ES module registers later is refused in one line, as the API itself does it`, async () => {
      const args = ['logger of its own', part, part, 'meter provider']
      const { spans, stderr, stdout } = await runAgent('fixtures/preload/other-parts.mjs', { args })
      assert.equal(stderr, REFUSED.replace('tracer provider', part))
      const lines = stdout.replaceAll(/duplicate registration of API: \w+/g, 'duplicate').split('\n')
      const refused = ['Error: @opentelemetry/api: Attempted duplicate', `${part} false`]
      assert.deepEqual(lines.slice(1), [...refused, ...refused, 'meter provider true', 'true', ''])
      assert.deepEqual(spans.map(({ name }) => name).sort(), ['after', 'before'])
    })
  }

  it('what a program registers beside tracing is no second agent', async () => {
    const args = ['logger of its own', 'meter provider', 'logger of its own']
    const { spans, stderr } = await runAgent('fixtures/preload/other-parts.mjs', { args })
    assert.equal(stderr, '')
    assert.equal(spans.length, 2)
  })

  it('instrumentations of OpenTelemetry join our traces, without the spans that we make', async () => {
    const { spans, stderr, stdout } = await runAgent('fixtures/preload/other-instrumentation.cjs')
    assert.match(stderr, /^tracing-agent: instrumentations of OpenTelemetry are at work, too \(.*\): .* left out\n$/)
    assert.equal(stdout, '["traceparent"]\n')
    assert.deepEqual(
      tree(spans),
      [
        'CLIENT GET > SERVER GET',
        'CLIENT GET > SERVER GET > CLIENT GET',
        'CLIENT GET > SERVER GET > CLIENT GET > SERVER GET',
        'CLIENT GET > SERVER GET > INTERNAL pg.query',
        'CLIENT GET',
      ].sort(),
    )
    for (const { attributes } of spans) assert.equal(attributes['theirs'], undefined)
  })

  it('instrumentations of OpenTelemetry make their spans where ours is switched off', async () => {
    const env = { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'http,undici' }
    const { spans, stderr } = await runAgent('fixtures/preload/other-instrumentation.cjs', { env })
    assert.equal(stderr, '')
    assert.deepEqual([...new Set(spans.map(({ name }) => name))].sort(), ['pg.query', 'theirs'])
  })

  it('a closed agent that came first keeps the program, in one line', async () => {
    const dd = join(FIXTURES, 'packages/node_modules/dd-trace/index.js')
    const options = { how: 'none' as const, nodeArgs: ['--require', dd, '--require', REGISTER] }
    const { spans, stderr, stdout } = await runAgent('fixtures/preload/http-require.cjs', options)
    assert.equal(stderr, 'tracing-agent: stays away: dd-trace traces this program already\n')
    assert.equal(stdout, 'hello\n')
    assert.deepEqual(spans, [])
  })

  it('a closed agent that the program loads keeps the program, in one line', async () => {
    const { spans, stderr, stdout } = await runAgent('fixtures/preload/packages/with-dd-trace.cjs')
    assert.equal(stderr, 'tracing-agent: stops: dd-trace traces this program, too; remove one of the two\n')
    assert.equal(stdout, 'hello\n')
    assert.deepEqual(spans, [])
  })
})

describe('the globals of @opentelemetry/api', () => {
  it('have the version of the API that this package is built with', () => {
    const file = join(ROOT_FOLDER, 'node_modules/@opentelemetry/api/package.json')
    assert.equal(API_VERSION, JSON.parse(readFileSync(file, 'utf8')).version)
  })
})

describe('OTEL_SDK_DISABLED=true', () => {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const headers = JSON.stringify({ traceparent, tracestate: 'x=y', baggage: 'k=v' })
  const env = { OTEL_SDK_DISABLED: 'true' }

  it("makes no span, and passes the caller's headers on as they came", async () => {
    const { spans, stderr, stdout } = await runAgent('fixtures/preload/forwarding.mjs', { args: [headers], env })
    assert.equal(stderr, '')
    assert.deepEqual(spans, [])
    assert.deepEqual(
      stdout.trim().split('\n'),
      ['/', '/http', '/fetch'].map(path => `${path} ${traceparent} x=y k=v`),
    )
  })

  it('writes no headers where none came', async () => {
    const { stdout } = await runAgent('fixtures/preload/forwarding.mjs', { args: ['none'], env })
    const bare = await runBare('fixtures/preload/forwarding.mjs', { args: ['none'] })
    assert.equal(stdout, bare.stdout)
  })
})

/** Each span with those above it, as text. */
function tree(spans: AgentResult['spans']): string[] {
  const byId = new Map(spans.map(span => [span.spanId, span]))
  const path = (id: string): string => {
    const span = byId.get(id)
    if (span === undefined) return ''
    const above = path(span.parentSpanId)
    return `${above === '' ? '' : `${above} > `}${span.kind} ${span.name}`
  }
  return spans.map(({ spanId }) => path(spanId)).sort()
}
