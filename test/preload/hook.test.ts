import assert from 'node:assert/strict'
import { join } from 'node:path'
import { packageFile } from '../../src/hook'
import { compareVersions } from '../../src/versions'
import { ROOT_FOLDER, runAgent, runBare } from '../kit/agent'

const FOLDER = join(ROOT_FOLDER, 'test/fixtures/preload/packages')

async function run(file: string, ROWS: string, env: Record<string, string> = {}, flag = '--require') {
  const preload = join(FOLDER, 'preload.cjs')
  const { stderr, stdout } = await runBare(join(FOLDER, file), { nodeArgs: [flag, preload], env: { ROWS, ...env } })
  assert.equal(stderr, '')
  return stdout.trimEnd().split('\n')
}

describe('the hook of modules', () => {
  for (const flag of ['--require', '--import']) {
    describe(`installed by ${flag}`, () => {
      it('patches an inner file of a package that is required', async () => {
        const lines = await run('require.cjs', 'inner', {}, flag)
        assert.deepEqual(lines, ['patch plain-cjs lib/words.js', 'hello! you true'])
      })

      it('patches an inner file of a package that is imported', async () => {
        const lines = await run('import.mjs', 'inner', {}, flag)
        assert.deepEqual(lines, ['patch plain-cjs lib/words.js', 'hello! you hello! all'])
      })

      it('patches the entry of a package that is required', async () => {
        const lines = await run('require.cjs', 'entry', {}, flag)
        assert.deepEqual(lines, ['patch plain-cjs main.js', 'hello you! true'])
      })

      it('patches the entry of a CommonJS package that is imported', async () => {
        const [patched, printed, ...rest] = await run('import.mjs', 'entry', {}, flag)
        assert.equal(patched, 'patch plain-cjs main.js')
        assert.match(printed!, /^hello you! /)
        assert.deepEqual(rest, [])
      })

      it('patches a package that is an ES module, for every form of import', async () => {
        const lines = await run('import-esm.mjs', 'esm', {}, flag)
        assert.deepEqual(lines, ['patch true-esm index.js', 'hello you! hello you! hello you'])
      })
    })
  }

  it('wraps once what is both required and imported', async () => {
    const lines = await run('both.mjs', 'entry')
    assert.equal(lines.at(-1), 'hello you! hello you!')
  })

  it('patches what a CommonJS program imports', async () => {
    const lines = await run('dynamic.cjs', 'inner')
    assert.deepEqual(lines, ['patch plain-cjs lib/words.js', 'hello! you hello! all'])
  })

  it('patches each copy of a package', async () => {
    const lines = await run('two-copies.cjs', 'inner')
    assert.deepEqual(lines, ['patch plain-cjs lib/words.js', 'patch plain-cjs lib/words.js', 'hello! you hello! you'])
  })

  it('lets two rows patch the same package', async () => {
    const lines = await run('require.cjs', 'inner,entry')
    assert.deepEqual(lines, ['patch plain-cjs main.js', 'patch plain-cjs lib/words.js', 'hello! you! true'])
  })

  it('leaves a version that is not supported alone and says which are', async () => {
    const [line, printed] = await run('old.cjs', 'old')
    assert.match(line!, /^tracing-agent: @scope\/old 0\.9\.9 is not traced: .* from 1\.0\.0 to below 2\.0\.0 /)
    assert.equal(printed, 'hello you')
  })

  it('patches what was loaded before, and says that it came too late for some', async () => {
    const lines = await run('require.cjs', 'inner', { LOAD_FIRST: 'plain-cjs/lib/words.js' })
    assert.deepEqual(lines, [
      'tracing-agent: plain-cjs was loaded before the agent: some of its calls may not be traced; load the agent first',
      'patch plain-cjs lib/words.js',
      'hello! you true',
    ])
  })

  it('leaves nothing on modules, and lets a program replace and reload them', async () => {
    const lines = await run('cache.cjs', 'inner,entry')
    assert.deepEqual(
      lines.filter(line => !line.startsWith('patch')),
      ['0', 'replaced', 'hello!'],
    )
  })

  it('lets a failing require fail as it does without', async () => {
    const bare = await runBare(join(FOLDER, 'missing.cjs'))
    assert.equal((await run('missing.cjs', 'inner')).join('\n'), bare.stdout.trimEnd())
  })
})

describe('the agent', () => {
  it('leaves the package debug to the program, which may set DEBUG first', async () => {
    const { stderr, stdout } = await runAgent(join(FOLDER, 'debug.cjs'))
    assert.equal(stdout, '0\n')
    assert.match(stderr, /program said/)
  })

  it('prints nothing of its parts when DEBUG=*', async () => {
    const { stderr } = await runAgent('fixtures/preload/http-require.cjs', { env: { DEBUG: '*' } })
    assert.equal(stderr, '')
  })
})

describe('the place of a file in its package', () => {
  it('is found from the last node_modules', () => {
    assert.deepEqual(packageFile('/a/node_modules/b/node_modules/@c/d/lib/e.js'), {
      name: '@c/d',
      folder: '/a/node_modules/b/node_modules/@c/d',
      file: 'lib/e.js',
    })
    assert.deepEqual(packageFile('/a/node_modules/b/index.js'), {
      name: 'b',
      folder: '/a/node_modules/b',
      file: 'index.js',
    })
    assert.equal(packageFile('/a/b.js'), undefined)
    assert.equal(packageFile('/a/node_modules/b.js'), undefined)
    assert.equal(packageFile('/a/node_modules/@b/c.js'), undefined)
  })
})

describe('versions', () => {
  it('are compared by their numbers, and a prerelease counts as its release', () => {
    assert.ok(compareVersions('4.9.0', '4.10.0') < 0)
    assert.ok(compareVersions('10.0.0', '9.9.9') > 0)
    assert.equal(compareVersions('5.0.0-beta.3', '5.0.0'), 0)
    assert.equal(compareVersions('5', '5.0.0'), 0)
    assert.ok(Number.isNaN(compareVersions('of unknown version', '1.0.0')))
  })
})
