/** References to variables by the table of the specification, and documents that nobody wrote by mistake. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseText } from '../../src/config/file/document'
import { substitute } from '../../src/config/file/substitute'
import { HEAD, load, traces } from './config-file'

const VARIABLES: Record<string, string> = {
  STRING_VALUE: 'value',
  BOOL_VALUE: 'true',
  INT_VALUE: '1',
  FLOAT_VALUE: '1.1',
  HEX_VALUE: '0xdeadbeef',
  INVALID_MAP_VALUE: 'value\nkey:value',
  DO_NOT_REPLACE_ME: 'Never use this value',
  REPLACE_ME: '${DO_NOT_REPLACE_ME}',
  VALUE_WITH_ESCAPE: 'value$$',
  EMPTY: '',
}
const read = (name: string) => (Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined)

function valueIn(yaml: string): unknown {
  const tree = parseText(yaml, read) as ReadonlyMap<string, { value: unknown }>
  return tree.get('key')!.value
}

describe('references to variables', () => {
  for (const [yaml, value] of [
    ['key: ${STRING_VALUE}', 'value'],
    ['key: ${BOOL_VALUE}', true],
    ['key: ${INT_VALUE}', 1],
    ['key: ${FLOAT_VALUE}', 1.1],
    ['key: ${HEX_VALUE}', 3735928559],
    ['key: "${STRING_VALUE}"', 'value'],
    ['key: "${BOOL_VALUE}"', 'true'],
    ['key: "${INT_VALUE}"', '1'],
    ["key: '${FLOAT_VALUE}'", '1.1'],
    ['key: "${HEX_VALUE}"', '0xdeadbeef'],
    ['key: !!str ${INT_VALUE}', '1'],
    ['key: ${env:STRING_VALUE}', 'value'],
    ['key: ${INVALID_MAP_VALUE}', 'value\nkey:value'],
    ['key: foo ${STRING_VALUE} ${FLOAT_VALUE}', 'foo value 1.1'],
    ['key: ${UNDEFINED_KEY}', null],
    ['key: ${EMPTY}', null],
    ['key: ${EMPTY:-fallback}', 'fallback'],
    ['key: ${UNDEFINED_KEY:-fallback}', 'fallback'],
    ['key: ${UNDEFINED_KEY:-}', null],
    ['key: ${UNDEFINED_KEY:-http://h:1/a b}', 'http://h:1/a b'],
    ['key: ${REPLACE_ME}', '${DO_NOT_REPLACE_ME}'],
    ['key: ${UNDEFINED_KEY:-${STRING_VALUE}}', '${STRING_VALUE}'],
    ['key: $${STRING_VALUE}', '${STRING_VALUE}'],
    ['key: $$${STRING_VALUE}', '$value'],
    ['key: $$$${STRING_VALUE}', '$${STRING_VALUE}'],
    ['key: $${STRING_VALUE:-fallback}', '${STRING_VALUE:-fallback}'],
    ['key: $${STRING_VALUE:-${STRING_VALUE}}', '${STRING_VALUE:-value}'],
    ['key: ${UNDEFINED_KEY:-$${UNDEFINED_KEY}}', '${UNDEFINED_KEY:-${UNDEFINED_KEY}}'],
    ['key: ${VALUE_WITH_ESCAPE}', 'value$$'],
    ['key: a $$ b', 'a $ b'],
    ['key: a $ b', 'a $ b'],
    ['key: |\n  a ${INT_VALUE}\n', 'a 1\n'],
    ['key: ${__proto__}${constructor}', null],
  ] as const) {
    it(`are replaced as in ${JSON.stringify(yaml)}`, () => assert.equal(valueIn(yaml), value))
  }

  it('are no references in keys', () => {
    assert.ok((parseText('${STRING_VALUE}: value', read) as Map<string, unknown>).has('${STRING_VALUE}'))
  })

  it('that are malformed make the whole file unusable', () => {
    for (const text of ['${STRING_VALUE:?error}', '${1A}', '${API_$KEY}', '${}', '${env:}', '${a b}']) {
      assert.equal(substitute(text, read), undefined, text)
      assert.throws(() => parseText(`a: 1\nb: [x, "${text}"]`, read), /line 2, column 8: a reference/)
    }
  })

  it('see the environment, and after it what a .env file says', () => {
    const { config } = load(`${traces('')}\ndisabled: \${OFF}`, { OFF: 'true' })
    assert.equal(config.disabled, true)
  })
})

/** Runs in a time that a start can bear: of the processor, whatever else the machine does. */
function quickly<T>(work: () => T): T {
  const started = process.cpuUsage()
  const result = work()
  const { system, user } = process.cpuUsage(started)
  assert.ok(user + system < 4_000_000, `${(user + system) / 1000} ms`)
  return result
}

describe('a hostile configuration file', () => {
  it('may be full of aliases of aliases', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 30; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    const bomb = `${lines.join('\n')}\n`
    const { said } = quickly(() => load(`${bomb}${HEAD}tracer_provider: {processors: *a29}`))
    assert.ok(said.length < 100)
  })

  it('may have lists of aliases where lists are read', () => {
    const attribute = '&a {name: a, value: &v [1, 2], type: int_array}'
    const { said, config } = quickly(() =>
      load(`${traces('')}\nresource: {attributes: [${attribute}, ${Array(60_000).fill('*a').join(', ')}]}`),
    )
    assert.equal(config.disabled, true)
    assert.match(said[0]!, /\(it says too much\)/)
  })

  it('may refer to itself', () => {
    for (const yaml of ['a: &a [*a]', 'a: &a {b: *a}', '&a [*a]', '<<: &a {<<: *a}']) {
      assert.equal(quickly(() => load(`${HEAD}${yaml}`)).config.disabled, true)
    }
  })

  it('may be large and full of anything', () => {
    for (const unit of [
      '[',
      '{',
      '- ',
      'a: ',
      '? ',
      '"',
      '&a ',
      '*a ',
      '!a ',
      '# ',
      '\t',
      '|\n',
      'x',
      '${',
      '$$',
      '${A}',
      'k: v\n',
      '\0',
    ]) {
      const length = Math.floor(10_000 / unit.length)
      const { said } = quickly(() => load(`key: ${unit.repeat(length)}`))
      assert.ok(said.length >= 1)
      for (const message of said) assert.ok(message.length < 1000, `${unit}: ${message.slice(0, 2000)}`)
    }
  })

  it('may have ten thousand keys, of which the first are said', () => {
    const keys = Array.from({ length: 10_000 }, (_, i) => `k${i}: v`).join('\n')
    const { config, said } = quickly(() => load(`${keys}\n${traces('')}`))
    assert.equal(config.disabled, false)
    assert.equal(said.length, 51)
    assert.equal(said[50], '9950 more mistakes of this kind')
    assert.deepEqual(quickly(() => load(`${traces('')}\nmeter_provider:\n  ${keys.replaceAll('\n', '\n  ')}`)).said, [])
  })

  it('may use the names of prototypes as keys and values', () => {
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'prototype']) {
      const { config } = load(
        `${traces(`${name}: {x: 1}, sampler: {${name}: {}}`)}\n${name}: {disabled: true}\npropagator: {composite: [{${name}: }]}`.replace(
          'propagator: {composite_list: none}\n',
          '',
        ),
      )
      assert.equal(config.disabled, false, name)
      assert.equal(config.sampler, 'parentbased_always_on')
      load(
        `${HEAD}tracer_provider: {processors: [{${name}: {exporter: {console: }}}, {batch: {exporter: {${name}: }}}]}`,
      )
      load(
        `${traces('')}\nresource: {attributes: [{name: ${name}, value: x}], detection/development: {detectors: [{${name}: }]}}`,
      )
      load(`${traces('')}\ninstrumentation/development: {js: {${name}: {enabled: false}}, general: {${name}: {}}}`)
    }
    assert.equal(({} as Record<string, unknown>)['x'], undefined)
  })

  it('of any shape under any key is read without an exception, and with one line for each mistake', () => {
    const words = fc.constantFrom(
      ...'file_format disabled log_level resource attributes name value type detection/development detectors host propagator composite composite_list tracer_provider processors batch simple exporter otlp_http otlp_grpc console headers headers_list tls endpoint timeout sampler parent_based root always_on trace_id_ratio_based ratio jaeger_remote/development initial_sampler composite/development limits instrumentation/development general http client server request_captured_headers known_methods js express enabled __proto__ 1.0 x'.split(
        ' ',
      ),
    )
    const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
      tree: fc.oneof(
        { depthSize: 'medium', withCrossShrink: true },
        fc.oneof(words, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.string()),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(words, tie('tree'), { maxKeys: 5 }),
      ),
    }))
    const document = fc.record(
      {
        file_format: fc.constant('1.0'),
        resource: tree,
        propagator: tree,
        tracer_provider: fc.oneof(
          tree,
          fc.record({ processors: tree, sampler: tree, limits: tree }, { requiredKeys: [] }),
        ),
        'instrumentation/development': tree,
      },
      { requiredKeys: ['file_format'] },
    )
    fc.assert(
      fc.property(document, value => {
        const { said } = load(JSON.stringify(value))
        for (const message of said)
          assert.ok(message.length < 2500 && !/[\n\r]/.test(message.replaceAll('\\n', '')), message)
      }),
      { numRuns: 300 },
    )
  })

  it('of any text is read without an exception', () => {
    const unit = fc.constantFrom(...'abc:-?[]{}&*!|>\'"%@`#, \n\t$1.~<=', '${', ': ', '\n  ')
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 80 }), text => void load(text)),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => void load(`${HEAD}${text}`)),
      { numRuns: 200 },
    )
  })
})
