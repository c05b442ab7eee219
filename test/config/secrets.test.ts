/** Credentials do not appear in any output of the configuration. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describeVariables } from '../../src/config/describe'
import { loadConfig } from '../../src/config/load'
import { createLog } from '../../src/log'
import { ROOT_FOLDER } from '../kit/agent'

const SECRET = 'hunter2'

/** Each variable that can hold a credential, in a valid and in a mistaken form. */
const ENVIRONMENTS: Record<string, string>[] = [
  { OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${SECRET},x-key=${SECRET}` },
  { OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${SECRET},=${SECRET}` },
  { OTEL_EXPORTER_OTLP_HEADERS: SECRET },
  { OTEL_EXPORTER_OTLP_HEADERS: `a=${SECRET}\u0100` },
  { OTEL_EXPORTER_OTLP_TRACES_HEADERS: `api-key=${SECRET}%zz` },
  { OTEL_EXPORTER_OTLP_ENDPOINT: `https://user:${SECRET}@backend/?key=${SECRET}` },
  { OTEL_EXPORTER_OTLP_ENDPOINT: `htp://user:${SECRET}@backend/` },
  { OTEL_EXPORTER_OTLP_ENDPOINT: `user:${SECRET}@backend` },
  { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `https://us:er:${SECRET}@@x/?a=${SECRET}#${SECRET}` },
  { OTEL_EXPORTER_ZIPKIN_ENDPOINT: `http://${SECRET}@zipkin/api` },
  { OTEL_EXPORTER_JAEGER_ENDPOINT: `//${SECRET}@jaeger` },
  { OTEL_EXPORTER_JAEGER_PASSWORD: SECRET },
  { OTEL_EXPORTER_JAEGER_PASSWORD: `${SECRET}\u0000` },
  { OTEL_EXPORTER_JAEGER_USER: 'me', OTEL_EXPORTER_JAEGER_PASSWORD: SECRET },
  { OTEL_EXPORTER_OTLP_HEADRS: `authorization=${SECRET}` },
  { OTEL_SECRET_OF_SOMEBODY: SECRET },
  { OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost/#${SECRET}` },
  { OTEL_EXPORTER_JAEGER_USER: SECRET },
  { AWS_ENDPOINT_URL_XRAY: `http://user:${SECRET}@xray` },
  { AWS_XRAY_DAEMON_ADDRESS: `user:${SECRET}@xray:2000` },
  { OTEL_EXPORTER_ZIPKIN_KAFKA_BROKERS: `kafka:9092,user:${SECRET}@kafka:9092` },
  {
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_TRACES_SAMPLER_ARG: `endpoint=http://user:${SECRET}@jaeger/?key=${SECRET}`,
  },
  { OTEL_TRACES_EXPORTER: `otlp,http://user:${SECRET}@backend` },
  { TRACING_AGENT_PROPAGATE_TO: `user:${SECRET}@backend` },
  { TRACING_AGENT_IGNORE_OUTGOING_HOSTS: `http://${SECRET}@backend` },
  { TRACING_AGENT_ENV_FILE: `https://user:${SECRET}@files/.env` },
  { OTEL_RESOURCE_ATTRIBUTES: `team=a,api.key=${SECRET},db=postgres://me:${SECRET}@db` },
  { OTEL_RESOURCE_ATTRIBUTES: `password=${SECRET},mistake` },
  { OTEL_RESOURCE_ATTRIBUTES: `password=${SECRET}%zz` },
]

describe('credentials', () => {
  for (const env of ENVIRONMENTS) {
    it(`stay out of what is said and shown of ${JSON.stringify(env)}`, () => {
      const loaded = loadConfig(env, {}, { path: '', variables: {} })
      assert.ok(!JSON.stringify(loaded.problems).includes(SECRET), JSON.stringify(loaded.problems))
      assert.ok(!JSON.stringify(describeVariables(loaded)).includes(SECRET))
    })
  }

  it('stay out of the words of the agent, wherever they come from', () => {
    for (const [message, said] of [
      [`sent to https://me:${SECRET}@host:1/a@b?key=${SECRET}, lost`, 'sent to https://***@host:1/a@b?***, lost'],
      [`"${SECRET}:${SECRET}@host" and grpc://${SECRET}@[::1]:1#${SECRET}`, '"***@host" and grpc://***@[::1]:1#***'],
      ['patched @grpc/grpc-js@1.14.0 in file:///app/node_modules/@grpc/grpc-js', undefined],
      ['GET /orders/:id=10/s; @health=off; a@b=on', undefined],
    ]) {
      const lines: string[] = []
      createLog('debug', line => lines.push(line)).warn(message!)
      assert.deepEqual(lines, [`tracing-agent: ${said ?? message}\n`])
    }
    const started = performance.now()
    createLog('warn', () => {}).warn(`${'a:@//'.repeat(200_000)}`)
    assert.ok(performance.now() - started < 2000)
  })

  it('stay out of tracing-agent env in every form', () => {
    const env: Record<string, string | undefined> = { PATH: process.env['PATH'], TRACING_AGENT_ENV_FILE: '' }
    for (const more of ENVIRONMENTS.filter(one => !JSON.stringify(one).includes('\\u0000'))) Object.assign(env, more)
    for (const form of [[], ['--json'], ['--markdown']]) {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [join(ROOT_FOLDER, 'build/src/cli/main.js'), 'env', ...form],
        { env, encoding: 'utf8', timeout: 20_000 },
      )
      assert.equal(status, 0, stderr)
      assert.ok(stdout.includes('OTEL_EXPORTER_OTLP_HEADERS'))
      assert.ok(!(stdout + stderr).includes(SECRET))
    }
  })
})
