/**
 * The agent as a few files, in build/agent: to find, read and compile ninety files is most of what a start costs.
 *
 *     register.js       what every start needs, and the state that must exist once
 *     lazy-*.js         what `require` asks for later; each is read when it is asked for, and takes what it shares
 *                       with register.js, or with what most programs load later, from there
 *     index.js          the API, around the same register.js
 *     yaml.js           the parser of configuration files, larger than all that reads them
 *     cli/main.js       the command
 *     *-worker.js       threads of our own
 *
 * `import` in a source means now, `require` means later. What is in `dependencies` of package.json stays outside, as do
 * optional peers; all else is compiled in.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const OUT = join(ROOT, 'build/agent')
const { version, dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const REGISTER = 'src/register.ts'
/** Asked for by `require`, and loaded at every start nevertheless. */
const ALWAYS = [
  'instrumentations/undici-start.ts',
  'node_modules/require-in-the-middle/index.js',
  'src/export/encodings/text.ts',
  'src/export/rows/otlp.ts',
  'src/export/transports/http.ts',
]

/** What `node:module` exports, in a file of the bundle: every CommonJS file has it without asking. */
const NODE_MODULE = 'NodeModule'

/**
 * Asked for by `require` in most programs, each group at one time: with the first look at HTTP, with the first batch. What
 * others share with them they take from their file.
 */
const OFTEN = [
  ['instrumentations/http.ts', 'src/tracing.ts', 'src/export/exporter.ts'],
  ['src/export/encodings/otlp-protobuf.ts', 'src/export/transports/http-posting.ts'],
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
    // Of this builtin they use only what is there before it is loaded.
    onResolve({ filter: /^(node:)?module$/ }, ({ importer }) =>
      /[\\/](src[\\/]hook\.ts|require-in-the-middle[\\/]index\.js)$/.test(importer)
        ? { path: 'module', namespace: 'own' }
        : undefined,
    )
    onLoad({ filter: /./, namespace: 'own' }, () => ({ contents: `module.exports = ${NODE_MODULE}` }))
    onResolve({ filter: /^yaml$/ }, ({ importer }) =>
      importer === '' ? undefined : { path: './yaml.js', external: true },
    )
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
  // Files, lines and names; the sources themselves would be a fifth of an installation.
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
}

const graph = await importsOf(REGISTER)
/** Each source that several files of the bundle may use, with the one in which it stands. */
const owners = new Map()
place('register', [REGISTER, ...ALWAYS])
for (const members of OFTEN) place(nameOf(members[0]), members)
/** For each file of the bundle the sources that are asked for from it. */
const files = new Map([...OFTEN.map(members => [nameOf(members[0]), members]), ...cut(graph)])
/** For each file that others take from, what they take. */
const shared = new Map(['register', ...OFTEN.map(members => nameOf(members[0]))].map(name => [name, new Set()]))
rmSync(OUT, { recursive: true, force: true })
for (const [name, members] of [...files].reverse()) {
  const lines = members.map(file => `  get ${JSON.stringify(file)}() { return require('./${file}') },`)
  const own = `export const members = {\n${lines.join('\n')}\n}`
  await bundle(name, shared.has(name) ? `${own}\n${exporting(shared.get(name))}` : own, members)
}
await bundle('register', `export * from './${REGISTER}'\n${exporting(shared.get('register'))}`, ALWAYS)

function place(owner, sources) {
  for (const source of closure(graph, sources, owners)) owners.set(source, owner)
}

/** Everything at once, and not each when it is asked for: what is imported can be called without a detour. */
function exporting(sources) {
  const names = [...sources].sort()
  return [
    ...names.map((file, index) => `import * as m${index} from './${file}'`),
    `export const modules = { ${names.map((file, index) => `${JSON.stringify(file)}: m${index}`).join(', ')} }`,
  ].join('\n')
}
const toRegister = {
  name: 'to register',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/register$/ }, () => ({ path: './register.js', external: true }))
  },
}
const ownEntries = {
  ...OPTIONS,
  plugins: [differences, toRegister],
}
await build({
  ...ownEntries,
  entryPoints: {
    index: 'src/index.ts',
    'exit-worker': 'src/export/exit-worker.ts',
    'cloud-worker': 'src/resource/cloud-worker.ts',
    'kafka-worker': 'src/export/transports/kafka-worker.ts',
  },
})
// Tells errors by their message alone: a tenth of the package for a map that nobody reads is too much.
const fromBelow = {
  name: 'from below',
  setup({ onResolve }) {
    onResolve({ filter: /^yaml$/ }, () => ({ path: '../yaml.js', external: true }))
  },
}
await build({
  ...ownEntries,
  entryPoints: { 'cli/main': 'src/cli/main.ts' },
  sourcemap: false,
  // For the same reason its names may go, but for those that a user reads.
  minify: true,
  keepNames: false,
  plugins: [fromBelow, ...ownEntries.plugins],
})
// Of the ES modules what is used; nobody looks for the names in it.
const YAML = join(ROOT, 'node_modules/yaml/browser/dist/index.js')
await build({
  ...OPTIONS,
  outdir: undefined,
  outfile: join(OUT, 'yaml.js'),
  stdin: {
    contents: `export { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from ${JSON.stringify(YAML)}`,
    resolveDir: ROOT,
  },
  minify: true,
  sourcemap: false,
})

/** The licences of what is compiled in, which ask to go along. */
const packages = new Set(['yaml'])
for (const file of graph.keys()) {
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(file)?.[1]
  if (name !== undefined) packages.add(name)
}
const licences = [...packages].sort().map(name => {
  const folder = join(ROOT, 'node_modules', name)
  const file = readdirSync(folder).find(each => /^licen[cs]e/i.test(each))
  return `${name}\n${'='.repeat(name.length)}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
})
writeFileSync(join(OUT, 'LICENSES.txt'), `Compiled into these files:\n\n${licences.join('\n\n')}`)

/** Writes one file of the bundle. Its `members` are in it; other files that are asked for later stand elsewhere. */
async function bundle(name, contents, members) {
  const elsewhere = {
    name: 'elsewhere',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /^[^/:]+(\/|$)/ }, async ({ path, kind, resolveDir, pluginData, namespace }) => {
        if (pluginData === 'asked' || namespace === 'shared' || namespace === 'later') return undefined
        const found = await resolve(path, { kind, resolveDir, pluginData: 'asked' })
        if (found.errors.length > 0) return undefined
        const file = relative(ROOT, found.path)
        const isLater = kind === 'require-call' && !members.includes(file) && fileOf(file) !== undefined
        if (isLater) return { path: file, namespace: 'later' }
        const owner = file.startsWith('node_modules/') ? name : owners.get(file)
        return owner === undefined || owner === name
          ? undefined
          : { path: file, namespace: 'shared', pluginData: owner }
      })
      onLoad({ filter: /./, namespace: 'shared' }, async ({ path, pluginData: owner }) => {
        shared.get(owner).add(path)
        // Constants: the properties of the other file's modules are getters, which every call would go through.
        const constants = (await exportsOf(path)).map(each => `export const ${each} = from.${each}`)
        return {
          contents: `const from = require('./${owner}.js').modules[${JSON.stringify(path)}]\n${constants.join('\n')}`,
        }
      })
      onLoad({ filter: /./, namespace: 'later' }, ({ path }) => {
        return { contents: `module.exports = require('./${fileOf(path)}.js').members[${JSON.stringify(path)}]` }
      })
      onResolve({ filter: /^\.\/(register|lazy-[\w-]+)\.js$/ }, ({ path, namespace }) =>
        namespace === 'shared' || namespace === 'later' ? { path, external: true } : undefined,
      )
    },
  }
  // What is wrong in a configuration file is said by its path in the file, and no stack is ever shown.
  const hasMap = !members.some(file => file.startsWith('src/config/file/'))
  await build({
    ...OPTIONS,
    sourcemap: hasMap && OPTIONS.sourcemap,
    minify: !hasMap,
    banner: { js: `${OPTIONS.banner.js}const ${NODE_MODULE}=module.constructor;` },
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

/** The names that a source exports. */
async function exportsOf(source) {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [source],
    outdir: OUT,
    format: 'esm',
    write: false,
    metafile: true,
    logLevel: 'error',
  })
  return Object.values(metafile.outputs)[0].exports
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

/** @returns for each further file the sources that are asked for from it. No source is in two files. */
function cut(graph) {
  const groups = []
  const later = new Set([...graph.values()].flatMap(each => each.later).filter(file => !owners.has(file)))
  for (const file of later) {
    const group = { members: [file], all: closure(graph, [file], owners) }
    for (const other of groups.filter(({ all }) => [...all].some(each => group.all.has(each)))) {
      group.members.push(...other.members)
      for (const each of other.all) group.all.add(each)
      groups.splice(groups.indexOf(other), 1)
    }
    groups.push(group)
  }
  return new Map(groups.map(({ members }) => [nameOf(members.sort()[0]), members]))
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
