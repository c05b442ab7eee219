/** The documentation says what the code does. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { variablesAsMarkdown } from '../src/config/markdown'
import { GROUPS } from '../src/config/options'
import { NOTED } from '../src/config/strangers'
import { ROOT_FOLDER } from './kit/agent'

const readme = readFileSync(join(ROOT_FOLDER, 'README.md'), 'utf8')

describe('the README', () => {
  it('has the table of variables that follows from the code (npm run docs)', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT_FOLDER, 'scripts/docs.mjs'), '--check'], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    assert.equal(status, 0, stderr)
    assert.ok(readme.includes(variablesAsMarkdown()))
  })

  it('names every variable, alias and fallback', () => {
    const names = Object.values(GROUPS).flatMap(rows =>
      Object.values(rows).flatMap(({ env, aliases = [], fallbacks = [] }) => [env, ...aliases, ...fallbacks]),
    )
    for (const name of [...names, ...Object.keys(NOTED)]) assert.ok(readme.includes(`\`${name}\``), name)
  })

  it('names no variable of ours that does not exist', () => {
    const known = new Set([
      ...Object.values(GROUPS).flatMap(rows => Object.values(rows).map(({ env }) => env)),
      ...Object.keys(NOTED),
    ])
    const named = readme.match(/\bTRACING_AGENT_[A-Z_]*[A-Z]\b/g) ?? []
    assert.deepEqual(
      named.filter(name => !known.has(name)),
      [],
    )
  })
})
