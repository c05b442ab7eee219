/** A backend that refuses, or is away: what is lost, what waits, and what the user is told. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Encoding } from '../../src/export/contract'
import { AWAY, BAD, dots, makeBatch as make, OK } from './queue'
import { assertBalanced, lostOf, pushAll, spans, until } from './rig'

describe('a backend that refuses', () => {
  it('costs the batch, and the reason is said once with the variable that mends it', async () => {
    const { exporter, said } = make(async () => ({ ...BAD, words: `request ${Math.random()}` }), { maxBatchSpans: 10 })
    pushAll(exporter, spans(30))
    await until('lost', () => lostOf(exporter) === 30)
    assert.deepEqual([...exporter.counts.lost], [['answered 400 Bad Request', 30]])
    assert.equal(said.length, 1)
    assert.match(
      said[0]!,
      /^test: fake answered 400 Bad Request: request 0\.\d+; 10 spans lost; ENDPOINT selects the address$/,
    )
  })

  it('for several reasons is told each, without regard to numbers in it', async () => {
    const words = ['tenant 17 is closed', 'span 0af7651916cd43dd is too old', 'tenant 4711 is closed', 'no']
    const { exporter, said } = make(async (_, call) => ({ ...BAD, words: words[call % 4] }), { maxBatchSpans: 1 })
    pushAll(exporter, spans(40))
    await until('lost', () => lostOf(exporter) === 40)
    assert.equal(said.length, 3, said.join('\n'))
  })

  it('with an endless number of reasons is told some', async () => {
    const { exporter, said } = make(async (_, call) => ({ ...BAD, words: String.fromCodePoint(0x4e00 + call) }), {
      maxBatchSpans: 1,
    })
    pushAll(exporter, spans(200))
    await until('lost', () => lostOf(exporter) === 200)
    assert.equal(said.length, 21)
  })

  it('the credentials is told the variable that holds them', async () => {
    const { exporter, said } = make(async () => ({ ...BAD, about: 'credentials' }))
    pushAll(exporter, spans(1))
    await exporter.flush()
    assert.match(said[0]!, /1 span lost; HEADERS holds the credentials$/)
  })

  it('some spans counts those alone', async () => {
    const encoding: Encoding = { ...dots, readReply: () => ({ rejectedSpans: 3, message: 'too old' }) }
    const { exporter, said } = make(async () => ({ ok: true, body: Buffer.from('x') }), {}, encoding)
    for (let i = 0; i < 5; i++) {
      pushAll(exporter, spans(10))
      await exporter.flush()
    }
    assert.equal(exporter.counts.sent, 35)
    assert.deepEqual([...exporter.counts.lost], [['rejected by the backend', 15]])
    assert.deepEqual(said, ['test: fake rejected by the backend: too old; 3 spans lost; ENDPOINT selects the address'])
  })

  it('with ever new reasons does not fill the memory', async () => {
    let i = 0
    const { exporter } = make(async () => ({ ...BAD, reason: `answered ${i++}` }), { maxBatchSpans: 1 })
    pushAll(exporter, spans(300))
    await until('lost', () => lostOf(exporter) === 300)
    assert.ok(exporter.counts.lost.size <= 101)
  })
})

describe('a backend that is away', () => {
  it('is waited for: nothing is lost while there is room, one batch at a time looks whether it is back', async () => {
    let away = true
    const { exporter, said, transport } = make(async () => (away ? { ...AWAY, afterMs: 5000 } : OK), {
      delayMs: 30,
      maxBatchSpans: 10,
    })
    pushAll(exporter, spans(10))
    await until('tried', () => transport.messages.length === 1)
    pushAll(exporter, spans(90))
    await sleep(100)
    assert.equal(transport.messages.length, 1, 'the backend asked for five seconds')
    assert.equal(exporter.pending, 100)
    assert.deepEqual(said, [
      'test: fake connect ECONNREFUSED; up to 2048 spans wait for it; ENDPOINT selects the address',
    ])
    away = false
    await exporter.flush()
    assert.equal(exporter.counts.sent, 100)
    assert.equal(said[1], 'test: fake answers again; nothing was lost')
  })

  it('is asked again after the delay', async () => {
    const { exporter, transport } = make(async (_, call) => (call < 3 ? { ...AWAY, afterMs: 2000 } : OK), {
      delayMs: 20,
    })
    // The retries within an export are a matter of the transport: this one has none.
    pushAll(exporter, spans(5))
    const start = performance.now()
    await until('tried', () => transport.messages.length === 1)
    assert.ok(performance.now() - start < 1000)
    assert.equal(exporter.pending, 5)
    await exporter.flush()
    await exporter.flush()
    assert.equal(exporter.counts.sent, 5)
  })

  it('costs spans only when the queue is full, and says how many when it is back', async () => {
    let away = true
    const { exporter, said } = make(async () => (away ? AWAY : OK), {
      delayMs: 10,
      maxBatchSpans: 10,
      maxQueueSpans: 20,
    })
    pushAll(exporter, spans(10))
    await until('away', () => said.length === 1)
    pushAll(exporter, spans(30))
    assertBalanced(exporter)
    assert.ok(lostOf(exporter) >= 20)
    away = false
    await until('back', () => said.length === 2)
    assert.match(said[1]!, /answers again; \d\d spans lost meanwhile/)
    await until('sent', () => exporter.pending === 0)
    assertBalanced(exporter)
  })

  it('and comes and goes says little', async () => {
    const { exporter, said } = make(async (_, call) => (call % 2 ? AWAY : OK), { delayMs: 1 })
    for (let i = 0; i < 20; i++) {
      pushAll(exporter, spans(1))
      await sleep(3)
    }
    await exporter.flush()
    assert.ok(said.length <= 2, said.join('\n'))
  })
})
