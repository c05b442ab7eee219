import assert from 'node:assert/strict'
import { ROOT } from '../../src/trace/context'
import { NonRecordingSpan } from '../../src/trace/nonrecording'
import { describePropagator, extract, inject, propagator, spanOf } from '../conformance/propagator'

const TRACE = '12345678901234567890123456789012'
const SPAN = '1234567890123456'
const subject = propagator('tracecontext')

function read(traceparent: string | string[], tracestate?: string | string[]) {
  const context = extract(subject, tracestate === undefined ? { traceparent } : { traceparent, tracestate })
  return spanOf(context)
}

describePropagator('tracecontext', {
  headers: ['traceparent', 'tracestate'],
  example: { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'foo=1,bar=2' },
})

describe('traceparent', () => {
  it('gives trace id, parent id and flags', () => {
    assert.deepEqual(read(`00-${TRACE}-${SPAN}-01`), {
      traceId: TRACE,
      spanId: SPAN,
      traceFlags: 1,
      traceState: undefined,
      isRemote: true,
    })
    assert.equal(read(`00-${TRACE}-${SPAN}-00`)?.traceFlags, 0)
  })

  it('keeps the sampled and the random flag, and no other', () => {
    for (const [header, flags] of Object.entries({
      '00': 0,
      '01': 1,
      '02': 2,
      '03': 3,
      '04': 0,
      '09': 1,
      ff: 3,
      fe: 2,
    })) {
      assert.equal(read(`00-${TRACE}-${SPAN}-${header}`)?.traceFlags, flags)
    }
  })

  it('is written with the flags sampled and random, and no other', () => {
    for (const [flags, header] of [
      [0, '00'],
      [1, '01'],
      [2, '02'],
      [3, '03'],
      [4, '00'],
      [255, '03'],
    ] as const) {
      const span = new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: flags })
      assert.deepEqual(inject(subject, ROOT.withSpan(span)), { traceparent: `00-${TRACE}-${SPAN}-${header}` })
    }
  })

  it('of version 00 has nothing after the flags', () => {
    for (const tail of ['.', '-', '-what-the-future-will-be-like', '0', ',']) {
      assert.equal(read(`00-${TRACE}-${SPAN}-01${tail}`), undefined, tail)
    }
  })

  it('of a higher version is read by its first four fields, and goes on as version 00', () => {
    for (const version of ['01', 'cc', 'fe']) {
      for (const tail of ['', '-', '-what-the-future-will-be-like']) {
        const context = extract(subject, { traceparent: `${version}-${TRACE}-${SPAN}-01${tail}` })
        assert.equal(spanOf(context)?.traceId, TRACE)
        assert.deepEqual(inject(subject, context), { traceparent: `00-${TRACE}-${SPAN}-01` })
      }
      assert.equal(read(`${version}-${TRACE}-${SPAN}-01.what-the-future-will-be-like`), undefined)
      assert.equal(read(`${version}-${TRACE}-${SPAN}-0`), undefined)
    }
  })

  it('of version ff is invalid', () => {
    assert.equal(read(`ff-${TRACE}-${SPAN}-01`), undefined)
    assert.equal(read(`ff-${TRACE}-${SPAN}-01-x`), undefined)
  })

  for (const [what, header] of Object.entries({
    'a dot for the first digit of the version': `.0-${TRACE}-${SPAN}-01`,
    'a dot for the second digit of the version': `0.-${TRACE}-${SPAN}-01`,
    'an upper-case version': `CC-${TRACE}-${SPAN}-01`,
    'a version of three digits': `000-${TRACE}-${SPAN}-01`,
    'a version of four digits': `0000-${TRACE}-${SPAN}-01`,
    'a version of one digit': `0-${TRACE}-${SPAN}-01`,
    'no version': `${TRACE}-${SPAN}-01`,
    'a trace id of zeros': `00-${'0'.repeat(32)}-${SPAN}-01`,
    'a dot at the start of the trace id': `00-.${TRACE.slice(1)}-${SPAN}-01`,
    'a dot at the end of the trace id': `00-${TRACE.slice(1)}.-${SPAN}-01`,
    'a trace id one digit too long': `00-${TRACE}3-${SPAN}-01`,
    'a trace id one digit too short': `00-${TRACE.slice(1)}-${SPAN}-01`,
    'an upper-case trace id': `00-${TRACE.slice(1)}A-${SPAN}-01`,
    'a parent id of zeros': `00-${TRACE}-${'0'.repeat(16)}-01`,
    'a dot at the start of the parent id': `00-${TRACE}-.${SPAN.slice(1)}-01`,
    'a dot at the end of the parent id': `00-${TRACE}-${SPAN.slice(1)}.-01`,
    'a parent id one digit too long': `00-${TRACE}-${SPAN}7-01`,
    'a parent id one digit too short': `00-${TRACE}-${SPAN.slice(1)}-01`,
    'an upper-case parent id': `00-${TRACE}-${SPAN.slice(1)}F-01`,
    'a dot in the flags': `00-${TRACE}-${SPAN}-.0`,
    'a dot at the end of the flags': `00-${TRACE}-${SPAN}-0.`,
    'upper-case flags': `00-${TRACE}-${SPAN}-0A`,
    'flags of three digits': `00-${TRACE}-${SPAN}-001`,
    'flags of one digit': `00-${TRACE}-${SPAN}-1`,
    'no flags': `00-${TRACE}-${SPAN}`,
    'underscores for dashes': `00_${TRACE}_${SPAN}_01`,
    'full-width digits': `00-${'１'.repeat(32)}-${SPAN}-01`,
    'a line end': `00-${TRACE}-${SPAN}-01\n`,
    'nothing at all': '',
  })) {
    it(`with ${what} is invalid`, () => assert.equal(read(header, 'foo=1'), undefined))
  }

  it('sent twice is none, be it as two values or joined into one', () => {
    const other = `00-${TRACE.replace('2', '3')}-${SPAN}-01`
    assert.equal(read([`00-${TRACE}-${SPAN}-01`, other]), undefined)
    assert.equal(read([`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`]), undefined)
    assert.equal(read(`00-${TRACE}-${SPAN}-01, ${other}`), undefined)
    assert.equal(read(`cc-${TRACE}-${SPAN}-01, ${other}`), undefined)
    assert.equal(read([`00-${TRACE}-${SPAN}-01`])?.traceId, TRACE)
  })

  it('may have spaces and tabs around it', () => {
    for (const [before, after] of [
      [' ', ''],
      ['\t', ''],
      ['', ' '],
      ['', '\t'],
      ['\t ', ' \t'],
    ]) {
      assert.equal(read(`${before}00-${TRACE}-${SPAN}-01${after}`)?.traceId, TRACE)
    }
  })

  it('is needed for a tracestate to count', () => {
    assert.equal(extract(subject, { tracestate: 'foo=1' }).span, undefined)
  })
})

describe('tracestate', () => {
  /** The outgoing header for an incoming one. */
  const forwarded = (tracestate: string | string[]) => {
    const context = extract(subject, { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate })
    assert.equal(spanOf(context)?.traceId, TRACE, 'the traceparent must count whatever the tracestate is')
    return inject(subject, context).tracestate
  }
  const get = (tracestate: string | string[], key: string) =>
    read(`00-${TRACE}-${SPAN}-00`, tracestate)?.traceState?.get(key)

  it('goes on byte for byte when nobody changes it', () => {
    for (const header of [
      'foo=1,bar=2',
      'foo=1  ,  bar=2,, baz= 3',
      'a=b',
      ' a=1',
      'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    ]) {
      assert.equal(forwarded(header), header)
    }
  })

  it('that was sent in several headers is one list, in order', () => {
    assert.equal(forwarded(['foo=1,bar=2', 'rojo=1,congo=2', 'baz=3']), 'foo=1,bar=2,rojo=1,congo=2,baz=3')
    assert.equal(forwarded(['foo=1', '']), 'foo=1')
    assert.equal(forwarded(['', 'foo=1']), 'foo=1')
  })

  it('that is empty is not sent', () => {
    for (const header of ['', ' ', ',', ' , \t,']) assert.equal(forwarded(header), undefined)
  })

  it('may have white space around members, and empty members', () => {
    for (const header of [
      'foo=1 \t , \t bar=2, \t baz=3',
      'foo=1\t \t,\t \tbar=2,\t \tbaz=3',
      ',foo=1,,bar=2, ,baz=3,',
    ]) {
      assert.deepEqual([get(header, 'foo'), get(header, 'bar'), get(header, 'baz')], ['1', '2', '3'])
      // Not every carrier can hold a tab.
      assert.equal(forwarded(header), header.includes('\t') ? 'foo=1,bar=2,baz=3' : header)
    }
    for (const header of [' foo=1', '\tfoo=1', 'foo=1 ', 'foo=1\t', '\t foo=1 \t'])
      assert.equal(get(header, 'foo'), '1')
  })

  it('takes every legal character', () => {
    const key = 'abcdefghijklmnopqrstuvwxyz0123456789_-*/'
    let value = ''
    for (let code = 0x20; code <= 0x7e; code++) if (code !== 0x2c && code !== 0x3d) value += String.fromCharCode(code)
    assert.equal(get(`${key}=${value}`, key), value)
    assert.equal(get(`${key}@a-z0-9_-*/=${value}`, `${key}@a-z0-9_-*/`), value)
  })

  it('keeps leading spaces of a value and drops trailing ones', () => {
    assert.equal(get('foo=  1  ,bar=2', 'foo'), '  1')
  })

  it('has keys of level 2: they begin with a letter or a digit, and hold signs anywhere', () => {
    for (const key of ['a', '0', '0foo', 'foo@bar', 'foo@bar@baz', 'foo@', 'foo@@bar', 't@vvvvvvvvvvvvvvvv', '241@x']) {
      assert.equal(get(`${key}=1,bar=2`, key), '1', key)
    }
  })

  for (const [what, header] of Object.entries({
    'a space in a key': 'foo =1',
    'an upper-case key': 'FOO=1',
    'a dot in a key': 'foo.bar=1',
    'a key that begins with @': '@foo=1,bar=2',
    'a key that begins with _': '_foo=1,bar=2',
    'a key that begins with -': '-foo=1,bar=2',
    'no key': '=1,bar=2',
    'no equals sign': 'foo,bar=2',
    'an empty value': 'foo=,bar=3',
    'a value of spaces': 'foo=  ,bar=3',
    'an equals sign in a value': 'foo=bar=baz',
    'a tab in a value': 'foo=b\tar',
    'a control character in a value': 'foo=b\u0001ar,bar=2',
    'a line end in a value': 'foo=b\r\nbar: 2',
    'a letter beyond ASCII in a value': 'foo=bär',
    'a letter beyond ASCII in a key': 'föo=1,bar=2',
    'the same key twice': 'foo=1,foo=1',
    'the same key twice with two values': 'foo=1,bar=2,foo=2',
    'a key of 257 characters': `foo=1,${'z'.repeat(257)}=1`,
    'a value of 257 characters': `foo=1,bar=${'z'.repeat(257)}`,
  })) {
    it(`with ${what} is dropped, and the traceparent counts`, () => {
      assert.equal(forwarded(header), undefined)
      assert.equal(get(header, 'foo'), undefined)
      assert.equal(get(header, 'bar'), undefined)
    })
  }

  it('with the same key in two headers is dropped', () => assert.equal(forwarded(['foo=1', 'foo=2']), undefined))

  it('takes keys and values of 256 characters', () => {
    assert.equal(get(`foo=1,${'z'.repeat(256)}=${'v'.repeat(256)}`, 'z'.repeat(256)), 'v'.repeat(256))
  })

  it('takes 32 members of any legal size, and not 33', () => {
    const members = (count: number, value: string) =>
      Array.from({ length: count }, (_, i) => `bar${i}=${value}`).join(',')
    assert.equal(forwarded(members(32, '1')), members(32, '1'))
    assert.equal(forwarded(`${members(32, '1')},,`), `${members(32, '1')},,`)
    assert.equal(forwarded(members(32, 'v'.repeat(256))), members(32, 'v'.repeat(256)))
    assert.equal(forwarded(members(33, '1')), undefined)
  })

  it('has the member that was changed last in front', () => {
    const state = read(`00-${TRACE}-${SPAN}-00`, 'foo=1,bar=2,baz=3')!.traceState!
    assert.equal(state.set('bar', '4').serialize(), 'bar=4,foo=1,baz=3')
    assert.equal(state.set('new', '4').serialize(), 'new=4,foo=1,bar=2,baz=3')
    assert.equal(state.unset('bar').serialize(), 'foo=1,baz=3')
    assert.equal(state.unset('foo').unset('bar').unset('baz').serialize(), '')
    assert.equal(state.serialize(), 'foo=1,bar=2,baz=3', 'immutable')
    assert.equal(state.set('bar', '4').get('bar'), '4')
  })

  it('loses its last member when a 33rd is added', () => {
    const header = Array.from({ length: 32 }, (_, i) => `k${i}=v`).join(',')
    const state = read(`00-${TRACE}-${SPAN}-00`, header)!.traceState!.set('new', '1')
    assert.equal(state.get('new'), '1')
    assert.equal(state.get('k30'), 'v')
    assert.equal(state.get('k31'), undefined)
    assert.equal(state.serialize().split(',').length, 32)
  })

  it('takes no key or value that a header could not hold', () => {
    const state = read(`00-${TRACE}-${SPAN}-00`, 'foo=1')!.traceState!
    for (const [key, value] of [
      ['A', '1'],
      ['', '1'],
      ['a', ''],
      ['a', 'x,y'],
      ['a', 'x=y'],
      ['a', 'x\r\ny'],
      ['a', 'x '],
      ['a', 5],
    ]) {
      assert.equal(state.set(key as string, value as string).serialize(), 'foo=1')
    }
  })

  it('of another library that would open a second header is not sent', () => {
    const hostile = { get: () => undefined, set: () => hostile, unset: () => hostile, serialize: () => 'a=1\r\nx: y' }
    const span = new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: 1, traceState: hostile })
    assert.deepEqual(inject(subject, ROOT.withSpan(span)), { traceparent: `00-${TRACE}-${SPAN}-01` })
  })
})
