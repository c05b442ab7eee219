/**
 * Programs and libraries from the package registry, installed once into a folder outside of the checkout. Each function
 * gives the folder, or the reason why it cannot be had here; a suite says that reason and is skipped.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tracing-agent/programs')
const INSTALL_MS = 4 * 60_000
/** What could not be had is not asked for again in the same run. */
const failures = new Map<string, Ready>()

export type Ready = { readonly path: string } | { readonly missing: string }

/** What belongs together: a name, and the packages by the names under which they are installed. */
export const GROUPS = {
  servers: {
    'json-server-0': 'npm:json-server@0.17.4',
    'json-server-1': 'npm:json-server@1.0.0-beta.3',
    'http-server': '14.1.1',
    serve: '14.2.7',
    fastify: '5.12.8',
    koa: '3.3.0',
    '@nestjs/core': '12.5.1',
    '@nestjs/common': '12.5.1',
    '@nestjs/platform-express': '12.5.1',
    'reflect-metadata': '0.2.2',
    rxjs: '7.8.2',
  },
  clients: {
    got: '11.8.6',
    'got-esm': 'npm:got@16.1.0',
    axios: '1.21.1',
    superagent: '10.4.2',
    'node-fetch': '2.7.0',
    'node-fetch-esm': 'npm:node-fetch@3.3.2',
    undici: '7.30.2',
    'follow-redirects': '1.16.3',
    needle: '3.5.0',
    request: '2.88.2',
    ws: '8.23.0',
    express: '5.3.0',
    '@grpc/grpc-js': '1.14.7',
    'grpc-health-check': '2.1.0',
    esbuild: '0.28.2',
    tsx: '4.23.15',
  },
  'node-red-4': { 'node-red': '^4.0.0' },
  'node-red-5': { 'node-red': '^5.0.0' },
  gcp: { '@opentelemetry/api': '1.9.1', '@opentelemetry/resource-detector-gcp': '0.58.0' },
  agents: {
    '@opentelemetry/api': '1.9.1',
    '@opentelemetry/auto-instrumentations-node': '0.81.2',
    '@opentelemetry/sdk-node': '0.223.0',
    'dd-trace': '5.132.0',
    express: '5.3.0',
  },
} as const

/** @param scripts programs that need what their packages build while they are installed */
export function installGroup(name: keyof typeof GROUPS, scripts = false): Ready {
  return install(name, GROUPS[name], scripts)
}

export function install(name: string, dependencies: Record<string, string>, scripts = false): Ready {
  const path = join(CACHE, name)
  if (existsSync(join(path, 'complete'))) return { path }
  const failed = failures.get(name)
  if (failed !== undefined) return failed
  const made = fill(path, dependencies, scripts)
  if ('missing' in made) failures.set(name, made)
  return made
}

function fill(path: string, dependencies: Record<string, string>, scripts: boolean): Ready {
  const part = `${path}.${process.pid}.part`
  mkdirSync(part, { recursive: true })
  try {
    writeFileSync(join(part, 'package.json'), JSON.stringify({ private: true, dependencies }))
    const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...(scripts ? [] : ['--ignore-scripts'])]
    const result = spawnSync('npm', args, { cwd: part, timeout: INSTALL_MS, encoding: 'utf8' })
    if (result.status !== 0) return { missing: result.error?.message ?? lastLine(`${result.stdout}\n${result.stderr}`) }
    writeFileSync(join(part, 'complete'), '')
    rmSync(path, { recursive: true, force: true })
    renameSync(part, path)
    return { path }
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!.slice(0, 200) || 'npm install failed'
}
