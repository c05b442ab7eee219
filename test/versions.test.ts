import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { INSTRUMENTATIONS } from '../instrumentations/index'
import { ROOT_FOLDER } from './kit/agent'
import { type VersionResults, versionsAsMarkdown } from './versions'

const results: VersionResults = JSON.parse(readFileSync(join(ROOT_FOLDER, 'test/versions.json'), 'utf8'))

describe('the versions of packages that were run', () => {
  it('stand in the README (npm run docs)', () => {
    assert.ok(readFileSync(join(ROOT_FOLDER, 'README.md'), 'utf8').includes(versionsAsMarkdown(results)))
  })

  for (const { module, versions } of INSTRUMENTATIONS) {
    if (versions === undefined) continue
    it(`are those of ${module}: its lowest, and each major up to where support ends`, () => {
      const [lowest, below] = versions
      const run = results.packages.filter(({ name }) => name === module).map(({ version }) => version)
      // Express 5 is traced by the row of its package `router`.
      assert.ok(run.includes(lowest), `${module} ${lowest}`)
      const majors = new Set(run.map(major))
      for (let number = major(lowest); number < major(below); number++) assert.ok(majors.has(number), `${number}.x`)
    })
  }

  it('cover every supported line of Node.js', () => {
    assert.deepEqual(results.nodes.map(major), [20, 22, 24, 26])
  })

  it('are traced, and the programs notice nothing', () => {
    for (const { name, results: outcome, version } of results.packages) {
      assert.equal(outcome.length, results.nodes.length)
      for (const word of outcome) assert.match(word, /^(yes|–)$/, `${name} ${version}`)
      assert.ok(outcome.includes('yes'), `${name} ${version}`)
    }
  })
})

function major(version: string): number {
  return Number.parseInt(version, 10)
}
