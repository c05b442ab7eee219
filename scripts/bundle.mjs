/**
 * The agent as a few files, in build/agent: to find, read and compile ninety files is most of what a start costs.
 *
 *     register.js       what every start needs, and the state that must exist once
 *     lazy-*.js         what `require` asks for later; each is read when it is asked for, and takes what it shares
 *                       with register.js from there
 *     index.js          the API, around the same register.js
 *     cli/main.js       the command
 *     *-worker.js       threads of our own
 *
 * `import` in a source means now, `require` means later. What is in `dependencies` of package.json stays outside, as do
 * optional peers; all else is compiled in.
 */
import { readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const OUT = join(ROOT, 'build/agent')
const { version, dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const REGISTER = 'src/register.ts'
/** Asked for by `require`, and loaded at every start nevertheless. */
const ALWAYS = [
  'node_modules/require-in-the-middle/index.js',
  'src/export/rows/otlp.ts',
  'src/export/encodings/otlp-protobuf.ts',
  'src/export/transports/http.ts',
  'instrumentations/http.ts',
  'instrumentations/undici.ts',
]

/** Where files of the bundle differ from those that tsc makes. */
const differences = {
  name: 'differences',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/package\.json$/ }, () => ({ path: 'package.json', namespace: 'version' }))
    onLoad({ filter: /./, namespace: 'version' }, () => ({ contents: JSON.stringify({ version }), loader: 'json' }))
    // What is compiled in is shared with nobody, and needs no care with the package `debug`.
    onLoad({ filter: /[\\/]requirehook\.ts$/ }, () => ({
      contents: "export function loadRequireInTheMiddle() { return require('require-in-the-middle') }",
      resolveDir: ROOT,
    }))
    onResolve({ filter: /^debug$/ }, () => ({ path: 'debug', namespace: 'silent' }))
    onLoad({ filter: /./, namespace: 'silent' }, () => ({ contents: 'module.exports = () => () => {}' }))
  },
}

const OPTIONS = {
  absWorkingDir: ROOT,
  outdir: OUT,
  bundle: true,
  platform: 'node',
  // Of packages that come both ways the ES modules: what is not used falls away.
  mainFields: ['module', 'main'],
  format: 'cjs',
  target: 'node20.6',
  external: [...Object.keys(dependencies), ...Object.keys(peerDependencies)].flatMap(name => [name, `${name}/*`]),
  // Names stay: they stand in stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  // As tsc's files are; a function that is not strict has keys that a program could see.
  banner: { js: '"use strict";' },
  // An uncaught error prints the line that threw it.
  lineLimit: 120,
  // V8 reads text of one byte a character faster.
  charset: 'ascii',
  legalComments: 'none',
  // With the sources, which stand nowhere else in the package.
  sourcemap: 'linked',
  logLevel: 'warning',
}

const { core, files } = cut(await importsOf(REGISTER))
rmSync(OUT, { recursive: true, force: true })
const shared = new Set()
for (const [name, members] of files) {
  const lines = members.map(file => `  get ${JSON.stringify(file)}() { return require('./${file}') },`)
  await bundle(name, `module.exports = {\n${lines.join('\n')}\n}`, { core, members, shared })
}
const names = [...shared].sort()
await bundle(
  'register',
  [
    `export * from './${REGISTER}'`,
    ...names.map((file, index) => `import * as m${index} from './${file}'`),
    `export const modules = { ${names.map((file, index) => `${JSON.stringify(file)}: m${index}`).join(', ')} }`,
  ].join('\n'),
  { members: ALWAYS },
)
const toRegister = {
  name: 'to register',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/register$/ }, () => ({ path: './register.js', external: true }))
  },
}
const ownEntries = {
  ...OPTIONS,
  sourcesContent: false,
  plugins: [differences, toRegister],
}
await build({
  ...ownEntries,
  entryPoints: {
    index: 'src/index.ts',
    'exit-worker': 'src/export/exit-worker.ts',
    'cloud-worker': 'src/resource/cloud-worker.ts',
  },
})
// Tells errors by their message alone: a tenth of the package for a map that nobody reads is too much.
await build({ ...ownEntries, entryPoints: { 'cli/main': 'src/cli/main.ts' }, sourcemap: false })

/** Writes one file of the bundle. Its `members` are in it; other files that are asked for later stand elsewhere. */
async function bundle(name, contents, { core = new Set(), members, shared }) {
  const elsewhere = {
    name: 'elsewhere',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /^[^/:]+(\/|$)/ }, async ({ path, kind, resolveDir, pluginData, namespace }) => {
        if (pluginData === 'asked' || namespace === 'core' || namespace === 'later') return undefined
        const found = await resolve(path, { kind, resolveDir, pluginData: 'asked' })
        if (found.errors.length > 0) return undefined
        const file = relative(ROOT, found.path)
        if (core.has(file) && !file.startsWith('node_modules/')) return { path: file, namespace: 'core' }
        const isLater = kind === 'require-call' && !members.includes(file) && fileOf(file) !== undefined
        return isLater ? { path: file, namespace: 'later' } : undefined
      })
      onLoad({ filter: /./, namespace: 'core' }, ({ path }) => {
        shared.add(path)
        return { contents: `module.exports = require('./register.js').modules[${JSON.stringify(path)}]` }
      })
      onLoad({ filter: /./, namespace: 'later' }, ({ path }) => ({
        contents: `module.exports = require('./${fileOf(path)}.js')[${JSON.stringify(path)}]`,
      }))
      onResolve({ filter: /^\.\/(register|lazy-[\w-]+)\.js$/ }, ({ path, namespace }) =>
        namespace === 'core' || namespace === 'later' ? { path, external: true } : undefined,
      )
    },
  }
  await build({
    ...OPTIONS,
    outdir: undefined,
    outfile: join(OUT, `${name}.js`),
    stdin: { contents, resolveDir: ROOT, sourcefile: `${name}.js` },
    plugins: [differences, elsewhere],
  })
}

function fileOf(member) {
  for (const [name, members] of files) if (members.includes(member)) return name
  return undefined
}

/** For each source that is reached: what it imports now, and what it asks for later. */
async function importsOf(entry) {
  const { metafile } = await build({
    ...OPTIONS,
    entryPoints: [entry],
    sourcemap: false,
    write: false,
    metafile: true,
    plugins: [differences],
  })
  const graph = new Map()
  for (const [file, { imports }] of Object.entries(metafile.inputs)) {
    const inside = imports.filter(({ external, path }) => !external && !path.includes(':'))
    const now = ({ kind }) => kind !== 'require-call' || file.startsWith('node_modules/')
    graph.set(file, {
      now: inside.filter(now).map(({ path }) => path),
      later: inside.filter(each => !now(each)).map(({ path }) => path),
    })
  }
  return graph
}

/** @returns the sources of register.js, and of each other file those that are asked for. None is in two files. */
function cut(graph) {
  const core = closure(graph, [REGISTER, ...ALWAYS], new Set())
  const groups = []
  const later = new Set([...graph.values()].flatMap(each => each.later).filter(file => !core.has(file)))
  for (const file of later) {
    const group = { members: [file], all: closure(graph, [file], core) }
    for (const other of groups.filter(({ all }) => [...all].some(each => group.all.has(each)))) {
      group.members.push(...other.members)
      for (const each of other.all) group.all.add(each)
      groups.splice(groups.indexOf(other), 1)
    }
    groups.push(group)
  }
  return { core, files: new Map(groups.map(({ members }) => [nameOf(members.sort()[0]), members])) }
}

/** `lazy-sampling-xray` for src/sampling/xray.ts and what belongs to it */
function nameOf(file) {
  return `lazy-${file.replace(/^src\/|\.\w+$/g, '').replace(/\W+/g, '-')}`
}

function closure(graph, files, without) {
  const found = new Set()
  const visit = file => {
    if (found.has(file) || without.has(file)) return
    found.add(file)
    for (const next of graph.get(file)?.now ?? []) visit(next)
  }
  for (const file of files) visit(file)
  return found
}
