/** The package as npm would publish it, in a folder of its own: not the tree it is made from. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT_FOLDER, runBare } from './kit/agent'
import { type Collector, startCollector } from './kit/collector'

const run = promisify(execFile)

/** What npm says when no registry can be reached. */
const NO_REGISTRY = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|ERR_SOCKET_TIMEOUT|ENOTCACHED/

const BUNDLE = join(ROOT_FOLDER, 'build/agent')

const PROGRAM = `
const http = require('node:http')
const server = http.createServer((req, res) => res.end('hello')).listen(0, '127.0.0.1', () => {
  http.get({ port: server.address().port, host: '127.0.0.1' }, res => res.resume().on('end', () => server.close()))
})
`

async function npm(args: string[], cwd: string): Promise<string> {
  const { stdout } = await run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    timeout: 120_000,
  })
  return stdout
}

describe('the package', function () {
  this.timeout(240_000)
  let folder: string
  let collector: Collector
  let files: string[]
  let hadBundle = false

  before(async function () {
    folder = mkdtempSync(join(tmpdir(), 'tracing-agent-package-'))
    hadBundle = existsSync(BUNDLE)
    await run(process.execPath, [join(ROOT_FOLDER, 'scripts/bundle.mjs')], { timeout: 60_000 })
    // Scripts are left out: they would compile again what other tests are using.
    const packed = await npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], ROOT_FOLDER)
    const listing = JSON.parse(packed)
    const [item] = Array.isArray(listing) ? listing : (Object.values(listing) as any[])
    files = item.files.map(({ path }: { path: string }) => path)
    writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "version": "1.0.0" }')
    writeFileSync(join(folder, 'app.cjs'), PROGRAM)
    try {
      await npm(['install', '--omit=dev', '--prefer-offline', join(folder, item.filename)], folder)
    } catch (error) {
      const { stderr } = error as { stderr: string }
      if (!NO_REGISTRY.test(stderr)) throw error
      console.log(`    skipped: the dependencies cannot be installed, no package registry answers (${stderr.trim()})`)
      this.skip()
    }
    collector = await startCollector()
  })

  after(async () => {
    await collector?.close()
    rmSync(folder, { recursive: true, force: true })
    if (!hadBundle) rmSync(BUNDLE, { recursive: true, force: true })
  })

  it('holds the program and its licence, and nothing of the tests', () => {
    for (const file of [
      'register.js',
      'build/agent/register.js',
      'build/agent/register.js.map',
      'build/agent/yaml.js',
      'build/agent/LICENSES.txt',
      'build/src/index.d.ts',
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'package.json',
    ]) {
      assert.ok(files.includes(file), file)
    }
    assert.deepEqual(
      files.filter(file => /^(test|bench|examples|build\/(test|bench))\//.test(file)),
      [],
    )
  })

  for (const flag of ['--require', '--import']) {
    it(`traces an unchanged program under ${flag} tracing-agent/register`, async () => {
      const result = await runBare(join(folder, 'app.cjs'), {
        cwd: folder,
        nodeArgs: [flag, 'tracing-agent/register'],
        env: collector.env(),
        coverage: false,
      })
      assert.deepEqual([result.code, result.stdout], [0, ''], result.stderr)
      const [client, server] = await collector.take(2)
      assert.deepEqual([client!.kind, server!.kind], ['CLIENT', 'SERVER'])
      assert.equal(server!.parentSpanId, client!.spanId)
      assert.equal(client!.resource['service.name'], 'empty')
    })
  }

  it('gives a command and an API', async () => {
    const { version } = require(join(ROOT_FOLDER, 'package.json'))
    const command = join(folder, 'node_modules/.bin/tracing-agent')
    assert.equal((await run(command, ['--version'], { timeout: 20_000 })).stdout.trim(), version)
    const code = `const agent = require('tracing-agent')
      agent.start(); agent.flush().then(() => agent.stop()).then(() => console.log(typeof agent.start))`
    const { stdout } = await run(process.execPath, ['-e', code], { cwd: folder, timeout: 20_000 })
    assert.equal(stdout.trim(), 'function')
  })

  it('is small, and brings few packages along', async () => {
    const modules = join(folder, 'node_modules')
    const names = readdirSync(modules).filter(name => !name.startsWith('.') && name !== 'tracing-agent')
    const packages = names.flatMap(name => (name.startsWith('@') ? readdirSync(join(modules, name)) : [name]))
    assert.ok(packages.length <= 12, packages.join())
    assert.ok(existsSync(join(modules, 'tracing-agent')))
    const { stdout } = await run('du', ['-sk', modules])
    const kilobytes = Number.parseInt(stdout, 10)
    assert.ok(kilobytes <= 3 * 1024, `${kilobytes} kB`)
  })
})
