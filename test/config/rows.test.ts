/** Every row of the table, by what it says of itself. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { loadConfig, type OptionName } from '../../src/config/load'
import { GROUPS, OPTIONS } from '../../src/config/options'
import type { Row } from '../../src/config/row'
import { printable } from '../../src/log'
import { CASES, CONFIG_FILE, PEM_FILE } from './cases'

const NO_FILE = { path: '', variables: {} }
const NAMES = Object.keys(OPTIONS) as OptionName[]

function variablesOf({ env, aliases = [], fallbacks = [] }: Row<unknown>): string[] {
  return [env, ...aliases, ...fallbacks]
}

describe('every variable', () => {
  before(() => {
    writeFileSync(PEM_FILE, '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n')
    writeFileSync(
      CONFIG_FILE,
      'file_format: "1.0"\ndisabled: true\npropagator: {composite_list: none}\ntracer_provider: {processors: []}',
    )
  })
  after(() => {
    rmSync(PEM_FILE, { force: true })
    rmSync(CONFIG_FILE, { force: true })
  })

  it('has a case', () => assert.deepEqual(Object.keys(CASES).sort(), [...NAMES].sort()))

  it('stands in one group and has one sentence at least', () => {
    const grouped = Object.values(GROUPS).flatMap(rows => Object.keys(rows))
    assert.deepEqual(grouped, NAMES)
    for (const name of NAMES) assert.match(OPTIONS[name].doc, /^[A-Za-z].{10,}\.$/s, name)
  })

  it('has a name that no other has', () => {
    const names = NAMES.flatMap(name => [OPTIONS[name].env, ...(OPTIONS[name].aliases ?? [])])
    assert.equal(new Set(names).size, names.length)
  })

  it('has a default that would be accepted if a user wrote it', () => {
    for (const name of NAMES) {
      const row = OPTIONS[name] as Row<unknown>
      const shown = row.type.show(row.default)
      if (shown === '' || row.defaultText !== undefined) continue
      const parsed = row.type.parse(shown)
      assert.equal(parsed.refused, undefined, name)
      assert.deepEqual(parsed.value, row.default, name)
    }
  })

  for (const name of NAMES) {
    const row = OPTIONS[name] as Row<unknown>
    const { changes, effect = config => config[name], given = {}, refuses } = CASES[name]
    const load = (env: Record<string, string>) => loadConfig({ ...given, ...env }, {}, NO_FILE)
    const others = variablesOf(row).filter(variable => variable in given)
    assert.deepEqual(others, [], `the case of ${name} sets what it tests`)

    for (const variable of variablesOf(row)) {
      describe(variable, () => {
        it(`${inspect(changes)} changes ${name}`, () => {
          const { config, origins, problems } = load({ [variable]: changes })
          assert.deepEqual(problems, [])
          assert.deepEqual(origins[name], { from: 'environment', variable })
          assert.notDeepEqual(effect(config), effect(load({}).config))
        })

        it(`${inspect(refuses)} is refused in one line, and the default stays`, () => {
          // A missing file is noticed where it is opened, and that is before there is a table.
          const { config, problems } =
            name === 'envFile' ? loadConfig({ [variable]: refuses }) : load({ [variable]: refuses })
          const said = problems.filter(problem => problem.variable === variable)
          assert.equal(said.length, 1)
          const [{ expected, message, used, value }] = said as [(typeof said)[0]]
          assert.ok(message.startsWith(`${variable}="`), message)
          assert.ok(message.includes(`expected ${expected}`), message)
          assert.ok(message.endsWith(`using ${used || 'nothing'}`), message)
          if (row.type.mask === undefined) assert.equal(value, printable(refuses))
          if (name !== 'envFile' && name !== 'configFile') assert.deepEqual(config[name], load({}).config[name])
        })

        it('is unset when it is empty or blank', () => {
          for (const blank of ['', ' ', '\t\n']) {
            const { config, origins, problems } = load({ [variable]: blank })
            assert.deepEqual(problems, [])
            assert.deepEqual(config[name], load({}).config[name])
            assert.equal(origins[name].from, load({}).origins[name].from)
          }
        })

        it('may have blanks around its value', () => {
          assert.deepEqual(
            load({ [variable]: `  ${changes}\n` }).config[name],
            load({ [variable]: changes }).config[name],
          )
        })
      })
    }
  }
})
