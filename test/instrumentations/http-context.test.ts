import assert from 'node:assert/strict'
import { type AgentResult, type ReceivedSpan, runAgent, startBare } from '../kit/agent'
import { startCollector } from '../kit/collector'
import { assertFailed, byPath, run, servers } from './http-programs'

function clients({ spans }: AgentResult): ReceivedSpan[] {
  return spans.filter(({ kind }) => kind === 'CLIENT')
}

/** The last part of the path of a call. */
function target({ attributes }: ReceivedSpan): string {
  return new URL(attributes['url.full']).pathname.slice(1)
}

describe('the context of a request', () => {
  it('reaches everything that the handler starts, and the events of request and response', async () => {
    const result = await run('context')
    const [request] = servers(result).filter(({ attributes }) => attributes['http.request.method'] === 'POST')
    const calls = clients(result)
    const wanted = ['sync', 'tick', 'timeout', 'immediate', 'microtask', 'promise', 'emitter', 'stream', 'fs', 'zlib']
    wanted.push('dns', 'data', 'data', 'end', 'finish', 'close')
    assert.deepEqual(calls.map(target).sort(), wanted.sort())
    for (const call of calls) assert.equal(call.parentSpanId, request!.spanId, target(call))
  })

  it('is that of each request of a connection, in the pieces of its body too', async () => {
    const result = await run('bodies of requests on one connection')
    const spans = byPath(result)
    for (const call of clients(result)) {
      const [, number] = target(call).split('/')
      assert.equal(call.parentSpanId, spans[`/${number}`]!.spanId, target(call))
    }
    assert.equal(clients(result).length, 4)
  })

  it('keeps pipelined requests apart that are answered out of order', async () => {
    const result = await run('pipelined, answered out of order')
    const spans = byPath(result)
    for (const number of [1, 2, 3]) {
      const [call, ...others] = clients(result).filter(span => target(span) === `inner/${number}`)
      assert.equal(others.length, 0)
      assert.equal(call!.parentSpanId, spans[`/${number}`]!.spanId)
      assert.equal(spans[`/inner/${number}`]!.parentSpanId, call!.spanId)
    }
  })

  it('leaves a connection with its request: what nobody asked for belongs to nobody', async () => {
    const result = await run('after the request')
    const [call] = clients(result)
    assert.equal(target(call!), 'broken')
    assert.equal(call!.parentSpanId, '')
  })

  it('tells what an ignored request starts that it is ignored, and not the next one', async () => {
    for (const env of [
      { TRACING_AGENT_IGNORE_INCOMING_PATHS: '/healthz' },
      { TRACING_AGENT_IGNORE_INCOMING_PATHS: '@health' },
    ]) {
      const result = await run('ignored', { env })
      // The inner request comes over a connection of its own, without headers of ours.
      assert.deepEqual(Object.keys(byPath(result)).sort(), ['/inner', '/seen'])
      assert.equal(byPath(result)['/inner']!.parentSpanId, '')
      assert.equal(clients(result).length, 0)
    }
    const hosts = await run('ignored', { env: { TRACING_AGENT_IGNORE_INCOMING_HOSTS: 'shop.example' } })
    assert.deepEqual(Object.keys(byPath(hosts)), ['/inner'])
    const upgrades = await run('upgrade', { env: { TRACING_AGENT_IGNORE_INCOMING_PATHS: '/now,/late,/inner' } })
    assert.deepEqual(Object.keys(byPath(upgrades)).sort(), ['/gone', '/none', '/odd', '/refused'])
    assert.equal(clients(upgrades).length, 0)
  })

  it('an unsampled request makes no span anywhere, and its calls carry the decision', async () => {
    const { spans } = await run('pipelined, answered out of order', { env: { OTEL_TRACES_SAMPLER: 'always_off' } })
    assert.equal(spans.length, 0)
  })
})

describe('what the HTTP instrumentation leaves alone', () => {
  it('own keys, names, lengths, listeners and what is printed of a parser', async () => {
    // Without coverage: it adds listeners of its own.
    await run('own keys', { coverage: false })
  })

  it('settings of the user: headers of both directions, statuses that are errors', async () => {
    const env = {
      OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: 'x-wanted,X-Missing',
      OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS: 'x-answer',
      TRACING_AGENT_SERVER_ERROR_STATUSES: '404',
    }
    const [plain] = servers(await run('a plain request', { env }), 1)
    assert.deepEqual(plain!.attributes['http.request.header.x-wanted'], ['one, two'])
    assert.equal('http.request.header.x-missing' in plain!.attributes, false)
    assert.deepEqual(plain!.attributes['http.response.header.x-answer'], ['a'])
    // Given to writeHead and not to setHeader.
    const [streamed] = servers(await run('streaming response', { env }), 1)
    assert.deepEqual(streamed!.attributes['http.response.header.x-answer'], ['streamed'])
    const failed = servers(await run('statuses', { env })).filter(({ status }) => status.code === 'ERROR')
    assert.equal(failed.length, 1)
    assertFailed(failed[0]!, '404')
  })

  it('connections that are older than the agent: traced from its start to its stop, and again', async () => {
    const collector = await startCollector()
    // Without a flag: the program starts the agent.
    const result = await startBare('fixtures/http/late-start.cjs', { env: collector.env() }).finished
    const spans = await collector.takeAll()
    await collector.close()
    assert.equal(result.code, 0, result.stderr)
    const paths = spans.filter(({ kind }) => kind === 'SERVER').map(({ attributes }) => attributes['url.path'])
    assert.deepEqual(paths, ['/one', '/inner/one', '/two', '/inner/two', '/three', '/inner/three'])
    assert.equal(spans.length, 12)
    for (const span of spans) assert.equal(span.attributes['http.response.status_code'], 200)
    // From 26.12 on a parser keeps the functions that it had when its connection was made, and we do not hear of bodies.
    const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
    const hearsBodies = major < 26 || (major === 26 && minor < 12)
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, hearsBodies ? 3 : 6)
  })

  it('the answer to an X-Ray caller who leaves the decision to us is a header of the response', async () => {
    const { stdout } = await runAgent('fixtures/http/server-cases.cjs', {
      args: ['x-ray'],
      env: { OTEL_PROPAGATORS: 'xray', OTEL_TRACES_SAMPLER: 'always_off' },
    })
    assert.equal(stdout, 'x-amzn-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0\n')
  })

  it('a disabled instrumentation makes no span', async () => {
    const { spans } = await run('pipelined, answered out of order', {
      env: { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'http' },
    })
    assert.equal(spans.length, 0)
  })
})
