/** Programs that do not run as they were written: what is traced in them, and what cannot be. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT_FOLDER } from '../kit/agent'
import { runTwice } from '../same/twice'
import { installGroup } from './packages'

const SOURCE = join(ROOT_FOLDER, 'test/programs/programs/bundled.cjs')

describe('a program with Express and gRPC', function () {
  this.timeout(60_000)
  const ready = () => installGroup('clients')
  let folder = ''

  before(function () {
    const found = ready()
    if ('missing' in found) {
      console.log(`    skipped: ${found.missing}`)
      return this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'tracing-agent-bundle-'))
    symlinkSync(join(found.path, 'node_modules'), join(folder, 'node_modules'))
    for (const name of ['program.cjs', 'program.ts']) cpSync(SOURCE, join(folder, name))
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  const names = (spans: { kind: string; name: string }[]) => spans.map(({ kind, name }) => `${kind} ${name}`).sort()
  const ALL = [
    'CLIENT GET',
    'CLIENT test.Echo/Echo',
    'INTERNAL request handler - /items/:id',
    'SERVER GET /items/:id',
    'SERVER test.Echo/Echo',
  ]

  it('is traced as a whole when it runs as it is', async () => {
    const { spans, traced } = await runTwice(join(folder, 'program.cjs'))
    assert.deepEqual(traced.stdout, ['200 one', ''])
    assert.deepEqual(names(spans), ALL)
  })

  it('is traced at HTTP alone when esbuild has put it into one file: the packages are no modules any more', async () => {
    const output = join(folder, 'bundle.cjs')
    const esbuild = join(folder, 'node_modules/esbuild/bin/esbuild')
    const args = [esbuild, join(folder, 'program.cjs'), '--bundle', '--platform=node', `--outfile=${output}`]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 })
    assert.equal(status, 0, stderr)
    const { spans } = await runTwice(output)
    assert.deepEqual(names(spans), ['CLIENT GET', 'SERVER GET'])
  })

  it('is traced as a whole in a bundle that leaves its packages outside', async () => {
    const output = join(folder, 'outside.cjs')
    const esbuild = join(folder, 'node_modules/esbuild/bin/esbuild')
    const args = [
      esbuild,
      join(folder, 'program.cjs'),
      '--bundle',
      '--platform=node',
      '--packages=external',
      `--outfile=${output}`,
    ]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 })
    assert.equal(status, 0, stderr)
    const { spans } = await runTwice(output)
    assert.deepEqual(names(spans), ALL)
  })

  it('is traced as a whole under tsx', async () => {
    const tsx = ['--import', join(folder, 'node_modules/tsx/dist/loader.mjs')]
    const { spans } = await runTwice(join(folder, 'program.ts'), { nodeArgs: tsx, anyModuleOrder: true })
    assert.deepEqual(names(spans), ALL)
  })
})
