/** Configuration files in programs, and in the commands that explain them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT_FOLDER, runAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'

const PROGRAM = 'fixtures/one-call.cjs'
const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-yaml-'))
const FILE = join(folder, 'otel.yaml')
/** Without the variables that the kit sets, which a file replaces. */
const NOTHING = {
  OTEL_SERVICE_NAME: undefined,
  OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
  OTEL_EXPORTER_OTLP_PROTOCOL: undefined,
  OTEL_TRACES_EXPORTER: undefined,
}

function document(endpoint: string, more = ''): string {
  return `file_format: "1.0"
resource: {attributes: [{name: service.name, value: "\${SHOP:-shop}"}, {name: shelf, value: 3, type: int}]}
propagator: {composite: [{tracecontext: }]}
tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "${endpoint}/v1/traces", headers: [{name: x-key, value: hunter2}]}}}
    - simple: {exporter: {otlp_file/development: {output_stream: "file://${folder}/traces-%p.jsonl"}}}
instrumentation/development: {general: {stability_opt_in_list: http/dup}}
${more}`
}

function written(): string[] {
  const files = readdirSync(folder).filter(name => name.endsWith('.jsonl'))
  const lines = files.flatMap(name => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
  for (const name of files) rmSync(join(folder, name))
  return lines
}

after(() => rmSync(folder, { recursive: true, force: true }))

describe('a program with a configuration file', () => {
  for (const how of ['require', 'import'] as const) {
    it(`sends to each of the exporters in it (--${how})`, async () => {
      const collector = await startCollector({})
      try {
        const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = collector.env()
        writeFileSync(FILE, document(endpoint!))
        const env = { ...NOTHING, OTEL_CONFIG_FILE: FILE, SHOP: 'toys' }
        const { stderr, stdout } = await runAgent(PROGRAM, { how, env, collector })
        assert.equal(
          stderr.replace(/^tracing-agent: OTEL_[^\n]* changes? nothing: OTEL_CONFIG_FILE is set[^\n]*\n/, ''),
          '',
        )
        assert.equal(stdout, '200\n')
        const spans = await collector.takeAll()
        assert.equal(spans.length, 2)
        for (const { attributes, resource } of spans) {
          assert.equal(resource['service.name'], 'toys')
          assert.equal(resource['shelf'], 3)
          assert.equal(resource['host.name'], undefined)
          assert.equal(attributes['http.method'], 'GET')
        }
        assert.equal(
          written()
            .join('')
            .match(/"spanId"/g)!.length,
          2,
        )
      } finally {
        await collector.close()
      }
    })
  }

  it('that cannot be read makes no spans and says so once', async () => {
    const env = { ...NOTHING, OTEL_CONFIG_FILE: join(folder, 'none.yaml') }
    const { code, spans, stderr, stdout } = await runAgent(PROGRAM, { env })
    assert.equal(stdout, '200\n')
    assert.equal(code, 0)
    assert.deepEqual(spans, [])
    assert.match(
      stderr,
      /^tracing-agent: OTEL_CONFIG_FILE=".*none\.yaml": expected a readable YAML file [^\n]*no such file[^\n]*\n$/,
    )
  })

  it('is explained by tracing-agent env and doctor, without its credentials', () => {
    writeFileSync(FILE, document('http://127.0.0.1:9', 'resorce: {}'))
    const variables = [`PATH=${process.env['PATH']}`, 'TRACING_AGENT_ENV_FILE=', `OTEL_CONFIG_FILE=${FILE}`]
    const main = join(ROOT_FOLDER, 'build/src/cli/main.js')
    // nyc adds itself to every child that is spawned, and the doctor's program would be its: `env -i` takes it out again.
    const command = (...args: string[]) =>
      spawnSync('env', ['-i', ...variables, process.execPath, main, ...args], { encoding: 'utf8', timeout: 60_000 })
    const shown = command('env').stdout
    assert.match(
      shown,
      /OTEL_RESOURCE_ATTRIBUTES=service\.name=shop,shelf=3 {3}\(from .*otel\.yaml: resource\.attributes\)/,
    )
    assert.match(
      shown,
      /# Exporters of the configuration file\n\notlp\n[\s\S]*\n\nfile\n[\s\S]*filePath: .*traces-%p\.jsonl/,
    )
    assert.match(shown, /resorce is not known and changes nothing; did you mean resource\?/)
    const { configFile, exporters } = JSON.parse(command('env', '--json').stdout)
    assert.equal(configFile, FILE)
    assert.deepEqual(
      exporters.map(({ exporter }: { exporter: string }) => exporter),
      ['otlp', 'file'],
    )
    const { status, stdout } = command(
      'doctor',
      '--seconds',
      '15',
      '--',
      process.execPath,
      join(ROOT_FOLDER, 'test', PROGRAM),
    )
    assert.match(stdout, /read .*otel\.yaml in place of the variables of the standard/)
    assert.match(stdout, /http:\/\/127\.0\.0\.1:9\/v1\/traces .*ECONNREFUSED/)
    assert.match(stdout, /file: .* took a span/)
    assert.match(stdout, /patched http/)
    assert.match(stdout, /GET/)
    assert.equal(status, 1)
    assert.ok(!`${shown}${stdout}`.includes('hunter2'))
    assert.ok(existsSync(FILE))
    written()
  })
})
