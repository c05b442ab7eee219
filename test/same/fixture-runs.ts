/**
 * How each program of test/fixtures is run for the comparison of bare and traced. Without an entry here a program runs once,
 * without arguments; one that cannot be compared has its reason here.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { ROOT_FOLDER, type Running, type RunResult } from '../kit/agent'
import { TLS } from '../kit/peer'
import { talk } from '../kit/wire'
import type { TwiceOptions } from './twice'

export const FIXTURES = join(ROOT_FOLDER, 'test/fixtures')

/** Why a program is not run bare and traced. */
export const NOT_COMPARED: Record<string, string> = {
  'api/everything.cjs': 'prints what the API answers, which is nothing without an agent',
  'api/home-page.cjs': 'works on the active span, and there is none without an agent',
  'faults/everywhere.cjs': 'a preload that starts the agent itself',
  'faults/inject.cjs': 'a preload that starts the agent itself',
  'faults/sending.cjs': 'works on parts of the agent',
  'faults/sweep.cjs': 'works on the agent',
  'faults/wrapping.cjs': 'a preload that starts the agent itself',
  'http/late-start.cjs': 'starts and stops the agent itself',
  'preload/guarded.cjs': 'says whether the agent is there',
  'preload/old-node.cjs': 'a preload that makes the agent stay away',
  'preload/other-provider-later.cjs': 'prints whether a provider could be registered beside the agent',
  'preload/packages/preload.cjs': 'a preload that hooks modules by functions of the agent',
  'preload/programmatic.mjs': 'starts and stops the agent itself',
  'grpc/generated_pb.cjs': 'a part of generated.cjs',
  'grpc/service.cjs': 'a part of the programs beside it',
  'preload/express-app.mjs': 'a part of the programs beside it',
  'preload/grpc-service.mjs': 'a part of the programs beside it',
  'preload/loader.mjs': 'a part of register-loader.mjs',
  'preload/roundtrip.mjs': 'a part of the programs beside it',
}

/** One way to run a program: its name in messages, and what differs from a plain start. */
export interface FixtureRun extends TwiceOptions {
  name?: string
}

const EVERY_PATH = [
  ...['/api/7', '/api/7/posts', '/api/7/posts/9?q=1', '/twice/7', '/one/in', '/two/9/in', '/v12/in', '/sub/x/9'],
  ...['/sub/sub/deep', '/re/42', '/list-a', '/list-b/9', '/files/a/b', '/opt', '/opt/9', '/all', '/route', '/guarded'],
  ...['/several', '/param/good', '/param/bad', '/next/9', '/left/z', '/passed', '/calls-and-passes', '/calls-late'],
  ...['/sends-and-passes', '/static/a.txt', '/static/b.txt', '/private', '/anything', '/throws', '/passes-error'],
  ...['/rejects', '/not-found', '/text', '/handled-inside', '/bad-middleware', '/unhandled', '/lost/1', '/own/1'],
  ...['/manual', '/calls', '/nothing', 'HEAD:/all', 'OPTIONS:/all', 'HEAD:/api/7', 'OPTIONS:/list-a'],
  ...['parallel:a,b,c', 'leave:/hangs'],
]

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
/** The oldest reads a property of responses that Node 24 does not have any more. */
const EXPRESSES = ['express', 'express4', ...(major < 24 ? ['express46'] : [])]
const UNDICIS = ['undici5', 'undici6', 'undici', ...(major > 22 || (major === 22 && minor >= 19) ? ['undici8'] : [])]
const ONLY_PACKAGE = ['functions', 'again', 'proxy']

/** Numbers that a program prints of its ports and clock. */
const withoutNumbers = (text: string) => text.replace(/\b\d{4,5}\b/g, 'N')
const withArgs = (...lists: string[][]): FixtureRun[] => lists.map(args => ({ args }))
const eachOf = (names: string[], run: FixtureRun): FixtureRun[] =>
  names.map(name => ({ args: [name], ...run, name: name || 'plain' }))

/** Ways of ends.cjs that wait for a signal. */
const SIGNALS: Record<string, NodeJS.Signals[]> = {
  'no listener': ['SIGTERM', 'SIGINT', 'SIGHUP'],
  'no listener, and the span in a worker thread': ['SIGTERM'],
  'a listener that exits': ['SIGTERM'],
  'a slow drain': ['SIGTERM'],
  'a listener that ignores': ['SIGTERM'],
  'a listener that was removed': ['SIGTERM'],
  'a listener that is added and removed later': ['SIGTERM'],
  'an endless loop when nothing waits': ['SIGTERM'],
}

function endings(file: string): FixtureRun[] {
  return casesOf(file, 'ways').flatMap(way =>
    (SIGNALS[way] ?? [undefined]).map(signal => ({
      name: signal === undefined ? way : `${way}, ${signal}`,
      args: [way],
      // A handle for signals would wait for the loop's end; it is gone when nothing waits to be sent.
      env: way.startsWith('an endless loop') ? { OTEL_BSP_SCHEDULE_DELAY: '10' } : {},
      // Threads and processes of the program inherit the agent.
      how: 'node-options' as const,
      drive: signal && (running => signalWhenReady(running, signal)),
    })),
  )
}

async function signalWhenReady(running: Running<RunResult>, signal: NodeJS.Signals): Promise<void> {
  await running.output('ready')
  running.kill(signal)
}

async function load(running: Running<RunResult>): Promise<string[]> {
  const port = Number(/(\d+)/.exec(await running.output(/^listening \d+$/m))![1])
  const replies: string[] = []
  for (const path of ['/', '/slow']) {
    replies.push(await talk(port, [`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`], 10_000))
  }
  return replies
}

const GRPC_PROGRAMS_OF_ALL_VERSIONS = [
  'kinds',
  'codes',
  'ends',
  'siblings',
  'metadata',
  'interceptors',
  'relay',
  'throws',
]
const olderGrpc = (): FixtureRun[] =>
  ['@grpc/grpc-js', 'grpc-js-1.0', 'grpc-js-1.9'].map(GRPC_LIBRARY => ({ name: GRPC_LIBRARY, env: { GRPC_LIBRARY } }))

const TYPESCRIPT: FixtureRun[] = [{ how: 'import', nodeArgs: ['--import', 'tsx'], anyModuleOrder: true }]
const TRACEPARENT = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }

/** Programs that need more than a start. */
export const RUNS: Record<string, (file: string) => FixtureRun[]> = {
  'export/busy.cjs': () => withArgs(['40'], ['40', 'process.exit']),
  'export/ends.cjs': () => [{ normalize: text => text.replace(/^\d+$/gm, 'N') }],
  'export/main.cjs': () => withArgs([], ['exit']),
  'export/replaces.cjs': () => withArgs(['http', '300'], ['grpc', '300']),
  'express/app.cjs': () =>
    EXPRESSES.map(name => ({ name, args: [name, ...EVERY_PATH.filter(path => fits(name, path))], timeoutMs: 40_000 })),
  'express/standalone.mjs': () => eachOf(['router', 'router20'], {}),
  'express/visible.cjs': () => eachOf(EXPRESSES, {}),
  'grpc/crash.cjs': () => withArgs([], ['callback']),
  'grpc/rejects.cjs': () => withArgs([], ['handled']),
  ...Object.fromEntries(GRPC_PROGRAMS_OF_ALL_VERSIONS.map(name => [`grpc/${name}.cjs`, olderGrpc])),
  'http/client-cases.cjs': file =>
    casesOf(file, 'cases').map(name => ({ name, argsFor: url => [name, url], normalize: withoutNumbers })),
  'http/server-cases.cjs': file => eachOf(casesOf(file, 'cases'), { normalize: withoutNumbers }),
  'http/tls-cases.cjs': file => casesOf(file, 'cases').map(name => ({ name, args: [name, TLS.keyFile, TLS.certFile] })),
  'lifecycle/cluster.cjs': file => eachOf(casesOf(file, 'ways'), { how: 'node-options' }),
  'lifecycle/ends.cjs': endings,
  'lifecycle/many.cjs': () => withArgs(['3', '1'], ['2000', '500']),
  'lifecycle/observable.cjs': () => [{ how: 'require' }, { how: 'import' }],
  'lifecycle/timed.cjs': () => withArgs(['turns', '3', '5', '1'], ['ms', '3', '5', '1']),
  'load/server.cjs': () => [{ nodeArgs: ['--expose-gc'], drive: load, normalize: withoutNumbers }],
  'noise/web.cjs': () => withArgs([], [TRACEPARENT.traceparent]),
  'preload/express-typescript.mts': () => TYPESCRIPT,
  'preload/express-typescript.ts': () => TYPESCRIPT,
  'preload/forwarding.mjs': () => withArgs(['none'], [JSON.stringify({ ...TRACEPARENT, baggage: 'a=1' })]),
  'preload/http-late.cjs': () =>
    eachOf(['require', 'getBuiltinModule', 'import'], {
      // Whether there is an active span.
      normalize: text => text.replace(/"active":(true|false)/, '"active":…'),
    }),
  'preload/packages/debug.cjs': () => [{ normalize: text => text.replace(/^\S+Z program/m, 'TIME program') }],
  'propagation/relay.cjs': () => [{ args: ['{"path":"/"}', JSON.stringify({ path: '/a', headers: TRACEPARENT })] }],
  'undici/calls.cjs': file => {
    const all = casesOf(file, 'scenarios')
    const builtin = { name: 'builtin', args: ['builtin', ...all.filter(name => !ONLY_PACKAGE.includes(name))] }
    return [builtin, ...UNDICIS.map(name => ({ name, args: [name, ...all] }))].map(run => ({
      ...run,
      normalize: withoutNumbers,
    }))
  },
  // Whether anybody listens to a channel can be seen.
  'undici/modules.cjs': () => [{ normalize: text => text.replace(/^(true|nobody listens)$/m, '…') }],
}

/** Express 4.6 does not know how to leave a router. */
function fits(express: string, path: string): boolean {
  return express !== 'express46' || path !== '/left/z'
}

/** Files that no Node runs. */
const DATA = ['.pem', '.proto', '.sh']

export function fixtures(): string[] {
  return readdirSync(FIXTURES, { recursive: true, withFileTypes: true })
    .filter(
      entry => entry.isFile() && !entry.parentPath.includes('node_modules') && !DATA.includes(extname(entry.name)),
    )
    .map(entry => join(entry.parentPath, entry.name).slice(FIXTURES.length + 1))
    .sort()
}

/** Names of the cases of a program, as they stand in its table: each is a property with two spaces before it. */
export function casesOf(file: string, table: string): string[] {
  const code = readFileSync(join(FIXTURES, file), 'utf8')
  const from = code.indexOf(`\nconst ${table} = {\n`)
  const body = code.slice(from, code.indexOf('\n}\n', from))
  return [...body.matchAll(/^ {2}(?:async )?(?:'([^']+)'|(\w+))(?:\(|:)/gm)].map(
    ([, quoted, plain]) => quoted ?? plain!,
  )
}
