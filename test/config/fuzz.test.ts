/** Whatever an environment holds, reading it neither throws nor hangs, and every setting has a usable value. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describeVariables } from '../../src/config/describe'
import { readEnvFile } from '../../src/config/dotenv'
import { loadConfig, type OptionName } from '../../src/config/load'
import { GROUPS, OPTIONS } from '../../src/config/options'
import type { Row } from '../../src/config/row'
import { editDistance, nearest } from '../../src/config/suggest'
import { createSettings } from '../../src/settings'

const NO_FILE = { path: '', variables: {} }
const VARIABLES = Object.values(GROUPS).flatMap(rows =>
  Object.values(rows).flatMap(({ env, aliases = [], fallbacks = [] }) => [env, ...aliases, ...fallbacks]),
)
const NASTY = [
  '__proto__',
  'constructor',
  'toString',
  '%',
  '%00',
  '%E0%A4',
  '\u0000',
  '\ud800',
  '=',
  ',',
  ',,,',
  '=,=',
  '://',
  'http://',
  'http://[',
  'http://a:b@c:99999',
  '-0',
  '9'.repeat(400),
  '*'.repeat(100),
  '!',
  '!*',
  '1-',
  '-1',
  '500-',
  '🦊',
]

describe('any environment', () => {
  it('can be read, shown and made into settings', () => {
    const value = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary' }), fc.string())
    const name = fc.oneof(
      fc.constantFrom(...VARIABLES),
      fc.string().map(text => `OTEL_${text}`),
      fc.constantFrom('__proto__', 'OTEL___proto__', 'AWS_XRAY_', 'TRACING_AGENT_'),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), pairs => {
        const loaded = loadConfig(Object.fromEntries(pairs), {}, NO_FILE)
        for (const option of Object.keys(OPTIONS) as OptionName[]) {
          const row = OPTIONS[option] as Row<unknown>
          assert.equal(typeof loaded.config[option], typeof row.default, option)
        }
        for (const { message } of loaded.problems) assert.equal(typeof message, 'string')
        describeVariables(loaded)
        const settings = createSettings(loaded.config)
        for (const [, text] of pairs) {
          settings.ignoreIncoming?.(text, text, text)
          settings.ignoreOutgoing?.(text, text, text)
          settings.mayInject?.(text, text)
          settings.redactQuery(text)
        }
      }),
      { numRuns: 1500 },
    )
  })

  it('takes no more time than its size, however large a value is', () => {
    for (const unit of ['a', ',', '=', '%', 'a=b,', 'http://@', '[', '1-1,', '!', ' ', '*?']) {
      const large = unit.repeat(Math.ceil(200_000 / unit.length))
      const started = performance.now()
      loadConfig(Object.fromEntries(VARIABLES.map(variable => [variable, large])), {}, NO_FILE)
      assert.ok(performance.now() - started < 10_000, `${JSON.stringify(unit)} took ${performance.now() - started} ms`)
    }
  })
})

describe('any .env file', () => {
  it('can be read, and takes only what begins like ours into account', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-fuzz-'))
    const file = join(folder, '.env')
    const line = fc.oneof(
      fc.tuple(fc.constantFrom(...VARIABLES), fc.string()).map(([name, value]) => `${name}=${value}`),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'OTEL_',
        'OTEL_=',
        '=',
        'export OTEL_SERVICE_NAME="',
        "OTEL_SERVICE_NAME='a\nb'",
        '__proto__=x',
        '\u0000',
      ),
    )
    try {
      fc.assert(
        fc.property(fc.array(line), lines => {
          writeFileSync(file, lines.join('\n'))
          const before = { ...process.env }
          const { config, problems } = loadConfig({}, {}, readEnvFile({}, folder))
          assert.deepEqual({ ...process.env }, before)
          assert.equal(typeof config.serviceName, 'string')
          for (const { variable } of problems) assert.match(variable, /^(OTEL_|AWS_|TRACING_AGENT_|NO_COLOR)/)
        }),
        { numRuns: 300 },
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('what was meant', () => {
  it('is measured in insertions, deletions, replacements and swaps', () => {
    for (const [a, b, distance] of [
      ['', '', 0],
      ['', 'abc', 3],
      ['abc', 'abc', 0],
      ['abc', 'acb', 1],
      ['abc', 'abd', 1],
      ['abc', 'ab', 1],
      ['kitten', 'sitting', 3],
    ] as const) {
      assert.equal(editDistance(a, b), distance)
      assert.equal(editDistance(b, a), distance)
    }
  })

  it('is a distance: symmetric, and cut off at its limit', () => {
    const word = fc.stringMatching(/^[abc]{0,8}$/)
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 9 }), (a, b, limit) => {
        const distance = editDistance(a, b)
        assert.equal(distance, editDistance(b, a))
        assert.equal(editDistance(a, b, limit), Math.min(distance, limit))
      }),
    )
  })

  it('is nothing when nothing is near', () => {
    assert.equal(nearest('kubernetes', ['otlp', 'console']), undefined)
    assert.equal(nearest('otl', ['otlp', 'console']), 'otlp')
  })
})
