/**
 * Sees modules when they are loaded, and hands those that the table of instrumentations names to their instrumentation.
 *
 * Builtins are patched while they are loaded, or at once where they are loaded already. Files of packages are
 * seen by require-in-the-middle: also those of a CommonJS package that an ES module imports, except for its entry file,
 * which is why rows name inner files. A row without any is about the entry, and about packages that are ES modules: these are
 * seen by import-in-the-middle. Modules are never replaced, only what they export is patched.
 *
 * Not seen: packages in a bundle, and CommonJS files whose source an asynchronous loader of somebody else supplies.
 */
import { readFileSync } from 'node:fs'
import Module from 'node:module'
import path from 'node:path'
import { isChannelMade, whenChannelIsMade } from './channels'
import type { InstrumentationRow } from './instrumentation'
import type { Log } from './log'
import { loadRequireInTheMiddle } from './requirehook'
import { type StandIn, standInFor } from './standin'
import { compareVersions } from './versions'

/**
 * Called for each file that a row names, right after it was evaluated and before anybody receives its exports. The version is
 * empty for a builtin and where the row takes any.
 */
export type OnLoad = (row: InstrumentationRow, exports: unknown, file: string, version: string) => void

/**
 * @param fault is told what must not reach the program that loads a module
 * @returns takes the hook away; what was patched stays so
 */
export function hookModules(
  rows: readonly InstrumentationRow[],
  onLoad: OnLoad,
  log: Log,
  fault: (place: string, error: unknown) => void,
): () => void {
  const packages = new Packages(onLoad, log, fault)
  const unhooks: (() => void)[] = []
  for (const row of rows) {
    const { builtin, channel } = row
    const load = () => onLoad(row, undefined, '', '')
    if (!builtin) packages.add(row)
    else if (channel === undefined || isChannelMade(channel)) load()
    else unhooks.push(whenChannelIsMade(channel, load))
  }
  unhooks.push(packages.hook())
  return () => {
    for (const unhook of unhooks) unhook()
  }
}

/** A file of a package. */
interface PackageFile {
  /** Name of the package as it stands in the path. */
  readonly name: string
  readonly folder: string
  /** Relative to the folder, with slashes. */
  readonly file: string
}

class Packages {
  private readonly rows = new Map<string, InstrumentationRow[]>()
  private readonly versions = new Map<string, string>()
  private readonly entries = new Map<string, string>()

  constructor(
    private readonly onLoad: OnLoad,
    private readonly log: Log,
    private readonly fault: (place: string, error: unknown) => void,
  ) {}

  add(row: InstrumentationRow): void {
    const rows = this.rows.get(row.module)
    if (rows === undefined) this.rows.set(row.module, [row])
    else rows.push(row)
  }

  hook(): () => void {
    if (this.rows.size === 0) return () => {}
    const seen = new WeakSet<object>()
    for (const [alias, name] of readAliases(programFolder())) this.addAlias(alias, name)
    this.findLoaded(seen)
    const { Hook } = loadRequireInTheMiddle()
    const { getBuiltinModule } = process as any
    const hook = new Hook([...this.rows.keys()], { internals: true }, (exports, name, folder) => {
      try {
        this.onRequire(exports, name, folder)
      } catch (error) {
        this.fault(`seeing ${name}`, error)
      }
      return exports
    })
    // Builtins are patched in place already: nobody needs to stand between the program and this function.
    if (getBuiltinModule !== undefined) (process as any).getBuiltinModule = getBuiltinModule
    const cache = new LiveCache(seen)
    noteParents(hook, cache, this.log)
    ;(hook as any)._cache = cache
    const unhookImports = this.hookImports()
    return () => {
      const { require: hooked } = Module.prototype
      hook.unhook()
      keepMain(hooked, Module.prototype.require)
      unhookImports()
    }
  }

  /** The entries of packages, where rows name no file in them: an ES module may import them, or they may be ES modules. */
  private hookImports(): () => void {
    const names: string[] = []
    for (const [name, rows] of this.rows) if (rows.some(({ files }) => files === undefined)) names.push(name)
    if (names.length === 0) return () => {}
    const { hookImports } = require('./esm') as typeof import('./esm')
    return hookImports(names, (namespace, name, folder, format) => {
      try {
        const file = this.entryOf(folder)
        this.match({ name, folder, file }, format === 'commonjs' ? namespace.default : namespace, false)
      } catch (error) {
        this.fault(`seeing ${name}`, error)
      }
    })
  }

  private addAlias(alias: string, name: string): void {
    const rows = this.rows.get(name)
    if (rows !== undefined && !this.rows.has(alias)) this.rows.set(alias, rows)
  }

  /** Other preloads may have loaded a package before. What they took of it is out of reach, the rest is not. */
  private findLoaded(seen: WeakSet<object>): void {
    for (const filename of Object.keys(require.cache)) {
      const found = packageFile(filename)
      if (found === undefined || !this.rows.has(found.name)) continue
      const module = require.cache[filename]!
      if (!module.loaded) continue
      seen.add(module)
      this.match(found, module.exports, true)
    }
  }

  private onRequire(exports: unknown, name: string, folder: string | undefined): void {
    if (folder === undefined) return
    for (const module of this.rows.keys()) {
      if (name === module) this.match({ name, folder, file: this.entryOf(folder) }, exports, false)
      else if (name.startsWith(module) && name[module.length] === path.sep) {
        this.match({ name: module, folder, file: slashes(name.slice(module.length + 1)) }, exports, false)
      } else continue
      return
    }
  }

  private match({ name, folder, file }: PackageFile, exports: unknown, late: boolean): void {
    for (const row of this.rows.get(name)!) {
      const wanted = row.files === undefined ? file === this.entryOf(folder) : row.files.includes(file)
      if (!wanted || !this.isSupported(row, folder)) continue
      if (late) {
        const message = `${name} was loaded before the agent: some of its calls may not be traced; load the agent first`
        this.log.warn(message)
      }
      this.onLoad(row, exports, file, row.versions === undefined ? '' : this.versionOf(folder))
    }
  }

  private entryOf(folder: string): string {
    let entry = this.entries.get(folder)
    if (entry === undefined) {
      try {
        entry = slashes(path.relative(folder, require.resolve(folder)))
      } catch {
        entry = 'index.js'
      }
      this.entries.set(folder, entry)
    }
    return entry
  }

  private isSupported({ module, versions }: InstrumentationRow, folder: string): boolean {
    if (versions === undefined) return true
    const [min, below] = versions
    const version = this.versionOf(folder)
    if (compareVersions(version, min) >= 0 && compareVersions(version, below) < 0) return true
    this.log.warn(
      `${module} ${version} is not traced: supported are versions from ${min} to below ${below} (${folder})`,
    )
    return false
  }

  private versionOf(folder: string): string {
    let version = this.versions.get(folder)
    if (version === undefined) {
      try {
        version = String(JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).version)
      } catch {
        version = 'of unknown version'
      }
      this.versions.set(folder, version)
    }
    return version
  }
}

/**
 * What require-in-the-middle remembers of the modules that it saw: only that it saw them. Its own cache leaves a symbol on
 * each module, and goes on to return the exports of a module that a program has replaced in `require.cache`.
 */
class LiveCache {
  /** Who requires just now. */
  parent: NodeModule | undefined = undefined

  constructor(private readonly seen: WeakSet<object>) {}

  has(filename: string): boolean {
    const module = require.cache[filename]
    return module !== undefined && this.seen.has(module)
  }

  /** In place of Node's own `require`, which would do the same: a module is among the children of all who required it. */
  get(filename: string): unknown {
    const module = require.cache[filename]
    const children = this.parent?.children
    if (module !== undefined && children !== undefined && !children.includes(module)) children.push(module)
    return module?.exports
  }

  set(filename: string): void {
    const module = require.cache[filename]
    if (module !== undefined) this.seen.add(module)
  }
}

/** Stands before the function of require-in-the-middle, which does not tell its cache who asks. */
function noteParents(hook: object, cache: LiveCache, log: Log): void {
  const hooked = Module.prototype.require
  const { _origRequire: original } = hook as any
  // A function in a list gets no name: Node's own has none.
  const [noting] = [
    function (this: NodeModule, id: string) {
      if (id === 'punycode' || id === 'node:punycode') {
        let load: StandIn | undefined
        try {
          load = standInFor(this)
        } catch (error) {
          log.warn(`${id} is loaded from a file of the agent: ${error}`)
        }
        if (load !== undefined) return load(Reflect.apply, original, this, arguments)
      }
      cache.parent = this
      return Reflect.apply(hooked, this, arguments)
    },
  ]
  Module.prototype.require = noting as typeof hooked
  // By this it knows, when it is to go, that nobody has patched the function since.
  ;(hook as any)._require = noting
}

/** Node leaves `require.main` on the function that stands there when the program is loaded. */
function keepMain(from: Function, to: Function): void {
  const main = Object.getOwnPropertyDescriptor(from, 'main')
  if (from !== to && main !== undefined) Object.defineProperty(to, 'main', main)
}

function programFolder(): string {
  const program = process.argv[1]
  return program === undefined ? process.cwd() : path.dirname(path.resolve(program))
}

/**
 * Packages that the program installs under a name of its own (`"express4": "npm:express@^4.0.0"`), as its package.json says:
 * in node_modules nothing else tells before they are loaded.
 *
 * @returns pairs of the name in node_modules and the name of the package
 */
export function readAliases(folder: string): [alias: string, name: string][] {
  for (let at = folder; ; at = path.dirname(at)) {
    const text = readText(path.join(at, 'package.json'))
    if (text !== undefined) return text.includes('"npm:') ? parseAliases(text) : []
    if (path.dirname(at) === at) return []
  }
}

function parseAliases(text: string): [alias: string, name: string][] {
  const aliases: [string, string][] = []
  try {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text)
    for (const group of [dependencies, devDependencies, optionalDependencies]) {
      for (const [alias, range] of Object.entries(group ?? {})) {
        const name = /^npm:(@?[^@]+)/.exec(String(range))?.[1]
        if (name !== undefined) aliases.push([alias, name])
      }
    }
  } catch {
    // A package.json that Node does not read either.
  }
  return aliases
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Where a file stands in its package; undefined outside of node_modules. */
export function packageFile(filename: string): PackageFile | undefined {
  const parts = filename.split(path.sep)
  const at = parts.lastIndexOf('node_modules')
  if (at < 0) return undefined
  const end = at + (parts[at + 1]?.startsWith('@') ? 3 : 2)
  if (end >= parts.length) return undefined
  return {
    name: parts.slice(at + 1, end).join('/'),
    folder: parts.slice(0, end).join(path.sep),
    file: parts.slice(end).join('/'),
  }
}

function slashes(file: string): string {
  return path.sep === '/' ? file : file.split(path.sep).join('/')
}
