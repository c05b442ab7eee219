import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareVersions } from '../src/versions'
import { ROOT_FOLDER } from './kit/agent'
import { major, SUPPORTED, type VersionResults, versionsAsMarkdown, versionsToRun } from './versions'

const results: VersionResults = JSON.parse(readFileSync(join(ROOT_FOLDER, 'test/versions.json'), 'utf8'))

/** All copies in node_modules, whatever they are installed as (`undici6`): name and version. */
function installed(): [name: string, version: string][] {
  const folder = join(ROOT_FOLDER, 'node_modules')
  const places = readdirSync(folder).flatMap(name =>
    name.startsWith('@') ? readdirSync(join(folder, name)).map(inner => join(name, inner)) : [name],
  )
  return places.flatMap(place => {
    if (place.startsWith('.')) return []
    const { name, version } = JSON.parse(readFileSync(join(folder, place, 'package.json'), 'utf8'))
    return [[name, version]] as [string, string][]
  })
}

describe('the versions of packages that were run', () => {
  it('stand in the README (npm run docs)', () => {
    assert.ok(readFileSync(join(ROOT_FOLDER, 'README.md'), 'utf8').includes(versionsAsMarkdown(results)))
  })

  const copies = installed()
  for (const supported of SUPPORTED) {
    const { name, lowest, below = '' } = supported
    const run = results.packages.filter(row => row.name === name).map(({ version }) => version)
    const own = copies.filter(([copy]) => copy === name).map(([, version]) => version)

    it(`are those of ${name} that are supported: its lowest, those that are named, and one or two of each major`, () => {
      // Which one is the newest only npm run versions knows: of what was run it takes the highest again.
      assert.deepEqual(run, versionsToRun(supported, run))
      const majors = new Set(run.map(major))
      const last = below === '' ? Math.max(...majors) : major(below) - 1
      for (let number = major(lowest); number <= last; number++) assert.ok(majors.has(number), `${number}.x`)
    })

    it(`are of ${name} not older than what is installed here (npm run versions)`, () => {
      assert.ok(own.length > 0)
      for (const version of own) {
        if (compareVersions(version, lowest) < 0 || (below !== '' && compareVersions(version, below) >= 0)) continue
        const newest = run.filter(other => major(other) === major(version)).at(-1) ?? 'none'
        assert.ok(
          compareVersions(newest, version) >= 0,
          `${version} is installed, and the newest that was run is ${newest}`,
        )
      }
    })
  }

  it('are found in what is published: the lowest, what is named, and the newest of each major that is supported', () => {
    const published = [
      '0.9.0',
      '1.0.0',
      '1.2.0',
      '1.10.0',
      '1.9.9',
      '2.0.0-rc.1',
      '2.0.0',
      '2.1.0-beta',
      '3.0.0',
      '10.1.0',
    ]
    const choose = (lowest: string, below?: string, also: string[] = []) =>
      versionsToRun({ name: 'a', lowest, below, also }, published)
    assert.deepEqual(choose('1.0.0', '3.0.0'), ['1.0.0', '1.10.0', '2.0.0'])
    assert.deepEqual(choose('1.2.0'), ['1.2.0', '1.10.0', '2.0.0', '3.0.0', '10.1.0'])
    assert.deepEqual(choose('1.0.0', '2.0.0', ['1.9.9']), ['1.0.0', '1.9.9', '1.10.0'])
    assert.deepEqual(choose('2.0.0', '3.0.0'), ['2.0.0'])
  })

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
