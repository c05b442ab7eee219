import assert from 'node:assert/strict'
import { type Baggage, type BaggageEntry, baggageEntryMetadataFromString, propagation } from '@opentelemetry/api'
import fc from 'fast-check'
import { AgentBaggage } from '../../src/propagation/entries'
import { ROOT, SUPPRESSED } from '../../src/trace/context'
import { extract, inject, propagator } from '../conformance/propagator'

const subject = propagator('baggage')

function read(header: string | string[]): [string, string, string | undefined][] {
  const bag = extract(subject, { baggage: header }).baggage
  return (bag?.getAllEntries() ?? []).map(([key, entry]) => [key, entry.value, entry.metadata?.toString()])
}

function write(entries: Record<string, BaggageEntry> | Baggage): string | undefined {
  const bag = 'getAllEntries' in entries ? (entries as Baggage) : propagation.createBaggage(entries)
  return inject(subject, ROOT.withBaggage(bag)).baggage as string | undefined
}

const forwarded = (header: string | string[]) => inject(subject, extract(subject, { baggage: header })).baggage

describe('baggage', () => {
  it('is a list of keys and values', () => {
    assert.deepEqual(read('key1=value1,key2=value2'), [
      ['key1', 'value1', undefined],
      ['key2', 'value2', undefined],
    ])
  })

  it('may have white space around keys, values, members and properties', () => {
    assert.deepEqual(read(' key1 = value1 ; p = 1 ; q , \t key2\t=\tvalue2 '), [
      ['key1', 'value1', 'p = 1 ; q'],
      ['key2', 'value2', undefined],
    ])
  })

  it('goes on as it came: values, properties, order', () => {
    for (const header of [
      'userId=alice,serverNode=DF%2028,isProduction=false',
      'key1=value1;property1;property2,key2=value2,key3=value3;propertyKey=propertyValue',
      'a=b=c,d=/e:f?g@h|i,empty=',
      'k=%E2%82%AC%25%22%2C%3B%5C',
    ]) {
      assert.equal(forwarded(header), header)
    }
  })

  it('is decoded from percent-encoded UTF-8', () => {
    assert.deepEqual(read('serverNode=DF%2028,k=%E2%82%AC,sp%20ace=x'), [
      ['serverNode', 'DF 28', undefined],
      ['k', '€', undefined],
      ['sp ace', 'x', undefined],
    ])
  })

  it('keeps a stray percent sign, and replaces bytes that are not UTF-8', () => {
    assert.deepEqual(read('a=100%,b=%zz,c=%,d=%4,e=x%ffy'), [
      ['a', '100%', undefined],
      ['b', '%zz', undefined],
      ['c', '%', undefined],
      ['d', '%4', undefined],
      ['e', 'x\ufffdy', undefined],
    ])
  })

  it('loses malformed members and keeps the others', () => {
    for (const bad of [
      'novalue',
      '=x',
      ' =x',
      ';p=1',
      'sp ace=x',
      'k(=1',
      'k=a b',
      'k="x"',
      'k=a\\b',
      'k=a\u0001b',
      'ü=1',
      'k=ü',
      ',',
      '',
    ]) {
      assert.deepEqual(read(`first=1,${bad},last=2`), [
        ['first', '1', undefined],
        ['last', '2', undefined],
      ])
    }
  })

  it('loses malformed properties and keeps the member', () => {
    assert.deepEqual(read('a=1;p="x",b=2'), [
      ['a', '1', undefined],
      ['b', '2', undefined],
    ])
  })

  it('takes the last of two members with one key', () => assert.deepEqual(read('a=1,a=2'), [['a', '2', undefined]]))

  it('that was sent in several headers is one list', () => {
    assert.deepEqual(read(['a=1', '', 'b=2']), [
      ['a', '1', undefined],
      ['b', '2', undefined],
    ])
  })

  it('without a single valid member is none', () => {
    for (const header of ['', ' ', ',', 'x', ';;;']) assert.equal(extract(subject, { baggage: header }), ROOT)
  })

  it('holds keys that are names of prototypes', () => {
    const bag = extract(subject, { baggage: '__proto__=1,constructor=2,toString=3' }).baggage!
    assert.equal(bag.getEntry('__proto__')?.value, '1')
    assert.equal(bag.getEntry('constructor')?.value, '2')
    assert.equal(bag.getEntry('hasOwnProperty'), undefined)
    assert.equal(({} as any).value, undefined)
  })

  it('has at most 180 members', () => {
    const header = Array.from({ length: 181 }, (_, i) => `k${i}=v`)
    assert.equal(read(header.join(',')).length, 180)
    assert.equal(read(header.slice(0, 180).join(',')).length, 180)
    const bag = propagation.createBaggage(
      Object.fromEntries(header.map(member => [member.slice(0, -2), { value: 'v' }])),
    )
    assert.equal(write(bag)?.split(',').length, 180)
  })

  it('has at most 8192 bytes, and loses whole members only', () => {
    const fits = `k=${'v'.repeat(8190)}`
    assert.equal(forwarded(fits), fits)
    assert.equal(forwarded(`${fits},a=1`), fits)
    assert.equal(forwarded(`${fits}v`), undefined)
    const written = write({ a: { value: '1' }, long: { value: 'v'.repeat(8192) }, b: { value: '2' } })
    assert.equal(written, 'a=1,b=2')
  })

  it('of a megabyte costs no more than its first 8192 bytes', () => {
    const started = process.hrtime.bigint()
    for (let i = 0; i < 100; i++) read('a=1,'.repeat(262_144))
    assert.ok(Number(process.hrtime.bigint() - started) / 1e6 < 1000)
  })

  it('writes any key and value so that they read back', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
          fc.string({ unit: 'binary', maxLength: 20 }),
          { maxKeys: 10 },
        ),
        entries => {
          let bag: Baggage = new AgentBaggage(new Map())
          for (const [key, value] of Object.entries(entries)) bag = bag.setEntry(key, { value })
          const header = write(bag)
          if (header !== undefined) assert.match(header, /^[\x21-\x7e]+$/)
          assert.deepEqual(
            header === undefined ? [] : read(header).map(([key, value]) => [key, value]),
            Object.entries(entries),
          )
        },
      ),
    )
  })

  it('writes half a surrogate pair as the replacement character', () => {
    assert.deepEqual(read(write({ k: { value: 'a\ud800b' } })!), [['k', 'a\ufffdb', undefined]])
  })

  it('never throws and never opens a second header', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (key, value, properties) => {
          read(`${key}=${value};${properties}`)
          const header = write({ [key]: { value, metadata: baggageEntryMetadataFromString(properties) } })
          if (header !== undefined) assert.match(header, /^[\t\x20-\x7e]+$/)
        },
      ),
    )
  })

  it('leaves out entries that are no text', () => {
    assert.equal(write({ a: { value: 5 as any }, b: undefined as any, '': { value: 'x' }, c: { value: '1' } }), 'c=1')
  })

  it('adds to the baggage of the context, and wins over it', () => {
    const before = ROOT.withBaggage(propagation.createBaggage({ a: { value: 'old' }, z: { value: 'kept' } }))
    const after = subject.extract(before, { baggage: 'a=new' }, { keys: Object.keys, get: (c: any, key) => c[key] })
    assert.equal(after.baggage?.getEntry('a')?.value, 'new')
    assert.equal(after.baggage?.getEntry('z')?.value, 'kept')
    assert.equal(before.baggage?.getEntry('a')?.value, 'old')
  })

  it('is visible to the API, and the API can change it', () => {
    const context = extract(subject, { baggage: 'a=1;p' })
    const bag = propagation.getBaggage(context)!
    assert.equal(bag.getEntry('a')?.value, '1')
    assert.equal(String(bag.getEntry('a')?.metadata), 'p')
    const changed = propagation.setBaggage(context, bag.setEntry('b', { value: '2' }).removeEntry('a'))
    assert.deepEqual(inject(subject, changed as any), { baggage: 'b=2' })
    assert.deepEqual(inject(subject, ROOT.withBaggage(bag.clear())), {})
    assert.equal(bag.removeEntries('a', 'b').getAllEntries().length, 0)
    assert.equal(bag.getAllEntries().length, 1, 'immutable')
  })

  it('is not written in a suppressed context', () => {
    assert.deepEqual(inject(subject, SUPPRESSED.withBaggage(propagation.createBaggage({ a: { value: '1' } }))), {})
  })
})
