import { readFileSync } from 'node:fs'
import Module, { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import type { InstrumentationRow } from './instrumentation'
import type { Log } from './log'

/** Called once for each file that a row names, right after it was evaluated and before anybody receives its exports. */
export type OnLoad = (row: InstrumentationRow, exports: unknown, file: string) => void

/**
 * Patches the builtins of `rows` now, and files of packages when the program loads them.
 *
 * @returns takes the hook away
 */
export function hookModules(rows: readonly InstrumentationRow[], onLoad: OnLoad, log: Log): () => void {
  const packages = new Map<string, InstrumentationRow[]>()
  for (const row of rows) {
    if (row.builtin) onLoad(row, require(`node:${row.module}`), '')
    else packages.set(row.module, [...(packages.get(row.module) ?? []), row])
  }
  syncBuiltinESMExports()
  if (packages.size === 0) return () => {}

  const versions = new Map<string, string>()
  const onRequire = (exports: unknown, name: string, basedir: string | undefined): unknown => {
    if (basedir === undefined) return exports
    const found = findPackage(packages, name)
    if (found === undefined) return exports
    const file = name.length === found.name.length ? entryOf(basedir) : name.slice(found.name.length + 1)
    const unixFile = path.sep === '/' ? file : file.split(path.sep).join('/')
    for (const row of found.rows) {
      if (row.files === undefined ? name === found.name : row.files.includes(unixFile)) {
        if (isSupported(row, basedir, versions, log)) onLoad(row, exports, unixFile)
      }
    }
    return exports
  }
  const { Hook } = loadQuietly()
  const getBuiltinModule = (process as any).getBuiltinModule
  const hook = new Hook([...packages.keys()], { internals: true }, onRequire as any)
  // Builtins are patched in place already: nobody needs to stand between the program and this function.
  if (getBuiltinModule !== undefined) (process as any).getBuiltinModule = getBuiltinModule
  return () => hook.unhook()
}

/**
 * require-in-the-middle without the package `debug`: that one reads the environment when it is loaded, and a program that
 * shares our copy of it may set DEBUG first. It gets a copy that was not loaded before its time.
 */
function loadQuietly(): typeof import('require-in-the-middle') {
  const file = require.resolve('debug', { paths: [path.dirname(require.resolve('require-in-the-middle'))] })
  if (require.cache[file] !== undefined) return require('require-in-the-middle')
  const silent = new Module(file)
  silent.exports = () => () => {}
  require.cache[file] = silent
  try {
    return require('require-in-the-middle')
  } finally {
    delete require.cache[file]
  }
}

function findPackage(packages: ReadonlyMap<string, InstrumentationRow[]>, name: string) {
  for (const [module, rows] of packages) {
    if (name === module || (name.startsWith(module) && name[module.length] === path.sep)) return { name: module, rows }
  }
  return undefined
}

function entryOf(basedir: string): string {
  try {
    return path.relative(basedir, require.resolve(basedir))
  } catch {
    return 'index.js'
  }
}

function isSupported(row: InstrumentationRow, basedir: string, known: Map<string, string>, log: Log): boolean {
  if (row.versions === undefined) return true
  let version = known.get(basedir)
  if (version === undefined) {
    try {
      version = String(JSON.parse(readFileSync(path.join(basedir, 'package.json'), 'utf8')).version)
    } catch {
      version = 'unknown'
    }
    known.set(basedir, version)
  }
  const [min, below] = row.versions
  if (compareVersions(version, min) >= 0 && compareVersions(version, below) < 0) return true
  log.warn(
    `${row.module} ${version} in ${basedir} is not traced: supported are versions from ${min} up to below ${below}`,
  )
  return false
}

/** Compares the numbers of `major.minor.patch`; a prerelease counts as its release. NaN for what is no version. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('-', 1)[0]!.split('.')
  const right = b.split('-', 1)[0]!.split('.')
  for (let i = 0; i < 3; i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
