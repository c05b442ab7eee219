/** What every propagator must do, whatever its headers look like. */
import assert from 'node:assert/strict'
import type { SpanContext } from '@opentelemetry/api'
import fc from 'fast-check'
import {
  createPropagator,
  type Propagator,
  type PropagatorName,
  type PropagatorParts,
} from '../../src/propagation/index'
import { type AgentContext, ROOT, SUPPRESSED } from '../../src/trace/context'
import { NonRecordingSpan } from '../../src/trace/nonrecording'

export type Headers = Record<string, string | string[]>

export const getter = {
  keys: (carrier: Headers) => Object.keys(carrier),
  get: (carrier: Headers, key: string) => (Object.hasOwn(carrier, key) ? carrier[key] : undefined),
}
export const setter = {
  set(carrier: Headers, key: string, value: string) {
    carrier[key] = value
  },
}

export function propagator(names: PropagatorName | PropagatorName[], parts: Partial<PropagatorParts> = {}): Propagator {
  return createPropagator(Array.isArray(names) ? names : [names], {
    trust: 'continue',
    serviceName: 'shop',
    fault: (place, error) => {
      throw new Error(`fault in ${place}`, { cause: error })
    },
    ...parts,
  })
}

export function spanOf(context: AgentContext): SpanContext | undefined {
  return context.span?.spanContext()
}

/** The caller's span as `headers` name it. */
export function extract(subject: Propagator, headers: Headers): AgentContext {
  return subject.extract(ROOT, headers, getter)
}

export function inject(subject: Propagator, context: AgentContext): Headers {
  const headers: Headers = {}
  subject.inject(context, headers, setter)
  return headers
}

export const traceIds = fc.stringMatching(/^[0-9a-f]{32}$/).filter(id => !/^0+$/.test(id))
export const spanIds = fc.stringMatching(/^[0-9a-f]{16}$/).filter(id => !/^0+$/.test(id))

/** Text that breaks parsers: of the alphabet of headers, with control characters, of prototypes, very long, not text at all. */
const nasty = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF-:;,=|%?@ \t\r\n'), maxLength: 200 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'null',
    'undefined',
    '-',
    ':::',
    ';;;=',
    '%',
    '%zz',
    '1-',
    '\r\n',
  ),
)
const values: fc.Arbitrary<unknown> = fc.oneof(
  nasty,
  fc.array(nasty, { maxLength: 3 }),
  fc.constantFrom(
    undefined,
    null,
    0,
    1,
    Number.NaN,
    true,
    {},
    [],
    [undefined],
    [[]],
    Buffer.from('x'),
    Symbol.iterator,
    () => '',
  ),
)

/**
 * @param headers names that it reads, for the fuzzer
 * @param example headers of a valid sampled caller, for near misses
 */
export function describePropagator(
  name: PropagatorName,
  subject: {
    headers: string[]
    example: Headers
    /** Bits of a trace id that survive; 128 if not said. */
    traceIdBits?: 64 | 128
  },
): void {
  const it_ = propagator(name)
  const carried = (id: string) => (subject.traceIdBits === 64 ? id.slice(16).padStart(32, '0') : id)

  describe(`the propagator ${name}`, () => {
    it('reads back the span that it wrote', () => {
      fc.assert(
        fc.property(traceIds, spanIds, fc.boolean(), (traceId, spanId, sampled) => {
          fc.pre(!/^0+$/.test(carried(traceId)))
          const span = { traceId, spanId, traceFlags: sampled ? 1 : 0 }
          const headers = inject(it_, ROOT.withSpan(new NonRecordingSpan(span)))
          const found = extract(it_, headers)
          assert.deepEqual(
            { traceId: spanOf(found)?.traceId, spanId: spanOf(found)?.spanId, sampled: spanOf(found)!.traceFlags & 1 },
            { traceId: carried(traceId), spanId, sampled: sampled ? 1 : 0 },
          )
          assert.equal(spanOf(found)?.isRemote, true)
          assert.ok((found.span as NonRecordingSpan).decided)
        }),
      )
    })

    it('writes only header names that it declares, in lower case, and values that no header refuses', () => {
      fc.assert(
        fc.property(traceIds, spanIds, fc.integer({ min: 0, max: 255 }), (traceId, spanId, traceFlags) => {
          const headers = inject(it_, ROOT.withSpan(new NonRecordingSpan({ traceId, spanId, traceFlags })))
          for (const [key, value] of Object.entries(headers)) {
            assert.ok(it_.injectedHeaders.includes(key), key)
            assert.equal(key, key.toLowerCase())
            assert.match(value as string, /^[\x20-\x7e]+$/)
          }
        }),
      )
      assert.deepEqual(it_.fields(), it_.injectedHeaders)
    })

    it('reads the example', () => {
      const found = extract(it_, subject.example)
      assert.ok(spanOf(found)?.traceId, 'no span')
      assert.equal(spanOf(found)!.traceFlags & 1, 1)
    })

    it('never throws and never invents an invalid span, whatever the headers hold', () => {
      const keys = fc.constantFrom(...subject.headers)
      fc.assert(
        fc.property(fc.dictionary(keys, values, { noNullPrototype: false }), headers => {
          assertSound(extract(it_, headers as Headers))
        }),
        { numRuns: 500 },
      )
    })

    it('survives every small change of a valid header', () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...Object.keys(subject.example)),
          fc.nat(200),
          fc.nat(3),
          nasty,
          (key, at, remove, put) => {
            const text = subject.example[key] as string
            const changed = text.slice(0, at) + put + text.slice(at + remove)
            assertSound(extract(it_, { ...subject.example, [key]: changed }))
          },
        ),
        { numRuns: 500 },
      )
    })

    it('takes a megabyte in linear time', () => {
      for (const unit of [
        'a',
        '0',
        ',',
        ';',
        '=',
        '-',
        ':',
        '%',
        ' ',
        'a=1,',
        'k=v;',
        '%41',
        '@a',
        'Root=',
        '\t',
        '_',
      ]) {
        for (const key of subject.headers) {
          const text = unit.repeat(Math.ceil(1_048_576 / unit.length))
          const before = process.hrtime.bigint()
          const valid = String(subject.example[key] ?? '')
          for (const value of [text, valid + text, text + valid]) {
            const found = extract(it_, { ...subject.example, [key]: value })
            assertSound(found)
            inject(it_, found)
          }
          const tookMs = Number(process.hrtime.bigint() - before) / 1e6
          assert.ok(tookMs < 2000, `${key} of "${unit}" took ${tookMs} ms`)
        }
      }
    })

    it('treats carriers that are no headers as empty', () => {
      const quiet = propagator(name, { fault: () => {} })
      for (const carrier of [undefined, null, 0, '', 'text', [], new Map(), () => {}]) {
        const found = quiet.extract(ROOT, carrier as any, {
          keys: c => Object.keys(c as object),
          get: (c, key) => (c as any)[key],
        })
        assert.equal(found.span, undefined)
      }
    })

    it('keeps the context when a getter throws, and the call when a setter throws', () => {
      const faults: string[] = []
      const quiet = propagator(name, { fault: place => void faults.push(place) })
      const throwing = {
        keys: (): string[] => {
          throw new Error('keys')
        },
        get: (): string => {
          throw new Error('get')
        },
        set: (): void => {
          throw new Error('set')
        },
      }
      const context = ROOT.setValue(Symbol.for('x'), 1)
      assert.equal(quiet.extract(context, {}, throwing), context)
      quiet.inject(extract(it_, subject.example), {}, throwing)
      assert.deepEqual(faults, ['extract', 'inject'])
    })

    it('writes nothing in a suppressed context, without a span, and for invalid ids', () => {
      const example = extract(it_, subject.example).span
      assert.deepEqual(inject(it_, SUPPRESSED.withSpan(example)), {})
      for (const [traceId, spanId] of [
        ['0'.repeat(32), '1'.repeat(16)],
        ['1'.repeat(32), '0'.repeat(16)],
        ['A'.repeat(32), '1'.repeat(16)],
        ['1'.repeat(30) + '\r\n', '1'.repeat(16)],
        ['1'.repeat(32), '1'.repeat(15) + '\n'],
        ['', ''],
        [undefined, undefined],
      ] as [string, string][]) {
        const span = new NonRecordingSpan({ traceId, spanId, traceFlags: 1 })
        assert.deepEqual(inject(it_, ROOT.withSpan(span)), {})
      }
    })
  })
}

function assertSound(context: AgentContext): void {
  const span = context.span as NonRecordingSpan | undefined
  if (span === undefined || span.relation === 'flags') return
  const { traceId, spanId, traceFlags, isRemote } = span.spanContext()
  assert.match(traceId, /^[0-9a-f]{32}$/)
  assert.doesNotMatch(traceId, /^0+$/)
  assert.match(spanId, /^[0-9a-f]{16}$/)
  assert.equal(/^0+$/.test(spanId), span.relation === 'trace')
  assert.ok(Number.isInteger(traceFlags) && traceFlags >= 0 && traceFlags <= 3)
  assert.equal(isRemote, true)
}
