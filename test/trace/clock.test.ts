import assert from 'node:assert/strict'
import { currentAnchor, followWallClock, monotonicMicros } from '../../src/trace/clock'

const now = () => currentAnchor() + monotonicMicros()

describe('the clock', () => {
  afterEach(() => followWallClock())

  it('tells the wall time in microseconds, finer than milliseconds, and never runs backwards', () => {
    followWallClock()
    assert.ok(Math.abs(now() / 1000 - Date.now()) < 300)
    let last = now()
    let fine = false
    for (let i = 0; i < 1000; i++) {
      const next = now()
      assert.ok(next >= last)
      if (next % 1000 !== 0) fine = true
      last = next
    }
    assert.ok(fine)
  })

  it('follows a wall clock that was set, forwards and backwards', () => {
    for (const shiftMs of [3_600_000, -3_600_000]) {
      followWallClock(Date.now() + shiftMs)
      assert.ok(Math.abs(now() / 1000 - Date.now() - shiftMs) < 300)
    }
  })

  it('does not follow small steps, so that neighbouring traces stay comparable', () => {
    const anchor = currentAnchor()
    followWallClock(Math.round((anchor + monotonicMicros()) / 1000) + 100)
    assert.equal(currentAnchor(), anchor)
  })
})
