/** Credentials do not appear in any output of the configuration. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describeVariables } from '../../src/config/describe'
import { loadConfig } from '../../src/config/load'
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
]

describe('credentials', () => {
  for (const env of ENVIRONMENTS) {
    it(`stay out of what is said and shown of ${JSON.stringify(env)}`, () => {
      const loaded = loadConfig(env, {}, { path: '', variables: {} })
      assert.ok(!JSON.stringify(loaded.problems).includes(SECRET), JSON.stringify(loaded.problems))
      assert.ok(!JSON.stringify(describeVariables(loaded)).includes(SECRET))
    })
  }

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
