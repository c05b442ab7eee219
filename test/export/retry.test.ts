import assert from 'node:assert/strict'
import type { Reply } from '../../src/export/contract'
import { retrying } from '../../src/export/retry'
import { FakeTransport } from './rig'

const OK: Reply = { ok: true }
const BUSY: Reply = { ok: false, reason: 'answered 503', retry: true }
const body = Buffer.from('x')

describe('retries', () => {
  it('go on until the answer is another', async () => {
    const fake = new FakeTransport(async (_, call) => (call < 3 ? { ...BUSY, afterMs: 5 } : OK))
    assert.deepEqual(await retrying(fake).send(body, 'text/plain', 5000), OK)
    assert.equal(fake.messages.length, 3)
  })

  it('do not happen after an answer that is final', async () => {
    const bad: Reply = { ok: false, reason: 'answered 400', retry: false }
    const fake = new FakeTransport(async () => bad)
    assert.equal(await retrying(fake).send(body, 'text/plain', 5000), bad)
    assert.equal(fake.messages.length, 1)
  })

  it('come no sooner than the backend asked', async () => {
    const times: number[] = []
    const fake = new FakeTransport(async (_, call) => {
      times.push(performance.now())
      return call < 2 ? { ...BUSY, afterMs: 300 } : OK
    })
    await retrying(fake).send(body, 'text/plain', 5000)
    // A timer of Node may fire a part of a millisecond early.
    assert.ok(times[1]! - times[0]! >= 299, `${times[1]! - times[0]!}`)
  })

  it('are not tried when the backend asks for more time than there is', async () => {
    const fake = new FakeTransport(async () => ({ ...BUSY, afterMs: 60_000 }))
    const reply = await retrying(fake).send(body, 'text/plain', 5000)
    assert.equal(reply.ok, false)
    assert.equal(fake.messages.length, 1)
  })

  it('back off, each by chance, and end with the time', async () => {
    const waits: number[][] = []
    await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const times: number[] = []
        const fake = new FakeTransport(async () => {
          times.push(performance.now())
          return BUSY
        })
        const start = performance.now()
        assert.equal(await retrying(fake).send(body, 'text/plain', 4000), BUSY)
        assert.ok(performance.now() - start < 4000)
        waits.push(times.slice(1).map((time, i) => time - times[i]!))
      }),
    )
    for (const [first, second] of waits) {
      assert.ok(first! >= 249 && first! < 800, `first wait ${first}`)
      assert.ok(second! >= 499 && second! < 1600, `second wait ${second}`)
    }
    assert.equal(new Set(waits.map(([first]) => Math.round(first! / 5))).size > 1, true, `${waits}`)
  })

  it('are not done without a pause, though the backend says "now" each time', async () => {
    const fake = new FakeTransport(async () => ({ ...BUSY, afterMs: 0 }))
    await retrying(fake).send(body, 'text/plain', 1000)
    assert.ok(fake.messages.length < 7, `${fake.messages.length}`)
  })

  it('tell at once that an address cannot be reached', async () => {
    const told: number[] = []
    const start = performance.now()
    const fake = new FakeTransport(async (_, call) => (call < 3 ? { ...BUSY, about: 'address' } : OK))
    await retrying(fake, () => told.push(performance.now() - start)).send(body, 'text/plain', 5000)
    assert.equal(told.length, 2)
    assert.ok(told[0]! < 100)
  })

  it('survive a transport with a fault', async () => {
    const fake = new FakeTransport(async () => {
      throw new TypeError('not a socket')
    })
    const reply = await retrying(fake).send(body, 'text/plain', 5000)
    assert.deepEqual(reply, { ok: false, reason: 'was not asked (not a socket)', retry: false })
  })

  it('tell the transport how much of the time is left', async () => {
    const left: number[] = []
    const fake = new FakeTransport(async (_, call) => (call < 2 ? { ...BUSY, afterMs: 200 } : OK))
    const send = fake.send.bind(fake)
    fake.send = ((bytes: Uint8Array, _type: string, timeoutMs: number) => {
      left.push(timeoutMs)
      return send(bytes)
    }) as typeof fake.send
    await retrying(fake).send(body, 'text/plain', 1000)
    assert.ok(left[0]! > 990 && left[1]! < 801, `${left}`)
  })

  it('without a limit of time go on', async () => {
    const fake = new FakeTransport(async (_, call) => (call < 3 ? { ...BUSY, afterMs: 1 } : OK))
    assert.equal((await retrying(fake).send(body, 'text/plain')).ok, true)
  })

  it('end at once when the transport is closed', async () => {
    const fake = new FakeTransport(async () => ({ ...BUSY, afterMs: 4000 }))
    const subject = retrying(fake)
    const start = performance.now()
    const sending = subject.send(body, 'text/plain', 60_000)
    await new Promise(resolve => setTimeout(resolve, 20))
    await subject.close()
    assert.equal((await sending).ok, false)
    assert.ok(performance.now() - start < 1000)
    assert.equal(fake.closed, true)
  })
})
