import assert from 'node:assert/strict'
import { runAgent } from '../kit/agent'

const { unknownNames } = require('../../../test/fixtures/faults/safe.cjs') as {
  unknownNames(places: string[]): string[]
}

interface Sweep {
  /** Functions of the agent that the work goes through. */
  places: string[]
  /** All that there are in the files that were loaded. */
  known: string[]
  /** Times that an injected fault was met. */
  faulty: number
  wrong: { place: string; kind: string; problems: string[] }[]
}

const EVERYTHING = {
  OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: 'x-wanted',
  OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS: 'x-answer',
  OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS: 'x-wanted',
  OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS: 'x-answer',
  OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST: 'user-agent',
  OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_RESPONSE: 'content-type',
  OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_REQUEST: 'x-wanted',
  OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_RESPONSE: 'x-wanted',
  OTEL_PROPAGATORS: 'tracecontext,xray',
  TRACING_AGENT_EXPRESS_SPANS: 'all',
}

async function sweep(env: Record<string, string>): Promise<Sweep> {
  const { stdout, stderr } = await runAgent('fixtures/faults/sweep.cjs', {
    how: 'none',
    nodeArgs: ['--require', require.resolve('../../../test/fixtures/faults/wrapping.cjs')],
    coverage: false,
    timeoutMs: 110_000,
    env: { OTEL_TRACES_EXPORTER: 'none', ...env },
  })
  assert.match(stdout, /^\{.*\}\n$/, stderr)
  return JSON.parse(stdout)
}

function assertHarmless({ places, faulty, wrong }: Sweep, parts: RegExp[]): void {
  assert.deepEqual(wrong, [])
  for (const part of parts) {
    assert.ok(
      places.some(place => part.test(place)),
      `${part} in ${places.join()}`,
    )
  }
  // What is only done once in a while is met now and then.
  assert.ok(faulty > 1.9 * places.length, `${faulty} faults in ${places.length} places`)
}

describe('a fault in any function or closure that stands between a program and its libraries', () => {
  it('changes nothing for what programs mostly do, and is told', async function () {
    this.timeout(120_000)
    assertHarmless(await sweep({}), [
      /express-tracing:/,
      /express-dispatch:noteError:/,
      /grpc-served:begin:/,
      /http-client:onHead:/,
      /http-server:onFinish:/,
      /undici-request:/,
    ])
  })

  it('changes nothing for what they do less often, and is told', async function () {
    this.timeout(120_000)
    const result = await sweep({ SWEEP: 'rare', ...EVERYTHING })
    assertHarmless(result, [
      /_http-forwarded:parseForwarded:/,
      /express-tracing:enterErrorLayer:/,
      /grpc-client:channelBelow:/,
      /grpc-served:reasonOfReset:/,
      /http-client:giveUp:/,
      /http-handshake:statusOf:/,
      /http-server:onUncaught:/,
      /http-tap:hear:/,
      /undici:noteRedirect:/,
    ])
    const wrapping = unknownNames(result.known).filter(name => name.startsWith('instrumentations/'))
    assert.deepEqual(wrapping, [], 'functions that are left out exist')
  })
})
