/** The .env file: what is taken from it, and what is not. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readEnvFile } from '../../src/config/dotenv'
import { loadConfig } from '../../src/config/load'
import { runAgent, runBare } from '../kit/agent'

describe('the .env file', () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tracing-agent-env-'))
    writeFileSync(
      join(folder, '.env'),
      '# a comment\nexport OTEL_SERVICE_NAME="from file" # more\nOTEL_TRACES_SAMPLR=x\nDATABASE_URL=secret\nOTEL_BSP_SCHEDULE_DELAY=7\n',
    )
    writeFileSync(join(folder, 'other.env'), "OTEL_SERVICE_NAME='other'\n")
    writeFileSync(join(folder, 'foreign.env'), 'A=1\n')
    writeFileSync(join(folder, 'large.env'), `${'#'.repeat(2_000_000)}\nOTEL_SERVICE_NAME=x`)
    mkdirSync(join(folder, 'folder.env'))
    writeFileSync(
      join(folder, 'app.js'),
      'console.log(JSON.stringify([process.env.OTEL_SERVICE_NAME, process.env.OTEL_BSP_SCHEDULE_DELAY, process.env.DATABASE_URL]))',
    )
  })

  after(() => rmSync(folder, { recursive: true }))

  it('is read from the working directory', () => {
    const { config, origins, envFile } = loadConfig({}, {}, readEnvFile({}, folder))
    assert.equal(config.serviceName, 'from file')
    assert.equal(config.batchDelayMs, 7)
    assert.deepEqual(origins.serviceName, { from: 'file', variable: 'OTEL_SERVICE_NAME' })
    assert.equal(envFile, join(folder, '.env'))
  })

  it('loses against the environment, even against another name of the same thing there', () => {
    const file = readEnvFile({}, folder)
    assert.equal(loadConfig({ OTEL_SERVICE_NAME: 'real' }, {}, file).config.serviceName, 'real')
    const both = { path: 'x', variables: { OTEL_TRACES_EXPORTER: 'console' } }
    assert.deepEqual(loadConfig({ OTEL_EXPORTER: 'none' }, {}, both).config.exporters, [])
  })

  it('has its unknown names questioned, and only those that begin like ours', () => {
    const { problems } = loadConfig({}, {}, readEnvFile({}, folder))
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['OTEL_TRACES_SAMPLR is not known and changes nothing; did you mean OTEL_TRACES_SAMPLER?'],
    )
  })

  it('can be another, relative to the working directory or absolute', () => {
    for (const path of ['other.env', join(folder, 'other.env')]) {
      const file = readEnvFile({ TRACING_AGENT_ENV_FILE: path }, folder)
      assert.equal(loadConfig({}, {}, file).config.serviceName, 'other')
    }
  })

  it('is none when the variable is set but empty', () => {
    assert.deepEqual(readEnvFile({ TRACING_AGENT_ENV_FILE: '' }, folder), { path: '', variables: {} })
  })

  it('may be missing unless it was named', () => {
    assert.equal(readEnvFile({}, join(folder, 'nowhere')).problem, undefined)
    assert.match(
      readEnvFile({ TRACING_AGENT_ENV_FILE: 'nowhere.env' }, folder).problem!.message,
      /^TRACING_AGENT_ENV_FILE="nowhere.env": expected a readable file, but no such file; using the environment alone$/,
    )
  })

  it('is refused when it is a folder or too large', () => {
    for (const name of ['folder.env', 'large.env']) {
      const { problem, variables } = readEnvFile({ TRACING_AGENT_ENV_FILE: name }, folder)
      assert.ok(problem)
      assert.deepEqual(variables, {})
    }
  })

  it('is not parsed when it holds nothing of ours', () => {
    assert.deepEqual(readEnvFile({ TRACING_AGENT_ENV_FILE: 'foreign.env' }, folder).variables, {})
  })

  it('leaves the environment of the program as it was', async () => {
    const options = {
      cwd: folder,
      env: { TRACING_AGENT_ENV_FILE: '.env', OTEL_SERVICE_NAME: undefined, OTEL_LOG_LEVEL: 'none' },
    }
    const bare = await runBare(join(folder, 'app.js'), options)
    const traced = await runAgent(join(folder, 'app.js'), options)
    assert.equal(traced.stdout, '[null,null,null]\n')
    assert.equal(traced.stdout, bare.stdout)
    assert.equal(traced.stderr, '')
  })
})
