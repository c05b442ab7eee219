import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Encoding, Reply } from '../../src/export/contract'
import { otlpProtobuf } from '../../src/export/encodings/otlp-protobuf'
import { Pipe } from '../../src/export/pipe'
import { Portion } from '../../src/export/portion'
import type { SpanData } from '../../src/trace/data'
import { decodeProtobuf, encodeReply } from '../kit/otlp'
import { FakeTransport, spans } from './rig'
import { anySpan, RESOURCE } from './spans'

const OK: Reply = { ok: true }

/** One line for each span: its name. */
const names: Encoding = {
  mediaType: 'text/plain',
  maxSpans: Infinity,
  *encode(batch) {
    let text = ''
    for (const { name } of batch) {
      text += `${name}\n`
      yield
    }
    return Buffer.from(text)
  },
}

function pipe(encoding: Encoding, transport: FakeTransport): Pipe {
  return new Pipe(encoding, transport, RESOURCE, 1000)
}

/** Sends spans with a pipe of its own. */
function send(encoding: Encoding, transport: FakeTransport, batch: readonly SpanData[]): ReturnType<Pipe['send']> {
  return pipe(encoding, transport).send(Portion.of(batch, encoding))
}

function namesIn(messages: readonly Buffer[]): string[] {
  return messages.flatMap(message => message.toString().split('\n').slice(0, -1))
}

describe('a pipe', () => {
  it('refuses an encoding that the transport does not carry, and names both', () => {
    const transport = new FakeTransport(async () => OK)
    transport.accepts = ['application/x-protobuf', 'application/json']
    transport.target = 'http://backend'
    assert.throws(
      () => pipe(names, transport),
      /^Error: http:\/\/backend takes application\/x-protobuf or application\/json .* text\/plain/,
    )
    transport.accepts = ['text/plain']
    pipe(names, transport)
  })

  it('asks a backend that is away once, and not again for each further message of the batch', async () => {
    const transport = new FakeTransport(async () => ({ ok: false, reason: 'is away', retry: true }))
    const batch = spans(100)
    const outcomes = await send({ ...names, maxSpans: 1 }, transport, batch)
    assert.equal(transport.messages.length, 1)
    assert.deepEqual(
      outcomes.flatMap(outcome => outcome.portion.kept),
      batch,
    )
    assert.ok(outcomes.every(({ sent, reason, later }) => sent === 0 && reason === 'is away' && later))
  })

  it('sends a batch that fits as one message', async () => {
    const transport = new FakeTransport(async () => OK)
    const batch = spans(100)
    const outcomes = await send(names, transport, batch)
    assert.equal(transport.messages.length, 1)
    assert.deepEqual(
      outcomes.map(({ portion, sent, reason }) => [portion.kept, sent, reason]),
      [[batch, 100, undefined]],
    )
  })

  it('splits what is too large for the transport: no message above its limit, no span twice, none left out', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySpan, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 600, max: 20_000 }),
        async (batch, maxBytes) => {
          const transport = new FakeTransport(async () => OK)
          transport.maxBytes = maxBytes
          const outcomes = await send(otlpProtobuf, transport, batch)
          assert.ok(transport.messages.every(message => message.length <= maxBytes))
          const received = transport.messages.flatMap(message => decodeProtobuf(message)).map(({ spanId }) => spanId)
          const lost = outcomes.reduce(
            (sum, { portion, reason }) => sum + (reason === undefined ? 0 : portion.count),
            0,
          )
          assert.equal(received.length + lost, batch.length)
          const left = batch.map(({ spanId }) => spanId)
          for (const id of received) assert.ok(left.splice(left.indexOf(id), 1)[0] === id, `${id} came twice`)
          assert.equal(
            outcomes.reduce((sum, { sent }) => sum + sent, 0),
            received.length,
          )
        },
      ),
      { numRuns: 60 },
    )
  })

  it('needs not many more messages than must be', async () => {
    const transport = new FakeTransport(async () => OK)
    transport.maxBytes = 1000
    const batch = spans(512)
    await send(names, transport, batch)
    const bytes = Buffer.concat(transport.messages).length
    assert.ok(
      transport.messages.length <= Math.ceil(bytes / 1000) * 1.5,
      `${transport.messages.length} for ${bytes} bytes`,
    )
  })

  it('drops a single span that is too large, and sends the others', async () => {
    const transport = new FakeTransport(async () => OK)
    transport.maxBytes = 100
    const [small, large, last] = [...spans(1), ...spans(1, { name: 'x'.repeat(200) }), ...spans(1)]
    const outcomes = await send(names, transport, [small!, large!, last!])
    assert.deepEqual(namesIn(transport.messages), [small!.name, last!.name])
    const [lost] = outcomes.filter(({ reason }) => reason !== undefined)
    assert.deepEqual(lost?.portion.kept, [large])
    assert.match(lost!.reason!, /100 bytes/)
    assert.equal(lost?.later, undefined)
  })

  it('never gives an encoding more spans than it takes', async () => {
    const transport = new FakeTransport(async () => OK)
    const batch = spans(25)
    await send({ ...names, maxSpans: 10 }, transport, batch)
    assert.deepEqual(
      transport.messages.map(message => namesIn([message]).length),
      [10, 10, 5],
    )
  })

  it('halves what the other side calls too large, and remembers it', async () => {
    const transport = new FakeTransport(async body =>
      body.length > 200_000 ? { ok: false, reason: 'answered 413', retry: false, about: 'size' } : OK,
    )
    const batch = spans(512, { name: 'x'.repeat(1000) })
    const subject = pipe(names, transport)
    const outcomes = await subject.send(Portion.of(batch, names))
    assert.equal(
      outcomes.reduce((sum, { sent }) => sum + sent, 0),
      512,
    )
    const refused = transport.messages.filter(({ length }) => length > 200_000).length
    assert.ok(refused > 0)
    await subject.send(Portion.of(batch, names))
    assert.equal(transport.messages.filter(({ length }) => length > 200_000).length, refused, 'the second batch knew')
  })

  it('a single span that the other side calls too large is lost with its answer as the reason', async () => {
    const transport = new FakeTransport(async () => ({
      ok: false,
      reason: 'answered 413',
      retry: false,
      about: 'size',
    }))
    const outcomes = await send(names, transport, spans(3))
    assert.deepEqual(
      outcomes.map(({ sent, reason }) => ({ sent, reason })),
      Array(3).fill({ sent: 0, reason: 'answered 413' }),
    )
  })

  it('lets the event loop turn while a slow encoding works', async () => {
    const slow: Encoding = {
      ...names,
      *encode(batch) {
        for (let i = 0; i < batch.length; i++) {
          const end = performance.now() + 0.1
          while (performance.now() < end);
          yield
        }
        return Buffer.alloc(0)
      },
    }
    let turns = 0
    let running = true
    const turn = () => {
      turns++
      if (running) setImmediate(turn)
    }
    setImmediate(turn)
    await send(slow, new FakeTransport(async () => OK), spans(512))
    running = false
    // 51 ms of work in pieces of 16 spans, which take 1.6 ms.
    assert.ok(turns > 20, `${turns} turns`)
  })

  it('encodes at once, too, within the same limits', () => {
    const transport = new FakeTransport(async () => OK)
    transport.maxBytes = 100
    const batch: SpanData[] = [...spans(30), ...spans(1, { name: 'x'.repeat(200) })]
    const messages = pipe(names, transport).encodeNow(Portion.of(batch, names))
    const bodies = messages.flatMap(({ body }) => (body === undefined ? [] : [Buffer.from(body)]))
    assert.ok(bodies.every(({ length }) => length <= 100))
    assert.deepEqual(
      namesIn(bodies),
      batch.slice(0, 30).map(({ name }) => name),
    )
    assert.deepEqual(
      messages.filter(({ reason }) => reason).map(message => message.portion.count),
      [1],
    )
  })
})

describe('the judgement of a reply', () => {
  const batch = spans(10)
  const judge = (reply: Reply) =>
    pipe(otlpProtobuf, new FakeTransport(async () => OK)).judge(Portion.of(batch, otlpProtobuf), reply)
  const type = 'application/x-protobuf'

  it('an empty body is full success', () => {
    assert.equal(judge({ ok: true, body: Buffer.alloc(0), mediaType: 'text/html' }).sent, 10)
    assert.equal(judge({ ok: true }).sent, 10)
  })

  it('a partial success counts what was rejected and says why', () => {
    const body = encodeReply({ rejectedSpans: 3, errorMessage: 'too old' }, false)
    const outcome = judge({ ok: true, body, mediaType: type })
    assert.deepEqual(
      [outcome.sent, outcome.reason, outcome.words, outcome.later],
      [7, 'rejected by the backend', 'too old', undefined],
    )
  })

  it('more rejected spans than were sent are all of them', () => {
    const body = encodeReply({ rejectedSpans: 99, errorMessage: '' }, false)
    assert.equal(judge({ ok: true, body, mediaType: type }).sent, 0)
  })

  it('a warning without a rejection is success with words', () => {
    const body = encodeReply({ rejectedSpans: 0, errorMessage: 'soon too old' }, false)
    const { sent, reason, words } = judge({ ok: true, body, mediaType: type })
    assert.deepEqual([sent, reason, words], [10, undefined, 'soon too old'])
  })

  it('a page of HTML is no success', () => {
    const outcome = judge({ ok: true, body: Buffer.from('<html>'), mediaType: 'text/html; charset=utf-8' })
    assert.equal(outcome.sent, 0)
    assert.match(outcome.reason!, /text\/html/)
  })

  it('an answer that is neither a page nor the protocol is success with a warning', () => {
    for (const [text, mediaType] of [
      ['ok', 'text/plain'],
      ['ok', undefined],
      ['[]', 'application/json'],
    ] as const) {
      const outcome = judge({ ok: true, body: Buffer.from(text), mediaType })
      assert.equal(outcome.sent, 10)
      assert.match(outcome.words!, /which is not this protocol/)
    }
  })

  it('an answer in JSON without a type is read', () => {
    const outcome = judge({ ok: true, body: Buffer.from('{"partialSuccess":{"rejectedSpans":"4"}}') })
    assert.equal(outcome.sent, 6)
    assert.equal(judge({ ok: true, body: Buffer.from('{}') }).words, '')
  })

  it('a parameter and upper case in the content type do not matter', () => {
    const body = Buffer.from('{}')
    assert.equal(judge({ ok: true, body, mediaType: 'Application/JSON; charset=utf-8' }).sent, 10)
  })

  it('plain text of an error is told, cut; a page is not', () => {
    const failed = { ok: false, reason: 'answered 500', retry: false } as const
    assert.equal(judge({ ...failed, body: Buffer.from('no disk'), mediaType: 'text/plain' }).words, 'no disk')
    assert.equal(judge({ ...failed, body: Buffer.from('<html>'), mediaType: 'text/html' }).words, '')
    assert.equal(judge({ ...failed, body: Buffer.from('y'.repeat(9999)), mediaType: 'text/plain' }).words?.length, 300)
  })

  it('what may have arrived does not wait to be sent again', () => {
    assert.equal(judge({ ok: false, reason: 'reset', retry: true, mayHaveArrived: true }).later, false)
    assert.equal(judge({ ok: false, reason: 'refused', retry: true }).later, true)
  })
})
