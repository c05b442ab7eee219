/** Real programs and libraries, bare and under the agent, with nothing to carry: not one difference. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compareVersions } from '../../src/versions'
import { ROOT_FOLDER, type Running, type RunResult } from '../kit/agent'
import { talk } from '../kit/wire'
import { runTwice, type TwiceOptions } from '../same/twice'
import { type GROUPS, installGroup } from './packages'

const PROGRAMS = join(ROOT_FOLDER, 'test/programs/programs')

const CLIENTS = [
  'got',
  'got-esm',
  'axios',
  'superagent',
  'node-fetch',
  'node-fetch-esm',
  'fetch',
  'undici',
  'follow-redirects',
  'needle',
  'request',
  'ws',
  'grpc-health-check',
]
/** Those that an ES module can import and a CommonJS module require: both are tried. */
const OF_BOTH_KINDS = ['axios', 'superagent', 'undici', 'follow-redirects', 'needle', 'ws', 'grpc-health-check']

interface Server {
  name: string
  group: keyof typeof GROUPS
  /** Relative to the folder of the group, absolute, or the name of one that is put beside the packages. */
  file: string
  args: (port: number, folder: string) => string[]
  how?: 'import'
  /** The first Node that it runs on, if that is not the first one of ours. */
  needs?: string
  paths: string[]
  /** More than `GET` with these. */
  talks?: string[][]
  spans: number
}

const JSON_BODY = '{"a":1,"title":"new"}'
const POST = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${JSON_BODY.length}\r\nConnection: close\r\n\r\n${JSON_BODY}`

const OWN = join(PROGRAMS, 'servers.cjs')
const OWN_MODULE = 'servers.mjs'

const SERVERS: Server[] = [
  {
    name: 'json-server 0.17',
    group: 'servers',
    file: 'node_modules/json-server-0/lib/cli/bin.js',
    args: (port, folder) => ['--port', String(port), '--host', '127.0.0.1', join(folder, 'db.json')],
    paths: ['/', '/posts', '/posts/1', '/posts?_embed=comments', '/missing', '/db'],
    talks: [[POST('/posts')], ['DELETE /posts/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n']],
    spans: 8,
  },
  {
    name: 'json-server 1',
    group: 'servers',
    file: 'node_modules/json-server-1/lib/bin.js',
    how: 'import',
    args: (port, folder) => ['--port', String(port), '--host', '127.0.0.1', join(folder, 'db.json')],
    paths: ['/', '/posts', '/posts/1', '/posts?_page=1', '/missing'],
    talks: [[POST('/comments')]],
    spans: 6,
  },
  {
    name: 'http-server',
    group: 'servers',
    file: 'node_modules/http-server/bin/http-server',
    args: (port, folder) => [folder, '-p', String(port), '-a', '127.0.0.1', '--cors'],
    paths: ['/', '/page.html', '/missing', '/../x', '/%zz'],
    talks: [['GET /page.html HTTP/1.1\r\nHost: a\r\nRange: bytes=0-3\r\nConnection: close\r\n\r\n']],
    spans: 6,
  },
  {
    name: 'serve',
    group: 'servers',
    file: 'node_modules/serve/build/main.js',
    how: 'import',
    args: (port, folder) => [folder, '-l', `tcp://127.0.0.1:${port}`, '--no-clipboard', '--no-port-switching'],
    paths: ['/', '/page', '/page.html', '/missing'],
    spans: 4,
  },
  {
    name: 'Node-RED 4',
    group: 'node-red-4',
    file: 'node_modules/node-red/red.js',
    args: (port, folder) => ['--port', String(port), '--userDir', folder],
    paths: ['/theme', '/settings/user', '/flows', '/missing', '/auth/login'],
    spans: 5,
  },
  {
    name: 'Node-RED 5',
    group: 'node-red-5',
    needs: '22.9',
    file: 'node_modules/node-red/red.js',
    args: (port, folder) => ['--port', String(port), '--userDir', folder],
    paths: ['/theme', '/settings/user', '/flows', '/missing', '/auth/login'],
    spans: 5,
  },
  {
    name: 'koa',
    group: 'servers',
    file: OWN,
    args: port => ['koa', String(port)],
    paths: ['/a?b=1', '/throw', '/teapot', '/stream'],
    spans: 4,
  },
  {
    name: 'koa in an ES module',
    group: 'servers',
    file: OWN_MODULE,
    args: port => ['koa', String(port)],
    how: 'import',
    paths: ['/a?b=1', '/throw', '/teapot', '/stream'],
    spans: 4,
  },
  {
    name: 'Fastify',
    group: 'servers',
    file: OWN,
    args: port => ['fastify', String(port)],
    paths: ['/items/1?q=2', '/throw', '/missing'],
    talks: [[POST('/echo')]],
    spans: 4,
  },
  {
    name: 'Fastify in an ES module',
    group: 'servers',
    file: OWN_MODULE,
    args: port => ['fastify', String(port)],
    how: 'import',
    paths: ['/items/1?q=2', '/throw', '/missing'],
    talks: [[POST('/echo')]],
    spans: 4,
  },
  {
    name: 'Nest',
    group: 'servers',
    file: OWN,
    args: port => ['nest', String(port)],
    paths: ['/items/1', '/items/missing', '/items/throw', '/missing'],
    spans: 4,
  },
  {
    name: 'Nest in an ES module',
    group: 'servers',
    file: OWN_MODULE,
    args: port => ['nest', String(port)],
    how: 'import',
    paths: ['/items/1', '/items/missing', '/items/throw', '/missing'],
    spans: 4,
  },
]

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(done => server.close(done))
  return port
}

async function untilOpen(running: Running<RunResult>, port: number): Promise<void> {
  for (let i = 0; i < 300 && running.child.exitCode === null; i++) {
    if ((await talk(port, ['OPTIONS * HTTP/9\r\n\r\n'], 500)) !== '') return
    await sleep(100)
  }
}

/** What differs between two bare runs: times, addresses of the machine, the folder, ids. */
function withoutChance(text: string, port: number, folder: string): string {
  return text
    .replaceAll(String(port), 'PORT')
    .replaceAll(basename(folder), 'FOLDER')
    .replace(/^(Date|Last-Modified|ETag|X-Response-Time): .*\r?$/gim, '$1: …')
    .replace(/\d+(\.\d+)? ?ms\b/g, 'N ms')
    .replace(
      /\d{1,2} \w{3} \d\d:\d\d:\d\d|\[?\d{4}-\d\d-\d\d[T ][\d:.]+Z?\]?|\d{1,2}\/\d{1,2}\/\d{4},? [\d:]+( [AP]M)?/g,
      'TIME',
    )
    .replace(/"id": ?"[\w-]+"/g, '"id": …')
    .replace(/\/posts\/[\w-]{7}(?![\w-])/g, '/posts/…')
    .replace(/^.*[˶♡◡ᗜ•ᴗ｡].*$/gmu, 'a face')
    .replace(/http:\/\/(\d+\.){3}\d+/g, 'http://ADDRESS')
    .replace(/\b[0-9a-f]{32,64}\b/g, 'HEX')
}

describe('real programs under the agent', function () {
  this.timeout(120_000)
  const ran: string[] = []
  const skipped: string[] = []
  after(() => {
    console.log(`    programs: ${ran.length} ran (${ran.join(', ')}), ${skipped.length} skipped`)
    for (const reason of skipped) console.log(`    skipped ${reason}`)
  })

  for (const server of SERVERS) {
    it(`${server.name} serves the same`, async function () {
      if (server.needs !== undefined && compareVersions(process.versions.node, server.needs) < 0) {
        skipped.push(`${server.name}: it needs Node ${server.needs}`)
        return this.skip()
      }
      const ready = installGroup(server.group)
      if ('missing' in ready) {
        skipped.push(`${server.name}: ${ready.missing}`)
        return this.skip()
      }
      ran.push(server.name)
      const folders: string[] = []
      const ports = [await freePort(), await freePort()]
      const [bareFolder, tracedFolder] = [makeFolder(), makeFolder()]
      folders.push(bareFolder, tracedFolder)
      let turn = 0
      const besides = server.file === OWN_MODULE ? besidePackages(ready.path) : ready.path
      if (besides !== ready.path) folders.push(besides)
      const file = server.file.startsWith('/') ? server.file : join(besides, server.file)
      const normalize = (text: string) =>
        withoutChance(withoutChance(text, ports[0]!, bareFolder), ports[1]!, tracedFolder)
      try {
        const { spans } = await runTwice(file, {
          how: server.how,
          env: { PACKAGES: ready.path, NO_UPDATE_CHECK: '1', HOME: bareFolder, NO_COLOR: '1' },
          argsFor: () => {
            const index = turn++
            return server.args(ports[index]!, folders[index]!)
          },
          drive: async running => {
            const port = Number(ports.find(known => running.command.includes(String(known))))
            await untilOpen(running, port)
            const replies: string[] = []
            const gets = server.paths.map(path => [`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`])
            for (const pieces of [...gets, ...(server.talks ?? [])]) {
              replies.push(`${pieces[0]!.split('\r\n', 1)} → ${normalize(await talk(port, pieces, 5000))}`)
            }
            await sleep(50)
            running.kill('SIGTERM')
            return replies
          },
          normalize,
          // Node-RED imports ES modules, too.
          anyModuleOrder: server.how === 'import' || server.group.startsWith('node-red'),
          timeoutMs: 60_000,
        })
        assert.equal(spans.filter(({ kind }) => kind === 'SERVER').length, server.spans)
      } finally {
        for (const folder of folders) rmSync(folder, { recursive: true, force: true })
      }
    })
  }

  for (const name of CLIENTS) {
    it(`${name} asks the same`, async function () {
      const ready = installGroup('clients')
      if ('missing' in ready) {
        skipped.push(`${name}: ${ready.missing}`)
        return this.skip()
      }
      ran.push(name)
      await askTwice(join(PROGRAMS, 'clients.cjs'), name, { anyModuleOrder: name.endsWith('-esm') }, ready.path)
    })
  }

  for (const name of OF_BOTH_KINDS) {
    it(`${name} asks the same in an ES module`, async function () {
      const ready = installGroup('clients')
      if ('missing' in ready) {
        skipped.push(`${name} in an ES module: ${ready.missing}`)
        return this.skip()
      }
      ran.push(`${name} in an ES module`)
      const folder = besidePackages(ready.path)
      try {
        await askTwice(join(folder, 'clients.mjs'), name, { anyModuleOrder: true, how: 'import' }, ready.path)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
})

async function askTwice(program: string, name: string, options: TwiceOptions, packages: string): Promise<void> {
  for (const silent of [true, false]) {
    const { traced, spans } = await runTwice(program, {
      ...options,
      env: { PACKAGES: packages, NODE_NO_WARNINGS: '1' },
      argsFor: url => [name, url],
      silent,
      normalize: text => text.replace(/-{10,}\w+/g, 'BOUNDARY').replace(/\d+ ?ms/g, 'N ms'),
    })
    assert.equal(traced.code, 0, traced.stderr.join('\n'))
    assert.ok(spans.length > 0)
  }
}

/** A folder of programs from which `import` finds the packages. */
function besidePackages(packages: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-modules-'))
  cpSync(PROGRAMS, folder, { recursive: true })
  symlinkSync(join(packages, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-programs-'))
  writeFileSync(join(folder, 'page.html'), '<h1>page</h1>')
  const db = { posts: [{ id: '1', title: 'one' }], comments: [{ id: '1', postId: '1', text: 'text' }] }
  writeFileSync(join(folder, 'db.json'), JSON.stringify(db))
  return folder
}
