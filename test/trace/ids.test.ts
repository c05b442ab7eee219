import assert from 'node:assert/strict'
import { newSpanId, newTraceId, newXRayTraceId } from '../../src/trace/ids'

describe('ids', () => {
  it('are lower-case hex of the right length and do not repeat', () => {
    const seen = new Set<string>()
    for (let i = 0; i < 20_000; i++) {
      const [trace, span] = [newTraceId(), newSpanId()]
      assert.match(trace, /^[0-9a-f]{32}$/)
      assert.match(span, /^[0-9a-f]{16}$/)
      seen.add(trace).add(span)
    }
    assert.equal(seen.size, 40_000)
  })

  it('spread evenly: no bit stands still', () => {
    const rounds = 4000
    const ones = new Array(64).fill(0)
    for (let i = 0; i < rounds; i++) {
      const bits = BigInt(`0x${newSpanId()}`)
      for (let bit = 0; bit < 64; bit++) if ((bits >> BigInt(bit)) & 1n) ones[bit]++
    }
    // Six standard deviations of a fair coin: one run in ten million fails by chance.
    const bound = 6 * Math.sqrt(rounds / 4)
    for (const count of ones) assert.ok(Math.abs(count - rounds / 2) < bound, `${count} of ${rounds}`)
  })

  it('for X-Ray begin with the time in seconds', () => {
    const before = Math.floor(Date.now() / 1000)
    const id = newXRayTraceId()
    const seconds = Number.parseInt(id.slice(0, 8), 16)
    assert.match(id, /^[0-9a-f]{32}$/)
    assert.ok(seconds >= before && seconds <= before + 1)
    assert.notEqual(newXRayTraceId().slice(8), id.slice(8))
  })
})
