import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Sampler } from '../../src/sampling/contract'
import { Wildcard } from '../../src/sampling/wildcard'
import type { AttributeList } from '../../src/trace/data'
import { assertRatio, decides, listeningLog, request, sampler } from '../conformance/sampler'
import { FakeTime } from './service'

describe('local sampling rules of X-Ray', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  after(() => rmSync(folder, { recursive: true }))

  function fromFile(content: unknown, time = new FakeTime()) {
    const log = listeningLog()
    const file = join(folder, 'rules.json')
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return { subject: sampler('xray', `rules=${file}`, { log, ...time.parts }), log, time, file }
  }
  const count = (subject: Sampler, times: number, attributes: AttributeList) => {
    let kept = 0
    for (let i = 0; i < times; i++) if (decides(subject, { attributes })) kept++
    return kept
  }

  it('are tried in order, with a fixed target a second and a rate beyond', () => {
    const { log, subject, time } = fromFile({
      version: 2,
      rules: [
        { description: 'a', host: '*', http_method: 'GET', url_path: '/a/*', fixed_target: 3, rate: 0 },
        { description: 'b', host: 'shop*', http_method: '*', url_path: '*', fixed_target: 0, rate: 1 },
      ],
      default: { fixed_target: 0, rate: 0.2 },
    })
    assert.deepEqual(log.said, [])
    assert.equal(count(subject, 100, request('GET', '/a/x')), 3)
    time.nowMs += 1000
    assert.equal(count(subject, 100, request('GET', '/a/x')), 3)
    assert.equal(count(subject, 100, request('POST', '/a/x', ['server.address', 'shop.com'])), 100)
    assertRatio(count(subject, 20_000, request('POST', '/a/x')), 20_000, 0.2)
    assertRatio(count(subject, 20_000, []), 20_000, 0.2)
  })

  it('of version 1 name the host service_name', () => {
    const { log, subject } = fromFile({
      version: 1,
      rules: [{ service_name: 'shop', http_method: '*', url_path: '*', fixed_target: 0, rate: 1 }],
      default: { fixed_target: 0, rate: 0 },
    })
    assert.deepEqual(log.said, [])
    assert.equal(count(subject, 10, ['server.address', 'shop']), 10)
    assert.equal(count(subject, 10, ['server.address', 'cart']), 0)
  })

  for (const [what, content, message] of [
    ['that are no JSON', '{', /JSON/],
    ['of an unknown version', { version: 3, default: { fixed_target: 1, rate: 1 } }, /"version" must be 1 or 2/],
    ['without a default', { version: 2 }, /"default" is missing/],
    ['that are no list', { version: 2, default: { fixed_target: 1, rate: 1 }, rules: {} }, /"rules" must be a list/],
    [
      'with a rate that is none',
      { version: 2, default: { fixed_target: 1, rate: 2 } },
      /default: "rate" must be a number from 0 to 1/,
    ],
    [
      'with a target that is none',
      { version: 2, default: { fixed_target: 1.5, rate: 1 } },
      /default: "fixed_target" must be a whole number/,
    ],
    [
      'without a path',
      {
        version: 2,
        default: { fixed_target: 1, rate: 1 },
        rules: [{ host: '*', http_method: '*', fixed_target: 1, rate: 1 }],
      },
      /rule 1: "url_path" must be text/,
    ],
    [
      'with a rule of nothing',
      { version: 2, default: { fixed_target: 1, rate: 1 }, rules: [null] },
      /rule 1 is no object/,
    ],
  ] as const) {
    it(`${what} are said and not used`, () => {
      const { file, log, subject } = fromFile(content)
      assert.equal(log.said.length, 1)
      assert.ok(log.said[0]!.startsWith(`X-Ray sampling rules ${file}: `), log.said[0])
      assert.match(log.said[0]!, message)
      assert.match(log.said[0]!, /; 1 request per second and 5 % are used\.$/)
      assertRatio(count(subject, 20_001, []) - 1, 20_000, 0.05)
    })
  }

  it('that are not there are said', () => {
    const log = listeningLog()
    sampler('xray', 'rules=/no/such/file', { log })
    assert.match(log.said[0]!, /^X-Ray sampling rules \/no\/such\/file: ENOENT/)
  })
})

describe('a wildcard of X-Ray', () => {
  it('matches as the regular expression that it stands for', () => {
    const piece = fc.constantFrom('a', 'B', 'ab', '*', '?', '/', '.')
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.array(fc.constantFrom('a', 'b', 'A', '/', '.'), { maxLength: 12 }),
        (pieces, text) => {
          const source = pieces.join('')
          const expression = source.replace(/[.*?/]/g, found =>
            found === '*' ? '.*' : found === '?' ? '.' : `\\${found}`,
          )
          assert.equal(
            new Wildcard(source).matches(text.join('')),
            new RegExp(`^${expression}$`, 'i').test(text.join('')),
            source,
          )
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('of * alone matches what is not known', () => {
    assert.equal(new Wildcard('*').matches(undefined), true)
    assert.equal(new Wildcard('?').matches(undefined), false)
    assert.equal(new Wildcard('').matches(undefined), false)
    assert.equal(new Wildcard('').matches(''), true)
  })

  it('takes no quadratic time for a long path', () => {
    const before = process.hrtime.bigint()
    new Wildcard('*a*b*a*b*c').matches('ab'.repeat(500_000))
    assert.ok(Number(process.hrtime.bigint() - before) / 1e6 < 1000)
  })
})
