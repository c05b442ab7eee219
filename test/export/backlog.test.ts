/** Spans that are written into messages while they wait: nothing lost, nothing twice, nothing kept. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import fc from 'fast-check'
import { Backlog } from '../../src/export/backlog'
import type { Encoding, Reply } from '../../src/export/contract'
import { otlpProtobuf } from '../../src/export/encodings/otlp-protobuf'
import { encodeWhole } from '../../src/export/pipe'
import type { Portion } from '../../src/export/portion'
import type { SpanData } from '../../src/trace/data'
import { decodeProtobuf } from '../kit/otlp'
import { AWAY, BAD, makeBatch, OK } from './queue'
import { spans, until } from './rig'
import { anySpan, RESOURCE } from './spans'

const ids = (batch: readonly { spanId: string }[]) => batch.map(({ spanId }) => spanId).sort()

function bodyOf(portion: Portion, encoding: Encoding = otlpProtobuf): Buffer {
  const steps = portion.encode(encoding, RESOURCE)
  for (;;) {
    const step = steps.next()
    if (step.done) return Buffer.from(step.value)
  }
}

function takeAll(backlog: Backlog, maxSpans: number): Portion[] {
  const portions: Portion[] = []
  while (backlog.count > 0) portions.push(backlog.take(maxSpans))
  return portions
}

describe('a backlog', () => {
  it('gives each span once, in batches that are as full as may be, whenever it was written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anySpan, fc.constant('write' as const)), { maxLength: 80 }),
        fc.integer({ min: 1, max: 40 }),
        (steps, maxSpans) => {
          const backlog = new Backlog(otlpProtobuf, maxSpans)
          const pushed: SpanData[] = []
          for (const step of steps) {
            if (step === 'write') backlog.write()
            else {
              backlog.push(step)
              pushed.push(step)
            }
          }
          assert.equal(backlog.count, pushed.length)
          const portions = takeAll(backlog, maxSpans)
          assert.deepEqual(
            portions.slice(0, -1).map(({ count }) => count),
            portions.slice(0, -1).map(() => maxSpans),
          )
          const received = portions.map(portion => decodeProtobuf(bodyOf(portion)))
          assert.deepEqual(
            received.map(({ length }) => length),
            portions.map(({ count }) => count),
          )
          assert.deepEqual(ids(received.flat()), ids(pushed))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('says what a batch says that was encoded as a whole', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { minLength: 1, maxLength: 60 }), batch => {
        const backlog = new Backlog(otlpProtobuf, 100)
        for (const span of batch) {
          backlog.push(span)
          if (span.startMicros % 3 < 1) backlog.write()
        }
        const whole = bodyOf(backlog.take(100))
        const expected = decodeProtobuf(Buffer.from(encodeWhole(otlpProtobuf, batch, RESOURCE)))
        const byId = (list: typeof expected) => [...list].sort((a, b) => (a.spanId < b.spanId ? -1 : 1))
        assert.deepEqual(byId(decodeProtobuf(whole)), byId(expected))
      }),
      { numRuns: 60 },
    )
  })

  it('puts back as much as there is room for, and says how much there was not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        fc.boolean(),
        (count, room, encoded) => {
          const backlog = new Backlog(otlpProtobuf, 100)
          const batch = spans(count)
          for (const span of batch) backlog.push(span)
          const portion = backlog.take(100)
          if (encoded) bodyOf(portion)
          const lost = backlog.putBack(portion, room)
          assert.equal(backlog.count + lost, count)
          assert.ok(backlog.count <= room)
          if (encoded) assert.equal(backlog.count, Math.min(room, count))
          const received = takeAll(backlog, 100).flatMap(part => decodeProtobuf(bodyOf(part)))
          assert.deepEqual(ids(received), ids(encoded ? batch.slice(0, received.length) : lost === 0 ? batch : []))
        },
      ),
    )
  })

  it('loses only some spans when one cannot be encoded, and sends the others', async () => {
    const hostile = {
      ...spans(1)[0]!,
      get attributes(): never {
        throw new Error('no attributes')
      },
    } as SpanData
    const { exporter, transport } = makeBatch(async () => OK, { delayMs: 50 }, otlpProtobuf)
    for (const span of [...spans(40), hostile, ...spans(59)]) exporter.push(span)
    await until('all are settled', () => exporter.pending === 0)
    const received = transport.messages.flatMap(message => decodeProtobuf(message))
    assert.equal(exporter.counts.sent, received.length)
    assert.ok(received.length >= 100 - 16, String(received.length))
    assert.deepEqual(
      [...exporter.counts.lost].map(([reason, count]) => [reason.includes('could not be encoded'), count]),
      [[true, 100 - received.length]],
    )
  })
})

describe('a queue of messages', () => {
  it('keeps them while the backend is away, and sends each span once when it is back', async () => {
    let reply: Reply = AWAY
    const { exporter, transport } = makeBatch(
      async () => reply,
      { delayMs: 20, maxBatchSpans: 50, maxQueueSpans: 400 },
      otlpProtobuf,
    )
    const batch = spans(333)
    for (const span of batch) {
      exporter.push(span)
      if (span === batch[100] || span === batch[222]) await sleep(60)
    }
    await sleep(60)
    assert.equal(exporter.counts.sent, 0)
    assert.equal(exporter.pending, 333)
    transport.messages.length = 0
    reply = OK
    await until('all are sent', () => exporter.counts.sent === 333)
    assert.deepEqual(ids(transport.messages.flatMap(message => decodeProtobuf(message))), ids(batch))
  })

  it('counts what finds no room: sent, lost and waiting make up all that ended', async () => {
    const { exporter } = makeBatch(
      async () => AWAY,
      { delayMs: 10, maxBatchSpans: 50, maxQueueSpans: 120 },
      otlpProtobuf,
    )
    for (let i = 0; i < 10; i++) {
      for (const span of spans(37)) exporter.push(span)
      await sleep(7)
    }
    const lost = [...exporter.counts.lost.values()].reduce((sum, count) => sum + count, 0)
    assert.equal(exporter.pending + lost, 370)
    assert.ok(exporter.pending <= 120 + 50, String(exporter.pending))
  })

  it('takes a message apart that the other side calls too large', async () => {
    const { exporter, transport } = makeBatch(
      async body => (body.length > 70_000 ? { ...BAD, about: 'size' } : OK),
      { delayMs: 10 },
      otlpProtobuf,
    )
    const batch = spans(512, { name: 'x'.repeat(300) })
    for (const span of batch) exporter.push(span)
    await until('all are sent', () => exporter.counts.sent === 512)
    const taken = transport.messages.filter(({ length }) => length <= 70_000)
    assert.deepEqual(ids(taken.flatMap(message => decodeProtobuf(message))), ids(batch))
  })

  it('does not keep the spans', async () => {
    const { exporter } = makeBatch(async () => AWAY, { delayMs: 60_000, maxBatchSpans: 64 }, otlpProtobuf)
    const kept: WeakRef<SpanData>[] = []
    for (const span of spans(64)) {
      kept.push(new WeakRef(span))
      exporter.push(span)
    }
    await sleep(50)
    v8.setFlagsFromString('--expose-gc')
    const collect = vm.runInNewContext('gc') as () => void
    collect()
    await sleep(10)
    collect()
    const alive = kept.filter(ref => ref.deref() !== undefined).length
    assert.ok(alive <= 2, `${alive} of 64 are alive`)
    assert.equal(exporter.pending, 64)
  })
})
