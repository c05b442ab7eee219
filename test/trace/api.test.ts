/** Spans that a program makes with @opentelemetry/api, through the whole agent. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type How, ROOT_FOLDER, runAgent } from '../kit/agent'

const programs: [string, How][] = [
  ['fixtures/api/do-work.cjs', 'require'],
  ['fixtures/api/do-work.mjs', 'import'],
  ['fixtures/api/do-work.mjs', 'node-options'],
]

describe('spans that a program makes by hand', () => {
  for (const [program, how] of programs) {
    it(`main has ten children with their annotations, one of them failed (${program}, ${how})`, async () => {
      const { spans, stderr } = await runAgent(program, { how })
      assert.equal(stderr, '')
      const [main, ...work] = spans
      assert.deepEqual([main!.name, main!.parentSpanId, main!.kind], ['main', '', 'INTERNAL'])
      assert.deepEqual(
        work.map(span => span.attributes['work.number']),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      )
      work.forEach((span, i) => {
        assert.deepEqual([span.name, span.parentSpanId, span.traceId], ['doWork', main!.spanId, main!.traceId])
        assert.deepEqual(span.scope, { name: 'tutorial', version: '1.0.0', attributes: {} })
        assert.equal(span.events[0]!.name, 'invoking doWork')
        assert.deepEqual(span.events[0]!.attributes, { busy: i })
        assert.ok(span.startMicros >= main!.startMicros && span.endMicros <= main!.endMicros)
        const failed = i === 7
        assert.deepEqual(span.status, {
          code: failed ? 'ERROR' : 'UNSET',
          message: failed ? 'the seventh is too much' : '',
        })
        assert.equal(span.events[1]?.attributes['exception.type'], failed ? 'RangeError' : undefined)
      })
    })
  }

  it('stand in one trace with those of the agent, which the program can add to', async () => {
    const { spans } = await runAgent('fixtures/api/home-page.cjs')
    const [visit, client, server, render] = spans
    assert.deepEqual(
      spans.map(span => [span.kind, span.name]),
      [
        ['INTERNAL', 'visit'],
        ['CLIENT', 'GET'],
        ['SERVER', 'GET /home'],
        ['INTERNAL', 'render'],
      ],
    )
    assert.equal(visit!.attributes['error'], true)
    assert.deepEqual(visit!.events[0]!.attributes, { message: 'status 500' })
    assert.deepEqual([client!.parentSpanId, server!.parentSpanId], [visit!.spanId, client!.spanId])
    assert.equal(render!.parentSpanId, server!.spanId)
    assert.equal(server!.attributes['tenant'], 'acme')
    assert.equal(server!.events[0]!.name, 'looked for the home page')
    assert.equal(server!.attributes['error.type'], '500')
  })

  describe('with every function of the API', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-api-'))
    const copy = join(folder, 'node_modules/@opentelemetry/api')
    before(() => cpSync(join(ROOT_FOLDER, 'node_modules/@opentelemetry/api'), copy, { recursive: true }))
    after(() => rmSync(folder, { recursive: true }))

    for (const which of ['the copy that the agent came with', 'another copy']) {
      it(`work as the API says, from ${which}`, async () => {
        const args = which === 'another copy' ? [copy] : []
        const { spans, stdout, stderr } = await runAgent('fixtures/api/everything.cjs', { args })
        assert.equal(stderr, '')
        assert.deepEqual(stdout.trim().split('\n'), [
          'recording true',
          'active true',
          'carrier ["traceparent","baggage"]',
          'traceparent true',
          'extracted true',
          'remote true',
          'baggage "v w"',
          'outside true',
          'bound true',
          'emitter true',
          'ended false',
        ])
        const [all, child, root] = spans
        assert.deepEqual(
          spans.map(span => span.name),
          ['renamed', 'child', 'root'],
        )
        assert.equal(all!.kind, 'PRODUCER')
        assert.deepEqual([all!.traceId, all!.parentSpanId], ['1'.repeat(32), '2'.repeat(16)])
        // Sampled; the parent is known to be remote.
        assert.equal(all!.flags, 0x301)
        assert.equal(all!.startMicros, 1_700_000_000_000_005)
        assert.equal(all!.endMicros, 1_700_000_001_000_000)
        assert.deepEqual(all!.attributes, {
          text: 'ü',
          number: 1.5,
          whole: 7,
          flag: true,
          list: ['a', 'b'],
          numbers: [1, 2],
        })
        assert.equal(all!.links.length, 3)
        assert.deepEqual(all!.links[0]!.attributes, { why: 'linked' })
        assert.equal(all!.links[0]!.traceId, '3'.repeat(32))
        assert.equal(all!.events[0]!.timeMicros, 1_700_000_000_100_000)
        assert.equal(all!.status.code, 'OK')
        assert.equal(child!.parentSpanId, all!.spanId)
        assert.equal(child!.flags, 0x101)
        assert.equal(root!.parentSpanId, '')
        assert.equal(root!.flags, 0x103)
      })
    }
  })

  it('are made without harm when the agent is disabled, and nothing is sent', async () => {
    const { spans, stdout, code } = await runAgent('fixtures/api/do-work.cjs', { env: { OTEL_SDK_DISABLED: 'true' } })
    assert.deepEqual([spans, stdout, code], [[], '', 0])
  })
})
