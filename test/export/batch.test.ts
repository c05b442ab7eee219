/** The queue of an exporter: when batches leave, and that every span is counted. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Encoding, Reply } from '../../src/export/contract'
import { Pipe } from '../../src/export/pipe'
import { Portion } from '../../src/export/portion'
import { activeContext, ROOT, runInContext } from '../../src/trace/context'
import { AWAY, BAD, dots, makeBatch as make, OK } from './queue'
import { assertBalanced, FakeTransport, lostOf, pushAll, spans, until } from './rig'

describe('a batch', () => {
  it('leaves at once when it is full, and not before', async () => {
    const { exporter, sizes } = make(async () => OK)
    pushAll(exporter, spans(511))
    await sleep(30)
    assert.deepEqual(sizes(), [])
    pushAll(exporter, spans(1))
    await until('sent', () => exporter.counts.sent === 512, 1000)
    assert.deepEqual(sizes(), [512])
    assert.equal(exporter.pending, 0)
  })

  it('leaves when the delay since its first span is over: later spans do not put it off', async () => {
    const { exporter, sizes } = make(async () => OK, { delayMs: 150 })
    const start = performance.now()
    const trickle = setInterval(() => exporter.push(spans(1)[0]!), 20)
    exporter.push(spans(1)[0]!)
    await until('sent', () => sizes().length === 1, 2000)
    clearInterval(trickle)
    const elapsed = performance.now() - start
    assert.ok(elapsed >= 149 && elapsed < 1000, `${elapsed}`)
    assert.ok(sizes()[0]! > 1)
  })

  it('many full batches leave together, but no more than four are in flight', async () => {
    let release: () => void = () => {}
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    const { exporter, transport } = make(
      async () => {
        await gate
        return OK
      },
      { maxBatchSpans: 10, maxQueueSpans: 1000 },
    )
    pushAll(exporter, spans(200))
    await until('four in flight', () => transport.inFlight === 4)
    await sleep(20)
    assert.equal(transport.inFlight, 4)
    assert.equal(exporter.pending, 200)
    release()
    await until('all sent', () => exporter.counts.sent === 200)
    assert.equal(transport.mostInFlight, 4)
    assert.equal(exporter.pending, 0)
  })

  it('with room for one span is sent for each', async () => {
    const { exporter, sizes } = make(async () => OK, { maxBatchSpans: 1, maxQueueSpans: 5 })
    pushAll(exporter, spans(3))
    await until('sent', () => exporter.counts.sent === 3)
    assert.deepEqual(sizes(), [1, 1, 1])
  })

  it('with a delay of 0 is sent in the next turn', async () => {
    const { exporter } = make(async () => OK, { delayMs: 0 })
    pushAll(exporter, spans(3))
    await until('sent', () => exporter.counts.sent === 3, 1000)
  })

  it('waits for the resource to be known', async () => {
    let known: () => void = () => {}
    const transport = new FakeTransport(async () => OK)
    const resource = { attributes: [], ready: () => new Promise<void>(resolve => (known = resolve)) }
    const pipe = new Pipe(dots, transport, resource, 1000)
    const sending = pipe.send(Portion.of(spans(1), dots))
    await sleep(10)
    assert.equal(transport.messages.length, 0)
    known()
    await sending
    assert.equal(transport.messages.length, 1)
  })

  it('is encoded and sent outside of every context of the program', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const { exporter } = make(
      async () => {
        seen.push(storage.getStore(), activeContext() === ROOT)
        return OK
      },
      { delayMs: 10, maxBatchSpans: 2 },
    )
    const request = async () => {
      pushAll(exporter, spans(1))
      await until('sent after the delay', () => exporter.counts.sent === 1)
      pushAll(exporter, spans(2))
      await until('sent when full', () => exporter.counts.sent === 3)
      pushAll(exporter, spans(1))
      await exporter.flush()
      assert.equal(storage.getStore(), 'a request')
    }
    await storage.run('a request', () => runInContext<Promise<void>>(ROOT.withSpan(undefined), request, undefined, []))
    assert.deepEqual(seen, [undefined, true, undefined, true, undefined, true])
  })
})

describe('a full queue', () => {
  it('drops the newest, counts them, and says so once, and once that there is room again', async () => {
    const gates: (() => void)[] = []
    const { exporter, said, transport } = make(
      () => new Promise<Reply>(resolve => void gates.push(() => resolve(OK))),
      { maxQueueSpans: 100, maxBatchSpans: 25 },
    )
    pushAll(exporter, spans(150))
    assert.equal(exporter.pending, 100)
    await until('in flight', () => transport.inFlight === 4)
    pushAll(exporter, spans(300))
    assert.equal(exporter.counts.lost.get('queue full'), 50 + 200)
    assertBalanced(exporter)
    assert.equal(said.length, 1)
    assert.match(said[0]!, /^test: fake is slower than spans end: .*OTEL_BSP_MAX_QUEUE_SIZE=100/)
    for (let sent = 0; exporter.pending > 0; sent++) {
      await until('in flight', () => gates.length > 0)
      gates.shift()!()
      await sleep(1)
    }
    assert.deepEqual(said.slice(1), ['test: the queue has room again; 250 spans lost meanwhile'])
    assertBalanced(exporter)
  })
})

describe('flush', () => {
  it('sends what is queued and waits for what is in flight', async () => {
    const { exporter } = make(
      async () => {
        await sleep(30)
        return OK
      },
      { maxBatchSpans: 10, maxQueueSpans: 1000 },
    )
    pushAll(exporter, spans(95))
    await exporter.flush()
    assert.equal(exporter.counts.sent, 95)
  })

  it('does not wait for spans that end meanwhile', async () => {
    const { exporter } = make(
      async () => {
        await sleep(5)
        return OK
      },
      { maxBatchSpans: 1 },
    )
    pushAll(exporter, spans(3))
    const more = setInterval(() => pushAll(exporter, spans(1)), 1)
    await exporter.flush()
    clearInterval(more)
    assert.ok(exporter.counts.sent >= 3)
  })

  it('of nothing resolves', async () => {
    const { exporter, transport } = make(async () => OK)
    await exporter.flush()
    assert.equal(transport.messages.length, 0)
  })

  it('to a backend that is away ends after one try', async () => {
    const { exporter, transport } = make(async () => AWAY, { maxBatchSpans: 1 })
    exporter.push(spans(1)[0]!)
    await exporter.flush()
    pushAll(exporter, spans(9))
    await exporter.flush()
    assert.ok(transport.messages.length < 6, `${transport.messages.length}`)
    assert.equal(exporter.pending, 10)
  })
})

describe('stop', () => {
  it('sends what is left, closes, and counts what ends afterwards', async () => {
    const { exporter, transport } = make(async () => OK)
    pushAll(exporter, spans(7))
    await exporter.stop()
    assert.equal(exporter.counts.sent, 7)
    assert.equal(transport.closed, true)
    pushAll(exporter, spans(2))
    assert.deepEqual([...exporter.counts.lost], [['ended after the agent stopped', 2]])
    assertBalanced(exporter)
    assert.equal(exporter.pending, 0)
  })

  it('loses what a backend that is away did not take, with its reason', async () => {
    const { exporter, said } = make(async () => AWAY)
    pushAll(exporter, spans(7))
    await exporter.stop(1000)
    assert.deepEqual([...exporter.counts.lost], [['connect ECONNREFUSED', 7]])
    assert.equal(exporter.pending, 0)
    assert.match(said.at(-1)!, /7 spans lost/)
  })

  it('ends within its time when no answer comes', async () => {
    let end: (reply: Reply) => void = () => {}
    const { exporter, transport } = make(() => new Promise<Reply>(resolve => (end = resolve)))
    transport.close = async () => end({ ok: false, reason: 'was not answered before the end', retry: false })
    pushAll(exporter, spans(7))
    const start = performance.now()
    await exporter.stop(100)
    assert.ok(performance.now() - start < 1000)
    assert.deepEqual([...exporter.counts.lost], [['was not answered before the end', 7]])
    assertBalanced(exporter)
  })
})

describe('what is taken at the end', () => {
  it('is everything that is unanswered, in flight or queued, and is settled by whoever sends it', async () => {
    let answer: (reply: Reply) => void = () => {}
    const { exporter, said } = make(() => new Promise<Reply>(resolve => (answer = resolve)), {
      maxBatchSpans: 10,
      delayMs: 5,
    })
    pushAll(exporter, spans(10))
    await until('in flight', () => exporter.pending === 10)
    await sleep(20)
    pushAll(exporter, spans(15))
    const unsent = exporter.takeUnsent()
    assert.equal(
      unsent.reduce((sum, message) => sum + message.spans, 0),
      25,
    )
    assert.ok(unsent.every(({ body, spans: count }) => body.length === count))
    assert.equal(exporter.pending, 25)
    // The answer to what was taken back is nobody's any more.
    answer(OK)
    await sleep(10)
    assert.equal(exporter.counts.sent, 0)
    exporter.settle(unsent[0]!, OK)
    exporter.settle(unsent[0]!, OK)
    for (const message of unsent.slice(1)) exporter.settle(message, AWAY)
    assert.equal(said.length, 1)
    assert.match(said[0]!, new RegExp(`; ${25 - unsent[0]!.spans} spans lost; `))
    assert.equal(exporter.counts.sent, unsent[0]!.spans)
    assert.equal(exporter.counts.lost.get('connect ECONNREFUSED'), 25 - unsent[0]!.spans)
    assert.equal(exporter.pending, 0)
    assertBalanced(exporter)
    assert.deepEqual(exporter.takeUnsent(), [])
  })

  it('of an encoding with a fault is lost and said', () => {
    const broken: Encoding = {
      ...dots,
      // biome-ignore lint/correctness/useYield: it fails before
      *encode(): Generator<void, Uint8Array> {
        throw new TypeError('no')
      },
    }
    const { exporter, said } = make(async () => OK, {}, broken)
    pushAll(exporter, spans(3))
    assert.deepEqual(exporter.takeUnsent(), [])
    assert.equal(lostOf(exporter), 3)
    assert.match(said[0]!, /could not be encoded \(no\)/)
  })
})

describe('an exporter', () => {
  it('tells when nothing waits any more', async () => {
    const { exporter } = make(async () => OK)
    let idle = 0
    exporter.onIdle = () => idle++
    pushAll(exporter, spans(3))
    assert.equal(idle, 0)
    await exporter.flush()
    assert.equal(idle, 1)
  })

  it('leaves no span behind: whatever the backend said, in the end all is sent without a flush', async () => {
    const replies = fc.array(fc.constantFrom<Reply>(OK, AWAY, { ...AWAY, afterMs: 3 }), { maxLength: 8 })
    const bursts = fc.array(fc.tuple(fc.integer({ min: 1, max: 45 }), fc.nat(3)), { minLength: 1, maxLength: 10 })
    const sizes = fc.constantFrom(1, 7, 20)
    await fc.assert(
      fc.asyncProperty(bursts, replies, sizes, async (pushes, answers, maxBatchSpans) => {
        const options = { maxQueueSpans: 1000, maxBatchSpans, delayMs: 2 }
        const { exporter } = make(async (_, call) => {
          if (call % 3 === 0) await sleep(1)
          return answers[call - 1] ?? OK
        }, options)
        for (const [count, waitMs] of pushes) {
          pushAll(exporter, spans(count))
          if (waitMs > 0) await sleep(waitMs)
        }
        await until('all sent', () => exporter.pending === 0, 2000)
        assert.equal(exporter.counts.sent, exporter.counts.finished)
      }),
      { numRuns: 100 },
    )
  })

  it('counts every span once, whatever happens', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1, max: 60 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const), count: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), count: fc.constant(0) }) },
    )
    const replies = fc.array(fc.constantFrom<Reply>(OK, OK, BAD, AWAY, { ...BAD, about: 'size' }), {
      minLength: 1,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        replies,
        fc.constantFrom('stop', 'take'),
        async (steps, answers, end) => {
          let call = 0
          const options = { maxQueueSpans: 100, maxBatchSpans: 20, delayMs: 1 }
          const { exporter } = make(async () => {
            const reply = answers[call++ % answers.length]!
            if (call % 2) await sleep(1)
            return reply
          }, options)
          let pushed = 0
          for (const { do: what, count } of steps) {
            if (what === 'push') {
              pushAll(exporter, spans(count))
              pushed += count
            } else if (what === 'turn') for (let i = 0; i < count; i++) await sleep(0)
            else void exporter.flush()
            assertBalanced(exporter)
            assert.ok(exporter.pending <= 100 + 4 * 20)
          }
          if (end === 'stop') await exporter.stop(500)
          else for (const unsent of exporter.takeUnsent()) exporter.settle(unsent, OK)
          assert.equal(exporter.counts.finished, pushed)
          assert.equal(exporter.pending, 0)
          assertBalanced(exporter)
        },
      ),
      { numRuns: 150 },
    )
  })
})
