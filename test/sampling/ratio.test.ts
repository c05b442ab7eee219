import assert from 'node:assert/strict'
import type { TraceState } from '@opentelemetry/api'
import fc from 'fast-check'
import { DEFAULT_SAMPLER, SAMPLER_NAMES, SAMPLERS, type SamplerRow } from '../../src/sampling/index'
import {
  assertRatio,
  decides,
  describeSampler,
  listeningLog,
  parent,
  randomTraceId,
  sampler,
} from '../conformance/sampler'

describeSampler('always_on', undefined, { description: /^AlwaysOnSampler$/, followsRemote: false, followsLocal: false })
describeSampler('always_off', undefined, {
  description: /^AlwaysOffSampler$/,
  followsRemote: false,
  followsLocal: false,
})
describeSampler('traceidratio', '0.25', {
  description: /^TraceIdRatioBased\{0\.25\}$/,
  followsRemote: false,
  followsLocal: false,
})
for (const [name, root] of [
  ['parentbased_always_on', 'AlwaysOnSampler'],
  ['parentbased_always_off', 'AlwaysOffSampler'],
  ['parentbased_traceidratio', 'TraceIdRatioBased\\{0\\.25\\}'],
] as const) {
  describeSampler(name, name.endsWith('ratio') ? '0.25' : undefined, {
    description: new RegExp(
      `^ParentBased\\{root=${root}, remoteParentSampled=AlwaysOnSampler, remoteParentNotSampled=AlwaysOffSampler, ` +
        'localParentSampled=AlwaysOnSampler, localParentNotSampled=AlwaysOffSampler\\}$',
    ),
    followsRemote: true,
    followsLocal: true,
  })
}

describe('always_on and always_off', () => {
  it('do not ask the parent', () => {
    for (const above of [
      undefined,
      parent(true, true),
      parent(false, true),
      parent(true, false),
      parent(false, false),
    ]) {
      assert.equal(decides(sampler('always_on'), { above }), true)
      assert.equal(decides(sampler('always_off'), { above }), false)
    }
  })
  it('are the root of their parentbased forms', () => {
    assert.equal(decides(sampler('parentbased_always_on')), true)
    assert.equal(decides(sampler('parentbased_always_off')), false)
  })
})

describe('traceidratio', () => {
  for (const ratio of [0, 0.001, 0.1, 0.5, 0.9, 0.999, 1]) {
    it(`keeps ${ratio} of many`, () => {
      for (const name of ['traceidratio', 'parentbased_traceidratio'] as const) {
        const subject = sampler(name, String(ratio))
        let kept = 0
        for (let i = 0; i < 50_000; i++) if (decides(subject)) kept++
        assertRatio(kept, 50_000, ratio)
      }
    })
  }

  it('keeps a trace when its last 56 bits are at least the threshold', () => {
    // Ratio 1/4 is the threshold 0xc0000000000000.
    const subject = sampler('traceidratio', '0.25')
    for (const [random, kept] of [
      ['c0000000000000', true],
      ['bfffffffffffff', false],
      ['bfffffff000000', false],
      ['c0000000000001', true],
      ['ffffffffffffff', true],
      ['00000000000000', false],
    ] as const) {
      assert.equal(decides(subject, { traceId: `${'7'.repeat(18)}${random}` }), kept, random)
      assert.equal(decides(subject, { traceId: `${'0'.repeat(18)}${random}` }), kept, random)
    }
  })

  it('sees a difference in the last bit of 56', () => {
    const subject = sampler('traceidratio', String(1 - (2 ** 27 + 8) / 2 ** 56))
    assert.equal(decides(subject, { traceId: '0'.repeat(18) + '00000008000008' }), true)
    assert.equal(decides(subject, { traceId: '0'.repeat(18) + '00000008000007' }), false)
  })

  it('keeps with a larger ratio all that a smaller one keeps, and always answers the same', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.stringMatching(/^[0-9a-f]{32}$/),
        (a, b, traceId) => {
          const small = sampler('traceidratio', Math.min(a, b).toFixed(17))
          const large = sampler('traceidratio', Math.max(a, b).toFixed(17))
          if (decides(small, { traceId })) assert.ok(decides(large, { traceId }))
          assert.equal(decides(small, { traceId }), decides(small, { traceId }))
        },
      ),
    )
  })

  it('does not ask the parent, but its explicit randomness', () => {
    const subject = sampler('traceidratio', '0.5')
    const above = (flags: number, ot: string | undefined) => {
      const traceState = { get: (key: string) => (key === 'ot' ? ot : undefined) } as TraceState
      return { ...parent(flags === 1, true), traceState }
    }
    const low = `${'f'.repeat(18)}${'0'.repeat(14)}`
    assert.equal(decides(subject, { traceId: low, above: above(1, undefined) }), false)
    assert.equal(decides(subject, { traceId: low, above: above(0, 'th:8;rv:80000000000000') }), true)
    assert.equal(decides(subject, { traceId: low, above: above(0, 'rv:7fffffffffffff;th:8') }), false)
    for (const invalid of ['rv:8', 'rv:8000000000000g', 'rv:800000000000000', 'xrv:80000000000000', '']) {
      assert.equal(decides(subject, { traceId: low, above: above(0, invalid) }), false, invalid)
    }
  })

  it('says what is wrong in its argument, and keeps all', () => {
    for (const wrong of ['abc', '-0.1', '1.1', '2', '0x1', 'NaN', 'Infinity', '0,5', '50%', '1e3', '.', '1 2']) {
      for (const name of ['traceidratio', 'parentbased_traceidratio'] as const) {
        const log = listeningLog()
        const subject = sampler(name, wrong, { log })
        assert.deepEqual(log.said, [`OTEL_TRACES_SAMPLER_ARG="${wrong}": expected a number from 0 to 1; 1 is used.`])
        assert.match(String(subject), /TraceIdRatioBased\{1\}/)
      }
    }
  })

  it('takes numbers as people write them', () => {
    for (const [text, ratio] of [
      ['0', 0],
      ['1', 1],
      ['1.0', 1],
      ['.5', 0.5],
      ['0.5', 0.5],
      [' 0.5 ', 0.5],
      ['5e-1', 0.5],
    ] as const) {
      const log = listeningLog()
      assert.equal(String(sampler('traceidratio', text, { log })), `TraceIdRatioBased{${ratio}}`)
      assert.deepEqual(log.said, [])
    }
  })

  it('keeps all when nothing is said', () => assert.equal(String(sampler('traceidratio')), 'TraceIdRatioBased{1}'))

  it('takes no notice of the first digits, which X-Ray fills with the time', () => {
    const subject = sampler('traceidratio', '0.5')
    let kept = 0
    for (let i = 0; i < 20_000; i++) if (decides(subject, { traceId: `6543${randomTraceId().slice(4)}` })) kept++
    assertRatio(kept, 20_000, 0.5)
  })
})

describe('the table of samplers', () => {
  it('makes a sampler of any argument, and says at most what is wrong with it', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'endpoint=',
        'http://',
        'rules=',
        'polling_interval=',
        'pollingIntervalMs=',
        '0.5',
        ',',
        '=',
        ';',
        '/s',
        '*',
        '@health',
        '__proto__=1',
      ),
    )
    fc.assert(
      fc.property(fc.constantFrom(...SAMPLER_NAMES), fc.array(part, { maxLength: 6 }), (name, parts) => {
        const log = listeningLog()
        const subject = sampler(name, parts.join(''), { log })
        assert.equal(typeof decides(subject), 'boolean')
        assert.equal(typeof String(subject), 'string')
      }),
      { numRuns: 500 },
    )
  })

  it('has the default', () => assert.ok(SAMPLER_NAMES.includes(DEFAULT_SAMPLER)))

  for (const name of SAMPLER_NAMES) {
    const row: SamplerRow = SAMPLERS[name]
    it(`has a sentence for ${name}`, () => assert.match(row.doc, /^[A-Z].*\.$/))
    if (row.argument !== undefined) continue
    it(`says that ${name} takes no argument`, () => {
      const log = listeningLog()
      sampler(name, '0.5', { log })
      assert.deepEqual(log.said, [
        `OTEL_TRACES_SAMPLER_ARG="0.5" has no meaning for OTEL_TRACES_SAMPLER=${name}: ignored.`,
      ])
    })
  }
})
