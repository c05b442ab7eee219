import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAliases } from '../../src/hook'
import { runAgent } from '../kit/agent'

describe('packages that are installed under another name', () => {
  it('are traced when the package.json of the program says what they are', async () => {
    const { spans, stdout } = await runAgent('fixtures/preload/express-alias.cjs')
    assert.equal(stdout, '200 7\n')
    assert.ok(spans.some(({ kind, name }) => kind === 'SERVER' && name === 'GET /user/:id'))
  })

  const folder = mkdtempSync(join(tmpdir(), 'aliases-'))
  const inside = join(folder, 'src/app')
  mkdirSync(inside, { recursive: true })
  after(() => rmSync(folder, { recursive: true }))
  const aliasesOf = (text: string) => {
    writeFileSync(join(folder, 'package.json'), text)
    return readAliases(inside)
  }

  it('are found in every kind of dependency, in the nearest package.json above the program', () => {
    const text = JSON.stringify({
      dependencies: { four: 'npm:express@^4.0.0', express: '^5.0.0', calls: 'npm:@grpc/grpc-js@1.14.0' },
      devDependencies: { any: 'npm:express' },
      optionalDependencies: { router2: 'npm:router@2' },
    })
    assert.deepEqual(aliasesOf(text), [
      ['four', 'express'],
      ['calls', '@grpc/grpc-js'],
      ['any', 'express'],
      ['router2', 'router'],
    ])
  })

  it('are not looked for in a file that is no package.json', () => {
    assert.deepEqual(aliasesOf('{ "dependencies": { "four": "npm:express@4"'), [])
    assert.deepEqual(aliasesOf('{ "dependencies": ["npm:"], "devDependencies": 7, "x": "npm:" }'), [])
    assert.deepEqual(aliasesOf('null // "npm:"'), [])
  })
})
