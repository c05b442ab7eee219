/**
 * npm run versions [-- paths or versions of Node]: each instrumentation with the lowest version of its package, with the
 * newest of every major, on each Node. The result is kept in versions.json; the table in the README is made of it.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AgentResult, ROOT_FOLDER, runAgent, runBare } from '../kit/agent'
import { withoutPorts } from '../same/twice'
import { SUPPORTED, type VersionResults, versionsToRun } from '../versions'
import { install } from './packages'

const PROGRAM = join(ROOT_FOLDER, 'test/programs/programs/versions.cjs')
const RESULTS = join(ROOT_FOLDER, 'test/versions.json')

/** What the spans of the one exchange look like. */
const EXPECTED: Record<string, (result: AgentResult) => boolean> = {
  express: result => has(result, 'SERVER', 'GET /items/:id') && has(result, 'CLIENT', 'GET'),
  router: result => has(result, 'SERVER', 'GET /items/:id') && has(result, 'CLIENT', 'GET'),
  '@grpc/grpc-js': result => has(result, 'SERVER', 'test.Echo/Echo') && has(result, 'CLIENT', 'test.Echo/Echo'),
  undici: result => has(result, 'CLIENT', 'GET') && has(result, 'SERVER', 'GET'),
}

function has({ spans }: AgentResult, kind: string, name: string): boolean {
  const found = spans.filter(span => span.kind === kind)
  return found.length === 1 && found[0]!.name === name && new Set(spans.map(({ traceId }) => traceId)).size === 1
}

async function tryOne(name: string, folder: string, node: string): Promise<string> {
  const options = { args: [name], env: { PACKAGES: folder }, node, coverage: false, timeoutMs: 30_000 }
  const bare = await runBare(PROGRAM, options)
  // The package itself does not run on that Node.
  if (bare.code !== 0) return '–'
  const traced = await runAgent(PROGRAM, options)
  if (traced.stdout !== bare.stdout || withoutPorts(traced.stderr) !== withoutPorts(bare.stderr) || traced.code !== 0)
    return 'differs'
  return EXPECTED[name]!(traced) ? 'yes' : 'no'
}

function publishedVersions(name: string): string[] {
  const text = execFileSync('npm', ['view', name, 'versions', '--json'], { encoding: 'utf8', timeout: 60_000 })
  return [JSON.parse(text)].flat()
}

async function main(nodes: string[]): Promise<void> {
  const results: VersionResults = { nodes: [], packages: [] }
  const versions = nodes.map(node => execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1))
  results.nodes = versions
  for (const supported of SUPPORTED) {
    const { name } = supported
    for (const version of versionsToRun(supported, publishedVersions(name))) {
      const ready = install(`versions/${name.replace('/', '+')}@${version}`, { [name]: version })
      if ('missing' in ready) throw new Error(`${name} ${version}: ${ready.missing}`)
      const outcome: string[] = []
      for (const node of nodes) outcome.push(await tryOne(name, ready.path, node))
      console.log(name, version, outcome.join(' '))
      results.packages.push({ name, version, results: outcome })
    }
  }
  writeFileSync(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`)
  const before = results.packages.flatMap(({ results }) => results)
  process.exitCode = before.some(result => result === 'no' || result === 'differs') ? 1 : 0
  console.log(`${RESULTS} is written (${readFileSync(RESULTS).length} bytes)`)
}

void main(process.argv.slice(2).length > 0 ? process.argv.slice(2) : [process.execPath])
