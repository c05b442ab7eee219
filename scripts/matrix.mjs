/**
 * npm run matrix [-- [--programs] versions or paths… [--options of mocha]]: the tests on several versions of Node.
 *
 *     npm run matrix                                    one of each supported line
 *     npm run matrix -- 20.6.0 24 /opt/node/bin/node    these
 *     npm run matrix -- 22 --grep express               some tests on that line
 *     npm run matrix -- --programs 22 24                real programs from the package registry, bare and traced
 *
 * A version that is not on this machine (this very Node, nvm, fnm, an earlier run) is fetched from the package registry
 * into a cache outside of the checkout: `node-<platform>-<arch>` holds the plain executable. On a Node that is too old for
 * mocha itself, this Node runs the tests and that one the programs under test.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const LINES = ['20', '22', '24', '26']
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tracing-agent', 'nodes')
const PACKAGE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
/** The first Node that can run mocha. */
const MOCHA_NEEDS = '20.19.0'
/** One version may take that long. */
const TIMEOUT_MS = 20 * 60_000

const given = process.argv.slice(2).filter(argument => argument !== '--programs')
const SPEC = given.length === process.argv.length - 2 ? 'build/test/**/*.test.js' : 'build/test/programs/*.programs.js'
const split = given.findIndex(argument => argument.startsWith('--'))
const wanted = given.slice(0, split === -1 ? undefined : split)
const mochaOptions = split === -1 ? [] : given.slice(split)

const results = []
for (const name of wanted.length > 0 ? wanted : LINES) {
  try {
    const node = find(name)
    const version = execFileSync(node, ['--version'], { encoding: 'utf8', timeout: 10_000 }).trim()
    console.log(`\n=== Node ${version} (${node})`)
    results.push({ name: version, ...(await test(node, byVersion(version.slice(1), MOCHA_NEEDS) < 0)) })
  } catch (error) {
    results.push({ name, missing: error.message.split('\n', 1)[0] })
  }
}

console.log()
for (const { name, missing, passed, failed } of results) {
  console.log(missing ? `${name}: not found, ${missing}` : `${name}: ${passed} passed, ${failed} failed`)
}
const good = results.some(({ missing }) => !missing) && results.every(({ failed = 0 }) => failed === 0)
process.exitCode = good ? 0 : 1

/** Path of an executable. @param name a path, a version, or the beginning of one such as 22 */
function find(name) {
  if (/[\\/]/.test(name)) {
    if (!existsSync(name)) throw new Error('no such file')
    return resolve(name)
  }
  if (!/^v?\d+(\.\d+){0,2}$/.test(name)) throw new Error('neither a path nor a version')
  const version = name.replace(/^v/, '')
  for (const [found, file] of onThisMachine()) if (fits(found, version)) return file
  const newest = newestOf(version)
  if (newest === undefined) throw new Error(`neither on this machine nor as ${PACKAGE} in the package registry`)
  return fetchNode(newest)
}

/** The newest published version that begins so, or undefined when the registry cannot be asked or has none. */
function newestOf(version) {
  try {
    const text = npm(['view', `${PACKAGE}@${version}`, 'version', '--json'], ROOT)
    const versions = [JSON.parse(text)].flat()
    return versions.sort(byVersion).pop()
  } catch {
    return undefined
  }
}

/** Versions and their executables, newest first. */
function onThisMachine() {
  const found = [[process.versions.node, process.execPath]]
  const folders = [
    [CACHE, 'bin/node'],
    [join(process.env.NVM_DIR || join(homedir(), '.nvm'), 'versions/node'), 'bin/node'],
    [join(process.env.FNM_DIR || join(homedir(), '.local/share/fnm'), 'node-versions'), 'installation/bin/node'],
  ]
  for (const [folder, executable] of folders) {
    if (!existsSync(folder)) continue
    for (const name of readdirSync(folder)) {
      const file = join(folder, name, executable)
      if (existsSync(file)) found.push([name.replace(/^v/, ''), file])
    }
  }
  return found.sort(([a], [b]) => byVersion(b, a))
}

function fetchNode(version) {
  mkdirSync(CACHE, { recursive: true })
  const folder = mkdtempSync(join(CACHE, '.fetch-'))
  try {
    console.log(`fetching ${PACKAGE}@${version} into ${CACHE}`)
    const [{ filename }] = JSON.parse(npm(['pack', `${PACKAGE}@${version}`, '--json'], folder))
    execFileSync('tar', ['-xzf', filename], { cwd: folder, timeout: 120_000 })
    renameSync(join(folder, 'package'), join(CACHE, `v${version}`))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return join(CACHE, `v${version}`, 'bin/node')
}

function npm(args, cwd) {
  return execFileSync('npm', [...args, '--loglevel=error'], {
    cwd,
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

function test(node, tooOldForMocha) {
  if (tooOldForMocha) console.log(`mocha runs on ${process.version}, the programs under test on that version`)

  const mocha = join(ROOT, 'node_modules/mocha/bin/mocha.js')
  const spec = mochaOptions.some(option => option.startsWith('--spec')) ? [] : ['--spec', SPEC]
  const child = spawn(tooOldForMocha ? process.execPath : node, [mocha, ...spec, ...mochaOptions], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
    env: { ...process.env, TEST_NODE: node, PATH: `${dirname(node)}:${process.env.PATH}` },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
    process.stdout.write(text)
  })
  const count = word => Number(new RegExp(`^ *(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0)
  return new Promise((done, reject) => {
    child.on('error', reject)
    child.on('close', code => {
      const failed = count('failing')
      done({ passed: count('passing'), failed: code === 0 ? failed : Math.max(failed, 1) })
    })
  })
}

function fits(found, version) {
  return found === version || found.startsWith(`${version}.`)
}

function byVersion(a, b) {
  return a.localeCompare(b, 'en', { numeric: true })
}
