import assert from 'node:assert/strict'
import fc from 'fast-check'
import { RateLimiter } from '../../src/sampling/rate'
import { decides, describeSampler, listeningLog, parent, sampler } from '../conformance/sampler'

describeSampler('ratelimit', '10', {
  description: /^ParentBased\{root=RateLimit\{10\/s\}, /,
  followsRemote: true,
  followsLocal: true,
})

/** How many of `calls` evenly spread over `seconds` get through. */
function through(perSecond: number, seconds: number, calls: number): number {
  let now = 12_345.678
  const limiter = new RateLimiter(perSecond, () => now)
  let taken = 0
  for (let i = 0; i < calls; i++) {
    now = 12_345.678 + (i * seconds * 1000) / calls
    if (limiter.take()) taken++
  }
  return taken
}

describe('a rate limit', () => {
  it('lets a second’s worth through at once, and then exactly its rate', () => {
    for (const perSecond of [1, 3, 7, 10, 100, 333]) {
      let now = 0
      const limiter = new RateLimiter(perSecond, () => now)
      const burst = () => {
        let taken = 0
        while (limiter.take()) taken++
        return taken
      }
      assert.equal(burst(), perSecond)
      assert.equal(burst(), 0)
      for (let second = 1; second <= 100; second++) {
        now = second * 1000
        assert.equal(burst(), perSecond, `second ${second}`)
      }
      now += 60_000
      assert.equal(burst(), perSecond, 'saves no more than a second')
    }
  })

  it('loses no token to rounding in a million calls', () => {
    // What is in the bucket at the start, and what comes in until the last call, which is just before the end.
    assert.equal(through(10, 1000, 1_000_000), 10 + 10 * 1000 - 1)
    assert.equal(through(3, 1000, 999_999), 3 + 3 * 1000 - 1)
    assert.equal(through(0.7, 1000, 1_000_000), 1 + 699)
  })

  it('may be less than one per second', () => {
    let now = 0
    const limiter = new RateLimiter(0.5, () => now)
    const taken: number[] = []
    for (now = 0; now < 10_000; now += 100) if (limiter.take()) taken.push(now)
    assert.deepEqual(taken, [0, 2000, 4000, 6000, 8000])
  })

  it('of zero lets nothing through', () => assert.equal(through(0, 10, 1000), 0))

  it('never lets more through than the bucket and the time allow', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 1000, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 300 }),
        (perSecond, pauses) => {
          let now = 0
          const limiter = new RateLimiter(perSecond, () => now)
          let taken = 0
          for (const pause of pauses) {
            now += pause
            if (limiter.take()) taken++
            assert.ok(taken <= Math.max(1, perSecond) + (now / 1000) * perSecond + 0.01)
          }
        },
      ),
    )
  })
})

describe('ratelimit', () => {
  it('takes a token for a trace that begins here, and none for what follows', () => {
    const subject = sampler('ratelimit', '2', { nowMs: () => 0 })
    for (let i = 0; i < 10; i++) {
      for (const isRemote of [true, false]) {
        assert.equal(decides(subject, { above: parent(true, isRemote) }), true)
        assert.equal(decides(subject, { above: parent(false, isRemote) }), false)
      }
    }
    assert.deepEqual([decides(subject), decides(subject), decides(subject)], [true, true, false])
  })

  it('takes 10 and 10/s, and is 100 when nothing is said', () => {
    for (const [argument, rate] of [
      ['10', 10],
      ['10/s', 10],
      ['0.5', 0.5],
      [' 2 / s ', 2],
      [undefined, 100],
    ] as const) {
      const log = listeningLog()
      assert.ok(String(sampler('ratelimit', argument, { log })).includes(`{root=RateLimit{${rate}/s}, `))
      assert.deepEqual(log.said, [])
    }
  })

  it('says what is wrong in its argument', () => {
    for (const wrong of ['x', '-1', '10/m', '1e400', '10 per second']) {
      const log = listeningLog()
      assert.ok(String(sampler('ratelimit', wrong, { log })).includes('{root=RateLimit{100/s}, '))
      assert.deepEqual(log.said, [
        `OTEL_TRACES_SAMPLER_ARG="${wrong}": expected a number of traces per second; 100 is used.`,
      ])
    }
  })
})
