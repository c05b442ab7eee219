import assert from 'node:assert/strict'
import { alwaysOn } from '../../src/sampling/always'
import { ROOT } from '../../src/trace/context'
import { CLIENT, ERROR, getAttribute, INTERNAL, OK, type SpanData, toObject, UNSET } from '../../src/trace/data'
import { newSpanId, newTraceId } from '../../src/trace/ids'
import { DEFAULT_LIMITS, type Limits } from '../../src/trace/limits'
import type { Span } from '../../src/trace/span'
import { AgentTracerProvider } from '../../src/trace/tracer'

function setup(limits: Partial<Limits> = {}) {
  const ended: SpanData[] = []
  const provider = new AgentTracerProvider({
    sampler: alwaysOn,
    limits: { ...DEFAULT_LIMITS, ...limits },
    sink: { push: span => void ended.push(span) },
    newTraceId,
    newSpanId,
    rootFlags: 2,
  })
  const tracer = provider.getTracer('test', '1')
  return { ended, tracer, span: (name = 'a') => tracer.startSpan(name, {}, ROOT) as Span }
}

describe('a span', () => {
  it('ends once, and what comes after its end changes nothing', () => {
    const { ended, span } = setup()
    const one = span('before')
    assert.equal(one.isRecording(), true)
    one.end()
    const { endMicros } = one
    one.end(Date.now() + 1000)
    one.setAttribute('a', 1).setAttributes({ b: 2 }).addEvent('e').addLink({ context: one.spanContext() })
    one.setStatus({ code: ERROR }).updateName('after')
    one.recordException(new Error('late'))
    one.add('c', 3)
    one.fail('late')
    assert.equal(one.isRecording(), false)
    assert.equal(ended.length, 1)
    assert.equal(one.endMicros, endMicros)
    assert.deepEqual([one.name, one.attributes, one.events, one.links, one.status], ['before', [], [], [], { code: 0 }])
  })

  it('takes start and end as Date, milliseconds, [seconds, nanoseconds] and performance.now()', () => {
    const { tracer } = setup()
    const at = 1_700_000_000_000
    for (const [time, micros] of [
      [new Date(at), at * 1000],
      [at + 0.5, at * 1000 + 500],
      [[1_700_000_000, 1500], at * 1000 + 1.5],
    ] as const) {
      const span = tracer.startSpan('a', { startTime: time as any }, ROOT) as Span
      span.end(time as any)
      assert.equal(span.startMicros, micros)
      assert.equal(span.endMicros, micros)
    }
    const span = tracer.startSpan('a', { startTime: performance.now() }, ROOT) as Span
    assert.ok(Math.abs(span.startMicros / 1000 - Date.now()) < 1000)
  })

  it('takes a time that is none for now', () => {
    const { span, tracer } = setup()
    for (const time of [NaN, Infinity, -5e15, 1e300, new Date('no'), ['a', 1], 'soon', {}, null]) {
      const one = tracer.startSpan('a', { startTime: time as any }, ROOT) as Span
      one.end(time as any)
      assert.ok(Math.abs(one.startMicros / 1000 - Date.now()) < 1000, `start ${time}`)
      assert.ok(Math.abs(one.endMicros / 1000 - Date.now()) < 1000, `end ${time}`)
    }
    const ends = span()
    ends.addEvent('e', undefined, NaN)
    assert.ok(Math.abs(ends.events[0]!.timeMicros / 1000 - Date.now()) < 1000)
  })

  it('that ends before its start ends at its start', () => {
    const { span } = setup()
    const one = span()
    one.end(new Date(0))
    assert.equal(one.endMicros, one.startMicros)
  })

  it('of 1 January 1970 ends once as well', () => {
    const { ended, tracer } = setup()
    const span = tracer.startSpan('a', { startTime: new Date(0) }, ROOT)
    span.end(new Date(0))
    span.end(new Date(0))
    assert.equal(ended.length, 1)
    assert.equal(span.isRecording(), false)
  })

  it('keeps attributes of the allowed types, replaces a key, and refuses the rest', () => {
    const { span } = setup()
    const one = span()
    const list = ['x', null, undefined]
    one.setAttributes({ text: 't', whole: 1, flag: false, list, none: [], __proto__own: 1 })
    list.push('later')
    one.setAttribute('text', 'replaced')
    one.setAttribute('__proto__', 'key')
    for (const value of [null, undefined, {}, Symbol('s'), () => 1, 1n, ['a', 1], [{}], [['a']]]) {
      one.setAttribute('refused', value as any)
    }
    one.setAttribute('', 1)
    one.setAttribute(5 as any, 1)
    one.setAttributes(null as any)
    assert.deepEqual(one.attributes, [
      ...['text', 'replaced', 'whole', 1, 'flag', false, 'list', ['x', null, null], 'none', []],
      ...['__proto__own', 1, '__proto__', 'key'],
    ])
    assert.equal(getAttribute(one.attributes, '__proto__'), 'key')
    assert.equal(Object.getPrototypeOf(toObject(one.attributes)), null)
    assert.equal(one.droppedAttributes, 0)
  })

  it('holds as many attributes as the limit says and counts the others', () => {
    const { span, tracer } = setup({ attributeCount: 2 })
    const one = span()
    one.setAttributes({ a: 1, b: 2, c: 3 }).setAttribute('a', 4)
    one.add('d', 5)
    assert.deepEqual(one.attributes, ['a', 4, 'b', 2])
    assert.equal(one.droppedAttributes, 2)
    const two = tracer.startSpan('a', { attributes: { a: 1, b: 2, c: 3 } }, ROOT) as Span
    assert.deepEqual([two.attributes, two.droppedAttributes], [['a', 1, 'b', 2], 1])
    const three = tracer.start('a', CLIENT, ROOT, () => ['a', 1, 'b', 2, 'c', 3], undefined) as Span
    assert.deepEqual([three.attributes, three.droppedAttributes], [['a', 1, 'b', 2], 1])
  })

  it('cuts strings at the limit and never through a surrogate pair', () => {
    const { tracer } = setup({ attributeValueLength: 3 })
    const attributes = { long: 'abcd', list: ['abcd', 'ab'], emoji: 'ab😀', exact: 'abc', number: 12345 }
    const span = tracer.startSpan('longer name', { attributes }, ROOT) as Span
    span.add('added', 'abcd')
    const own = tracer.start('a', CLIENT, ROOT, () => ['url.full', 'http://x'], undefined) as Span
    span.addEvent('event', { long: 'abcd' })
    assert.deepEqual(span.attributes, [
      ...['long', 'abc', 'list', ['abc', 'ab'], 'emoji', 'ab', 'exact', 'abc', 'number', 12345, 'added', 'abc'],
    ])
    assert.deepEqual(own.attributes, ['url.full', 'htt'])
    assert.deepEqual(span.events[0]!.attributes, ['long', 'abc'])
    assert.equal(span.name, 'longer name')
  })

  it('keeps the newest events and the first links, each with limited attributes, and counts the others', () => {
    const { span } = setup({ eventCount: 2, linkCount: 1, eventAttributeCount: 1, linkAttributeCount: 1 })
    const one = span()
    const context = { traceId: newTraceId(), spanId: newSpanId(), traceFlags: 1 }
    for (const name of ['a', 'b', 'c']) one.addEvent(name, { x: 1, y: 2 })
    one.addLinks([
      { context, attributes: { x: 1, y: 2 } },
      { context, attributes: {} },
    ])
    assert.deepEqual(
      one.events.map(event => [event.name, event.attributes, event.droppedAttributes]),
      [
        ['b', ['x', 1], 1],
        ['c', ['x', 1], 1],
      ],
    )
    assert.equal(one.droppedEvents, 1)
    assert.deepEqual(one.links, [{ context, attributes: ['x', 1], droppedAttributes: 1 }])
    assert.equal(one.droppedLinks, 1)
  })

  it('with limits of zero holds nothing and counts everything', () => {
    const { span } = setup({ attributeCount: 0, eventCount: 0, linkCount: 0 })
    const one = span()
    one.setAttribute('a', 1).addEvent('e').addLink({ context: one.spanContext() })
    assert.deepEqual([one.attributes, one.events, one.links], [[], [], []])
    assert.deepEqual([one.droppedAttributes, one.droppedEvents, one.droppedLinks], [1, 1, 1])
  })

  it('takes the time of an event as second or third argument', () => {
    const { span } = setup()
    const one = span()
    const date = new Date(1_700_000_000_000)
    one.addEvent('a', date).addEvent('b', { x: 1 }, date).addEvent('c', { x: 1 })
    assert.deepEqual(
      one.events.map(event => event.timeMicros === date.getTime() * 1000),
      [true, true, false],
    )
  })

  it('has a status that follows the rules: OK is final, ERROR replaces UNSET, UNSET replaces nothing', () => {
    const { span } = setup()
    const one = span()
    one.setStatus({ code: UNSET, message: 'x' })
    assert.deepEqual(one.status, { code: UNSET })
    one.setStatus({ code: ERROR, message: 'first' }).setStatus({ code: UNSET })
    assert.deepEqual(one.status, { code: ERROR, message: 'first' })
    one.setStatus({ code: ERROR, message: 'second' })
    assert.deepEqual(one.status, { code: ERROR, message: 'second' })
    one.setStatus({ code: OK, message: 'dropped' }).setStatus({ code: ERROR }).fail('500', 'late')
    assert.deepEqual(one.status, { code: OK })
    one.setStatus(null as any).setStatus({ code: 9 } as any)
    assert.deepEqual(one.status, { code: OK })
  })

  it('records exceptions of every shape', () => {
    const { span } = setup()
    const error = new TypeError('bad')
    const hostile = Object.defineProperty({}, 'message', {
      get() {
        throw new Error('never read me')
      },
    })
    const of = (exception: any) => {
      const one = span()
      one.recordException(exception, new Date(1000))
      assert.equal(one.events[0]!.name, 'exception')
      assert.equal(one.events[0]!.timeMicros, 1_000_000)
      return { ...toObject(one.events[0]!.attributes) }
    }
    assert.deepEqual(of(error), {
      'exception.type': 'TypeError',
      'exception.message': 'bad',
      'exception.stacktrace': error.stack,
    })
    assert.deepEqual(of('text'), { 'exception.message': 'text' })
    assert.deepEqual(of({ code: 42, message: 'm' }), { 'exception.type': '42', 'exception.message': 'm' })
    class Outage extends Error {}
    assert.equal(of(new Outage('o'))['exception.type'], 'Outage')
    assert.deepEqual(of(hostile), {})
    assert.deepEqual(of(null), {})
    assert.deepEqual(of(undefined), {})
  })

  it('renames itself, with a string and nothing else', () => {
    const { span } = setup()
    const one = span('old')
    one.updateName('new')
    one.updateName(undefined as any)
    assert.equal(one.name, 'new')
    assert.equal(one.kind, INTERNAL)
  })
})
