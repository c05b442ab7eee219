/** Programs that do not run as they were written: what is traced in them, and what cannot be. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { ROOT_FOLDER } from '../kit/agent'
import { runTwice, type TwiceOptions } from '../same/twice'
import { installGroup } from './packages'

const PROGRAMS = join(ROOT_FOLDER, 'test/programs/programs')

interface Kind {
  name: string
  source: string
  typescript: string
  /** What esbuild is told besides. */
  flags: string[]
  /** Modules that ES modules import come in an order that is not fixed. */
  options: TwiceOptions
}

const KINDS: Kind[] = [
  { name: 'CommonJS', source: 'bundled.cjs', typescript: 'program.ts', flags: ['--format=cjs'], options: {} },
  {
    name: 'ES modules',
    source: 'bundled.mjs',
    typescript: 'program.mts',
    flags: [
      '--format=esm',
      // What Express and grpc-js require of Node.
      '--banner:js=import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    ],
    options: { how: 'import', anyModuleOrder: true },
  },
]

const ALL = [
  'CLIENT GET',
  'CLIENT test.Echo/Echo',
  'INTERNAL request handler - /items/:id',
  'SERVER GET /items/:id',
  'SERVER test.Echo/Echo',
]

for (const { name, source, typescript, flags, options } of KINDS) {
  describe(`a program with Express and gRPC, of ${name}`, function () {
    this.timeout(60_000)
    let folder = ''

    before(function () {
      const found = installGroup('clients')
      if ('missing' in found) {
        console.log(`    skipped: ${found.missing}`)
        return this.skip()
      }
      folder = mkdtempSync(join(tmpdir(), 'tracing-agent-bundle-'))
      symlinkSync(join(found.path, 'node_modules'), join(folder, 'node_modules'))
      for (const file of [source, typescript]) cpSync(join(PROGRAMS, source), join(folder, file))
      cpSync(join(PROGRAMS, 'exchange.cjs'), join(folder, 'exchange.cjs'))
    })

    after(() => rmSync(folder, { recursive: true, force: true }))

    const names = (spans: { kind: string; name: string }[]) => spans.map(span => `${span.kind} ${span.name}`).sort()

    function bundle(...more: string[]): string {
      const output = join(folder, `bundle${extname(source)}`)
      const esbuild = join(folder, 'node_modules/esbuild/bin/esbuild')
      const args = [join(folder, source), '--bundle', '--platform=node', `--outfile=${output}`, ...flags, ...more]
      const { status, stderr } = spawnSync(process.execPath, [esbuild, ...args], { encoding: 'utf8', timeout: 30_000 })
      assert.equal(status, 0, stderr)
      return output
    }

    it('is traced as a whole when it runs as it is', async () => {
      const { spans, traced } = await runTwice(join(folder, source), options)
      assert.deepEqual(traced.stdout, ['200 one', ''])
      assert.deepEqual(names(spans), ALL)
    })

    it('is traced at HTTP alone when esbuild has put it into one file: the packages are no modules any more', async () => {
      const { spans } = await runTwice(bundle(), options)
      assert.deepEqual(names(spans), ['CLIENT GET', 'SERVER GET'])
    })

    it('is traced as a whole in a bundle that leaves its packages outside', async () => {
      const { spans } = await runTwice(bundle('--packages=external'), options)
      assert.deepEqual(names(spans), ALL)
    })

    it('is traced as a whole under tsx', async () => {
      const tsx = ['--import', join(folder, 'node_modules/tsx/dist/loader.mjs')]
      const { spans } = await runTwice(join(folder, typescript), { ...options, nodeArgs: tsx, anyModuleOrder: true })
      assert.deepEqual(names(spans), ALL)
    })
  })
}
