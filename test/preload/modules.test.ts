import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type AgentResult, type How, REGISTER, ROOT_FOLDER, type RunOptions, runAgent } from '../kit/agent'

const HTTP = ['CLIENT GET', 'SERVER GET']
const EXPRESS = ['CLIENT GET', 'INTERNAL request handler - /api/hello/:name', 'SERVER GET /api/hello/:name']
const GRPC = ['CLIENT demo.Echo/Say', 'SERVER demo.Echo/Say']

/** A program, what it prints, and its spans: never none, never two for one operation. */
const PROGRAMS: [file: string, stdout: string, spans: string[]][] = [
  ['http-require.cjs', 'hello\n', HTTP],
  ['http-default.mjs', 'hello\n', HTTP],
  ['http-named.mjs', 'hello\n', HTTP],
  ['http-namespace.mjs', 'hello\n', HTTP],
  ['http-dynamic.mjs', 'hello\n', HTTP],
  ['http-createrequire.mjs', 'hello\n', HTTP],
  ['http-getbuiltin.mjs', 'hello\n', HTTP],
  ['http-everywhere.mjs', 'hello\nhello\nhello\n', [...HTTP, ...HTTP, ...HTTP]],
  ['express-require.cjs', 'hello you\n', EXPRESS],
  ['express-default.mjs', 'hello you\n', EXPRESS],
  ['express-named.mjs', 'hello you\n', EXPRESS],
  ['express-namespace.mjs', 'hello you\n', EXPRESS],
  ['express-dynamic.mjs', 'hello you\n', EXPRESS],
  ['express-createrequire.mjs', 'hello you\n', EXPRESS],
  ['grpc-require.cjs', 'hello\n', GRPC],
  ['grpc-default.mjs', 'hello\n', GRPC],
  ['grpc-named.mjs', 'hello\n', GRPC],
  ['grpc-namespace.mjs', 'hello\n', GRPC],
  ['grpc-dynamic.mjs', 'hello\n', GRPC],
  ['grpc-createrequire.mjs', 'hello\n', GRPC],
]

for (const how of ['require', 'import', 'node-options'] as How[]) {
  describe(`modules under the agent by ${how}`, () => {
    for (const [file, stdout, spans] of PROGRAMS) {
      it(`${file}: one span for each operation`, async () => {
        check(await runAgent(`fixtures/preload/${file}`, { how }), stdout, spans)
      })
    }
  })
}

describe('TypeScript under tsx', () => {
  const url = pathToFileURL(REGISTER).href
  const tsx = join(ROOT_FOLDER, 'node_modules/tsx/dist/cli.mjs')
  const orders: [name: string, options: RunOptions][] = [
    ['tsx, then the agent', { nodeArgs: ['--import', 'tsx', '--import', url] }],
    ['the agent, then tsx', { nodeArgs: ['--import', url, '--import', 'tsx'] }],
    ['the agent as --require', { nodeArgs: ['--import', 'tsx', '--require', REGISTER] }],
  ]
  for (const file of ['express-typescript.ts', 'express-typescript.mts']) {
    for (const [name, options] of orders) {
      it(`${file}: one span for each operation with ${name}`, async () => {
        const { nodeArgs } = options
        check(await runAgent(`fixtures/preload/${file}`, { how: 'none', nodeArgs }), 'hello you\n', EXPRESS)
      })
    }
    it(`${file}: one span for each operation with the command tsx and NODE_OPTIONS`, async () => {
      const args = [join(ROOT_FOLDER, 'test/fixtures/preload', file)]
      check(await runAgent(tsx, { how: 'node-options', args }), 'hello you\n', EXPRESS)
    })
  }
})

describe('threads and children', () => {
  it('inherit the flag of the command line, each with spans of its own', async () => {
    const result = await runAgent('fixtures/preload/threads.cjs', { how: 'require' })
    check(result, 'hello\nhello\nhello\n', [...HTTP, ...HTTP, ...HTTP])
  })

  it('inherit NODE_OPTIONS, each with spans of its own', async () => {
    const result = await runAgent('fixtures/preload/threads.cjs', { how: 'node-options' })
    check(result, 'hello\nhello\nhello\n', [...HTTP, ...HTTP, ...HTTP])
  })
})

function check(result: AgentResult, stdout: string, spans: readonly string[]): void {
  assert.equal(result.stderr, '')
  assert.equal(result.stdout, stdout)
  assert.equal(result.code, 0)
  const found = result.spans.map(({ kind, name }) => `${kind} ${name}`)
  assert.deepEqual(found.sort(), [...spans].sort())
  for (const client of result.spans.filter(({ kind }) => kind === 'CLIENT')) {
    const served = result.spans.filter(({ parentSpanId }) => parentSpanId === client.spanId)
    assert.deepEqual(
      served.map(({ kind }) => kind),
      ['SERVER'],
      'each request is the parent of the span of its server',
    )
    assert.equal(client.parentSpanId, '')
  }
}
