/**
 * Sees packages that are ES modules when they are imported, by import-in-the-middle. It is loaded only when an instrumentation
 * wants the entry of a package, and told which packages these are: all other modules stay as they are.
 */
import { existsSync, readFileSync } from 'node:fs'
import Module from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { compareVersions } from './versions'

/** @param format `commonjs` for a CommonJS package, whose exports are the namespace's default */
export type OnImport = (namespace: any, name: string, folder: string, format: string | undefined) => void

/** @returns takes the hook away */
export function hookImports(names: readonly string[], onImport: OnImport): () => void {
  const include = [...names]
  if (supportsSyncHooks(process.versions.node)) {
    const { register } = require('import-in-the-middle/register-hooks.mjs') as {
      register(options: { include: string[] }): void
    }
    register({ include })
  } else if (mayImport(process.argv[1], process.execArgv)) {
    // Hooks in a thread of their own: its start is what costs.
    Module.register('import-in-the-middle/hook.mjs', pathToFileURL(__filename), { data: { include } })
  } else return () => {}
  const { Hook } = require('import-in-the-middle') as typeof import('import-in-the-middle')
  const hook = new Hook(include, {}, (namespace, name, folder, ...[format]: (string | undefined)[]) => {
    if (folder !== undefined) onImport(namespace, name, folder, format)
  })
  return () => hook.unhook()
}

/** Since these versions, hooks in the thread of the program may leave the loading of CommonJS to Node.js (nodejs/node#59929). */
const SYNC_HOOKS_SINCE: Readonly<Record<string, string>> = { 22: '22.22.3', 24: '24.11.1', 25: '25.1.0' }

function supportsSyncHooks(version: string): boolean {
  const major = version.split('.', 1)[0]!
  if (Number(major) >= 26) return true
  const since = SYNC_HOOKS_SINCE[major]
  return since !== undefined && compareVersions(version, since) >= 0
}

/** False for a program that is CommonJS throughout, as far as its entry tells. */
function mayImport(entry: string | undefined, flags: readonly string[]): boolean {
  if (flags.some(flag => /^--(import|loader|experimental-loader|input-type)\b/.test(flag))) return true
  if (entry === undefined || /\.c[jt]s$/.test(entry)) return false
  return /\.m[jt]s$/.test(entry) || isInModulePackage(path.dirname(entry))
}

function isInModulePackage(folder: string): boolean {
  const file = path.join(folder, 'package.json')
  try {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')).type === 'module'
  } catch {
    return false
  }
  const parent = path.dirname(folder)
  return parent !== folder && isInModulePackage(parent)
}
