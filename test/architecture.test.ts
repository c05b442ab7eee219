/** The laws of the design, read from the sources themselves. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { INSTRUMENTATIONS } from '../instrumentations/index'
import { ROOT_FOLDER } from './kit/agent'

const MAX_LINES = 400

interface Import {
  /** `node:net`, `shimmer`, or a path in this project without its extension, such as `src/trace/span`. */
  to: string
  /** Only types: nothing of it is left when the program runs. */
  typeOnly: boolean
}

interface Source {
  /** Relative to the project, such as `src/trace/span.ts`. */
  file: string
  code: string
  imports: Import[]
}

/** What the files of a folder may import. The first law whose folder fits a file is the one that binds it. */
interface Law {
  /** A file, or a folder with everything in it. */
  of: string
  /** Prefixes of paths in the project. */
  may: string[]
  /** Builtin modules: all, none, or those named. Types are always allowed. */
  builtins: 'all' | string[]
  /** Packages at run time. Types are always allowed. */
  packages: 'all' | string[]
}

const CONTRACTS = [
  'src/export/contract',
  'src/sampling/contract',
  'src/instrumentation',
  'src/trace/',
  'src/log',
  'src/guard',
]

const LAWS: Law[] = [
  { of: 'src/register.ts', may: [''], builtins: 'all', packages: 'all' },
  { of: 'src/index.ts', may: ['src/register', ...CONTRACTS], builtins: 'all', packages: [] },
  { of: 'src/cli/', may: ['src/', 'instrumentations/index'], builtins: 'all', packages: 'all' },
  {
    of: 'src/config/file/',
    may: ['src/config/', 'src/credentials', 'src/log'],
    builtins: ['fs', 'path', 'url'],
    packages: ['yaml'],
  },
  {
    of: 'src/config/',
    may: ['src/', '!src/register', '!src/viewer/', '!src/cli/'],
    builtins: 'all',
    packages: ['dotenv'],
  },
  {
    of: 'src/trace/',
    may: ['src/trace/', 'src/sampling/contract'],
    builtins: ['async_hooks', 'crypto', 'perf_hooks'],
    packages: [],
  },
  {
    of: 'src/sampling/',
    may: ['src/sampling/', 'src/trace/', 'src/net/', 'src/log', 'src/timers', 'src/guard'],
    builtins: 'all',
    packages: [],
  },
  { of: 'src/net/', may: ['src/net/', 'src/timers', 'src/guard'], builtins: 'all', packages: [] },
  { of: 'src/propagation/', may: ['src/propagation/', 'src/trace/', 'src/log'], builtins: [], packages: [] },
  {
    of: 'src/export/encodings/',
    may: ['src/export/encodings/', 'src/export/contract', 'src/export/protobuf', 'src/trace/'],
    builtins: ['buffer'],
    packages: [],
  },
  {
    of: 'src/export/transports/',
    may: [
      'src/export/transports/',
      'src/export/contract',
      'src/export/home',
      'src/export/protobuf',
      'src/timers',
      'src/net/',
      'src/log',
      'src/config/environment',
      'src/guard',
    ],
    builtins: 'all',
    packages: 'all',
  },
  {
    of: 'src/export/',
    may: ['src/export/', 'src/config/', 'src/trace/', 'src/timers', 'src/log', 'src/guard'],
    builtins: 'all',
    packages: [],
  },
  { of: 'src/viewer/', may: ['src/viewer/', 'src/log'], builtins: 'all', packages: [] },
  {
    of: 'src/settings.ts',
    may: ['src/config/', 'src/credentials', 'src/glob', 'src/redaction', 'src/sampling/health', ...CONTRACTS],
    builtins: [],
    packages: [],
  },
  { of: 'src/report.ts', may: ['src/config/', 'src/export/', ...CONTRACTS], builtins: [], packages: [] },
  {
    of: 'src/resource',
    may: ['src/resource', 'src/config/', 'src/timers', ...CONTRACTS],
    builtins: 'all',
    packages: ['@opentelemetry/resource-detector-'],
  },
  {
    of: 'src/tracing.ts',
    may: ['src/config/', 'src/otheragents', 'src/patch', 'src/propagation/', 'src/settings', ...CONTRACTS],
    builtins: [],
    packages: [],
  },
  { of: 'src/instrumentation.ts', may: ['src/log', 'src/timers', 'src/trace/'], builtins: [], packages: [] },
  { of: 'src/otheragents.ts', may: ['src/hook', ...CONTRACTS], builtins: [], packages: [] },
  { of: 'src/threads.ts', may: ['src/patch', ...CONTRACTS], builtins: 'all', packages: [] },
  {
    of: 'src/hook.ts',
    may: ['src/channels', 'src/esm', 'src/requirehook', 'src/standin', 'src/versions', ...CONTRACTS],
    builtins: 'all',
    packages: [],
  },
  { of: 'src/standin.ts', may: [], builtins: ['vm'], packages: [] },
  { of: 'src/requirehook.ts', may: [], builtins: 'all', packages: ['require-in-the-middle'] },
  { of: 'src/esm.ts', may: ['src/versions'], builtins: 'all', packages: ['import-in-the-middle'] },
  {
    of: 'src/lifecycle.ts',
    may: ['src/patch', 'src/exitemission', 'src/signals', ...CONTRACTS],
    builtins: 'all',
    packages: [],
  },
  { of: 'src/log.ts', may: ['src/credentials'], builtins: ['fs'], packages: [] },
  { of: 'src/', may: CONTRACTS, builtins: 'all', packages: 'all' },
  { of: 'instrumentations/index.ts', may: ['instrumentations/', 'src/instrumentation'], builtins: [], packages: [] },
  {
    of: 'instrumentations/',
    may: ['instrumentations/', 'src/instrumentation'],
    builtins: 'all',
    packages: ['@opentelemetry/semantic-conventions'],
  },
]

function read(file: string): Source {
  const code = withoutComments(readFileSync(join(ROOT_FOLDER, file), 'utf8'))
  const imports: Import[] = []
  const add = (typeOnly: boolean, target: string) => {
    const to = target.startsWith('.') ? relative(ROOT_FOLDER, join(ROOT_FOLDER, dirname(file), target)) : target
    imports.push({ to, typeOnly })
  }
  for (const [, type, names, target] of code.matchAll(
    /^(?:import|export)\s+(type\s)?([^'"`;]*?)\s*from\s+'([^']+)'/gm,
  )) {
    const onlyTypes =
      /^\{[^}]*\}$/.test(names!) &&
      names!
        .slice(1, -1)
        .split(',')
        .every(name => /^\s*(type\s|$)/.test(name))
    add(type !== undefined || onlyTypes, target!)
  }
  for (const [, target] of code.matchAll(/^import\s+'([^']+)'/gm)) add(false, target!)
  for (const [, typeOf, target] of code.matchAll(/(typeof\s+)?\b(?:require|import)\(\s*'([^']+)'\s*\)/g)) {
    add(typeOf !== undefined, target!)
  }
  return { file, code, imports }
}

/** Comments become blanks; strings that hold `//` (addresses) stay. */
function withoutComments(text: string): string {
  return text.replace(/(?<=^|\s)\/\*[\s\S]*?\*\/|(^|[^:'"`\\])\/\/[^\n]*/gm, (_all, before) => before ?? '')
}

function sourcesUnder(...folders: string[]): Source[] {
  return folders.flatMap(folder =>
    readdirSync(join(ROOT_FOLDER, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
      .map(entry => read(relative(ROOT_FOLDER, join(entry.parentPath ?? entry.path, entry.name)))),
  )
}

function isBuiltin(name: string): boolean {
  return builtinModules.includes(name.replace(/^node:/, ''))
}

function breaks({ of, may, builtins, packages }: Law, { to, typeOnly }: Import): string | undefined {
  if (isBuiltin(to)) {
    if (typeOnly || builtins === 'all' || builtins.includes(to.replace(/^node:/, '').split('/')[0]!)) return undefined
    return `${of} does no I/O: ${to}`
  }
  if (existsSync(join(ROOT_FOLDER, `${to}.ts`)) || existsSync(join(ROOT_FOLDER, to, 'index.ts'))) {
    const allowed = may.some(prefix => !prefix.startsWith('!') && to.startsWith(prefix))
    const forbidden = may.some(prefix => prefix.startsWith('!') && `${to}/`.startsWith(prefix.slice(1)))
    return allowed && !forbidden ? undefined : `${of} may not import ${to}`
  }
  if (to.endsWith('.json') || typeOnly || packages === 'all' || packages.some(name => to.startsWith(name)))
    return undefined
  return `${of} may not load the package ${to}`
}

describe('the architecture', () => {
  const sources = sourcesUnder('src', 'instrumentations')
  const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT_FOLDER,
    encoding: 'utf8',
  })
    .split('\n')
    .filter(file => file !== '' && existsSync(join(ROOT_FOLDER, file)))

  it('every import follows the arrows of the design', () => {
    const wrong: string[] = []
    for (const source of sources) {
      const law = LAWS.find(({ of }) => source.file.startsWith(of))
      assert.ok(law, `no law for ${source.file}`)
      for (const item of source.imports) {
        const sentence = breaks(law, item)
        if (sentence !== undefined) wrong.push(`${source.file}: ${sentence}`)
      }
    }
    assert.deepEqual(wrong, [])
  })

  it('the laws forbid what they are for', () => {
    const law = (of: string) => LAWS.find(item => item.of === of)!
    assert.ok(breaks(law('src/trace/'), { to: 'node:fs', typeOnly: false }))
    assert.ok(breaks(law('src/trace/'), { to: 'src/register', typeOnly: false }))
    assert.ok(breaks(law('src/trace/'), { to: '@opentelemetry/api', typeOnly: false }))
    assert.equal(breaks(law('src/trace/'), { to: '@opentelemetry/api', typeOnly: true }), undefined)
    assert.ok(breaks(law('src/export/transports/'), { to: 'src/trace/span', typeOnly: true }))
    assert.ok(breaks(law('instrumentations/'), { to: 'src/trace/span', typeOnly: true }))
    assert.ok(breaks(law('instrumentations/'), { to: 'express', typeOnly: false }))
    const { imports } = read('src/register.ts')
    assert.ok(
      imports.some(({ to }) => to === 'instrumentations/index'),
      'imports are found',
    )
  })

  it('an instrumentation imports of the others only what they share', () => {
    const wrong: string[] = []
    for (const { file, imports } of sources) {
      if (!file.startsWith('instrumentations/') || file === 'instrumentations/index.ts') continue
      const library = basename(file, '.ts').replace(/^_/, '').split('-')[0]!
      for (const { to } of imports) {
        const name = basename(to)
        const shared =
          name.startsWith('_') || name.split('-')[0] === library || dirname(to) === `instrumentations/${library}`
        if (to.startsWith('instrumentations/') && !shared) wrong.push(`${file} imports ${to}`)
      }
    }
    assert.deepEqual(wrong, [])
  })

  it('@opentelemetry/api is loaded by the composition root and its registration alone', () => {
    const loaders = sources
      .filter(({ imports }) => imports.some(({ to, typeOnly }) => to === '@opentelemetry/api' && !typeOnly))
      .map(({ file }) => file)
      .filter(file => !['src/register.ts', 'src/api.ts', 'src/index.ts'].includes(file))
    assert.deepEqual(loaders, [])
  })

  it('only the configuration reads the environment', () => {
    const readers = sources
      .filter(
        ({ file, code }) => !file.startsWith('src/config/') && /\bprocess\s*(\?\.|\.)\s*env\b|process\[.env/.test(code),
      )
      .map(({ file }) => file)
    assert.deepEqual(readers, [])
  })

  it(`no file has more than ${MAX_LINES} lines of code`, () => {
    const long: string[] = []
    for (const { file, code } of [...sources, ...sourcesUnder('test')]) {
      const lines = code.split('\n').filter(line => line.trim() !== '').length
      if (lines > MAX_LINES) long.push(`${file}: ${lines}`)
    }
    assert.deepEqual(long, [])
  })

  it('no file is a drawer for everything', () => {
    const drawers = tracked.filter(file => /(^|[/_.-])(utils?|helpers?|commons?|misc)([/_.-]|$)/i.test(file))
    assert.deepEqual(drawers, [])
  })

  it('every instrumentation has a test file', () => {
    const tests = tracked.filter(file => file.startsWith('test/instrumentations/') && file.endsWith('.test.ts'))
    const untested = INSTRUMENTATIONS.map(({ name }) => name).filter(
      name => !tests.some(file => basename(file).startsWith(name) || file.startsWith(`test/instrumentations/${name}/`)),
    )
    assert.deepEqual(untested, [])
  })

  it('instrumentation rows have a name of their own and a sentence for the user', () => {
    const names = INSTRUMENTATIONS.map(({ name, module, files }) => `${name} ${module} ${files ?? ''}`)
    assert.equal(new Set(names).size, names.length)
    for (const row of INSTRUMENTATIONS) assert.match(row.doc, /^.{10,}\.$/, row.name)
  })

  it('no file names the host of a package registry', () => {
    const hosts = /registry\.(npmjs|yarnpkg|npmmirror)\.|repo1?\.maven|proxy\.golang\.org|files\.pythonhosted|pypi\.org/
    const named = tracked.filter(
      file => file !== 'test/architecture.test.ts' && hosts.test(readFileSync(join(ROOT_FOLDER, file), 'utf8')),
    )
    assert.deepEqual(named, [])
  })
})
