import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'acorn'
import { REGISTER, ROOT_FOLDER, type RunOptions, runAgent, runBare } from '../kit/agent'

const GUARDED = 'fixtures/preload/guarded.cjs'
const REQUEST = 'fixtures/preload/http-require.cjs'
const FIXTURES = join(ROOT_FOLDER, 'test/fixtures/preload')

describe('register.js', () => {
  let folder: string

  before(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'tracing-agent-guards-')))
    mkdirSync(join(folder, 'node_modules'))
    // A package of its own, whatever lies about in the folder above.
    writeFileSync(join(folder, 'package.json'), '{}')
    symlinkSync(ROOT_FOLDER, join(folder, 'node_modules/tracing-agent'))
  })
  after(() => rmSync(folder, { recursive: true }))

  /** A copy of register.js in another place, with what stands beside it. */
  function copy(name: string, register?: string): string {
    const file = join(folder, name, 'register.js')
    mkdirSync(dirname(file), { recursive: true })
    cpSync(REGISTER, file)
    if (register !== undefined) {
      mkdirSync(join(folder, name, 'build/src'), { recursive: true })
      writeFileSync(join(folder, name, 'build/src/register.js'), register)
    }
    return file
  }

  /** A program of that name that says whether it is traced. */
  function program(name: string): string {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    cpSync(join(ROOT_FOLDER, 'test', GUARDED), file)
    return file
  }

  const withFlags = (...nodeArgs: string[]): RunOptions => ({ how: 'none', nodeArgs, cwd: folder })

  it('can be read by Node.js 8', () => {
    parse(readFileSync(REGISTER, 'utf8'), { ecmaVersion: 2017 })
  })

  describe('loaded in every way', () => {
    const url = pathToFileURL(REGISTER).href
    const ways: [name: string, nodeArgs: string[], NODE_OPTIONS?: string][] = [
      ['--require with the name of the package', ['--require', 'tracing-agent/register']],
      ['--import with the name of the package', ['--import', 'tracing-agent/register']],
      ['--require with its file name', ['--require', 'tracing-agent/register.js']],
      ['--require with an absolute path', ['--require', REGISTER]],
      ['--import with an absolute path', ['--import', REGISTER]],
      ['--import with a URL', ['--import', url]],
      ['NODE_OPTIONS with --require and the name', [], '--require tracing-agent/register'],
      ['NODE_OPTIONS with --import and the name', [], '--import tracing-agent/register'],
      ['--require twice', ['--require', REGISTER, '--require', 'tracing-agent/register']],
      ['--import twice', ['--import', REGISTER, '--import', 'tracing-agent/register']],
      ['both flags', ['--require', REGISTER, '--import', url]],
      ['both flags and NODE_OPTIONS', ['--require', REGISTER, '--import', url], `--require ${REGISTER}`],
    ]
    for (const [name, nodeArgs, NODE_OPTIONS] of ways) {
      it(`traces once: ${name}`, async () => {
        const { code, spans, stderr } = await runAgent(REQUEST, { ...withFlags(...nodeArgs), env: { NODE_OPTIONS } })
        assert.equal(stderr, '')
        assert.equal(code, 0)
        assert.deepEqual(spans.map(({ kind }) => kind).sort(), ['CLIENT', 'SERVER'])
      })
    }
  })

  it('stays away, in one line, when another copy of the package is loaded already', async () => {
    const second = copy('second')
    const { spans, stderr } = await runAgent(REQUEST, withFlags('--require', REGISTER, '--require', second))
    assert.equal(stderr, `tracing-agent: ${second} stays away: ${REGISTER} is loaded already\n`)
    assert.equal(spans.length, 2)
  })

  it('says in one line what to do when it was not built, and the program runs', async () => {
    const { code, stderr, stdout } = await runAgent(GUARDED, withFlags('--require', copy('unbuilt')))
    assert.equal(code, 0)
    assert.match(stdout, /traced\n$/)
    assert.match(stderr, /^tracing-agent: .*unbuilt\/build is missing, "npm run build" makes it.*untraced\n$/)
  })

  it('says in one line that it could not start, and the program runs', async () => {
    const broken = copy('broken', 'exports.start = () => { throw new Error("no luck") }')
    const { code, stderr, stdout } = await runAgent(GUARDED, withFlags('--require', broken))
    assert.equal(code, 0)
    assert.match(stdout, /traced\n$/)
    assert.match(stderr, /^tracing-agent: could not start \(Error: no luck.*\); the program runs untraced\n$/)
  })

  for (const OLD_NODE of ['8.17.0', '18.20.4', '20.5.1']) {
    it(`says in one line that Node.js ${OLD_NODE} is too old, and the program runs untraced`, async () => {
      const options = withFlags('--require', join(FIXTURES, 'old-node.cjs'), '--require', REGISTER)
      const { code, stderr, stdout } = await runAgent(GUARDED, { ...options, env: { OLD_NODE } })
      assert.equal(code, 0)
      assert.equal(stdout, 'untraced\n')
      assert.equal(
        stderr,
        `tracing-agent: needs Node.js 20.6 or newer, this is v${OLD_NODE}; the program runs untraced\n`,
      )
    })
  }

  it('says nothing of an old Node.js when OTEL_LOG_LEVEL=none', async () => {
    const options = withFlags('--require', join(FIXTURES, 'old-node.cjs'), '--require', REGISTER)
    const { stderr, stdout } = await runAgent(GUARDED, {
      ...options,
      env: { OLD_NODE: '18.0.0', OTEL_LOG_LEVEL: 'None' },
    })
    assert.equal(stdout, 'untraced\n')
    assert.equal(stderr, '')
  })

  describe('and package managers', () => {
    const theirs = [
      'lib/node_modules/npm/bin/npm-cli.js',
      'lib/node_modules/npm/bin/npx-cli.js',
      'bin/npm',
      'bin/npx',
      'node_modules/pnpm/bin/pnpm.cjs',
      'node_modules/pnpm/bin/pnpx.cjs',
      'bin/yarn',
      'yarn-v1.22.19/bin/yarn.js',
      'project/.yarn/releases/yarn-4.1.0.cjs',
      'node_modules/corepack/dist/corepack.js',
      'node_modules/corepack/dist/yarn.js',
      'bin/corepack',
    ]
    for (const name of theirs) {
      it(`stays away from ${name}`, async () => {
        const { stderr, stdout } = await runAgent(program(name), { how: 'node-options', cwd: folder })
        assert.equal(stdout, 'untraced\n')
        assert.equal(stderr, '')
      })
    }

    const programs = ['app/npm.js', 'npm/index.js', 'yarn/src/main.js', 'bin/npm-check.js', 'pnpm-workspace/app.js']
    for (const name of programs) {
      it(`traces ${name}, which is none`, async () => {
        const { stdout } = await runAgent(program(name), { how: 'node-options', cwd: folder })
        assert.equal(stdout, 'traced\n')
      })
    }

    it('traces what they start', async () => {
      const file = join(folder, 'start/bin/npm')
      mkdirSync(dirname(file), { recursive: true })
      const child = join(ROOT_FOLDER, 'test', GUARDED)
      writeFileSync(
        file,
        `require('node:child_process').spawnSync(process.execPath, [${JSON.stringify(child)}], { stdio: 'inherit' })`,
      )
      const { stdout } = await runAgent(file, { how: 'node-options' })
      assert.equal(stdout, 'traced\n')
    })
  })

  it('stays away from the thread in which module loaders run', async () => {
    const loader = pathToFileURL(join(FIXTURES, 'register-loader.mjs')).href
    const options = { nodeArgs: ['--no-warnings', '--import', loader] }
    const { stdout } = await runAgent(GUARDED, { ...options, how: 'node-options' })
    assert.deepEqual(stdout.trim().split('\n').sort(), ['loader thread untraced', 'traced'])
    const bare = await runBare(GUARDED, options)
    assert.deepEqual(bare.stdout.trim().split('\n').sort(), ['loader thread untraced', 'untraced'])
  })
})
