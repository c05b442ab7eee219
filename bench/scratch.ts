/** The peers, installed from the registry once, each into a folder of its own outside the checkout. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AgentRow } from './agents'
import { ROOT } from './place'

const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tracing-agent/bench')

export function scratchOf(agent: AgentRow): string {
  if (agent.packages.length === 0) return ROOT
  const folder = join(CACHE, agent.packages.join('+').replace(/[^\w.@+-]/g, '_'))
  if (!existsSync(join(folder, 'node_modules'))) install(folder, agent.packages)
  return folder
}

function install(folder: string, packages: readonly string[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const result = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (result.status === 0) return
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true })
  throw new Error(`npm install ${packages.join(' ')}: ${result.stderr}`)
}

/** Installs this package as npm would publish it, and returns the folder. */
export function ownInstallation(): string {
  const folder = join(CACHE, 'own')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const args = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder]
  const { stdout, stderr, status } = spawnSync('npm', args, { cwd: ROOT, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm pack: ${stderr}`)
  const tarball = join(folder, stdout.trim().split('\n').pop()!)
  install(folder, [tarball])
  rmSync(tarball)
  return folder
}

/** What an installation takes on disk: megabytes and packages. */
export function sizeOf(folder: string): { megabytes: number; packages: number } {
  const kilobytes = Number(spawnSync('du', ['-sk', folder], { encoding: 'utf8' }).stdout.split('\t')[0])
  return { megabytes: kilobytes / 1024, packages: countPackages(join(folder, 'node_modules')) }
}

function countPackages(modules: string): number {
  if (!existsSync(modules)) return 0
  let count = 0
  for (const name of readdirSync(modules)) {
    if (name.startsWith('.')) continue
    const path = join(modules, name)
    if (name.startsWith('@'))
      count += readdirSync(path).reduce((sum, each) => sum + 1 + countPackages(join(path, each, 'node_modules')), 0)
    else count += 1 + countPackages(join(path, 'node_modules'))
  }
  return count
}
