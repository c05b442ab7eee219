/** The commands, as a user calls them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { variablesAsMarkdown } from '../../src/config/markdown'
import { OPTIONS } from '../../src/config/options'
import { ROOT_FOLDER } from '../kit/agent'

function command(args: string[], env: Record<string, string> = {}, cwd = ROOT_FOLDER) {
  const main = join(ROOT_FOLDER, 'build/src/cli/main.js')
  return spawnSync(process.execPath, [main, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], TRACING_AGENT_ENV_FILE: '', ...env },
    encoding: 'utf8',
    timeout: 20_000,
  })
}

describe('tracing-agent', () => {
  it('tells its version', () => {
    const { version } = require(join(ROOT_FOLDER, 'package.json'))
    for (const flag of ['--version', '-v']) assert.equal(command([flag]).stdout, `${version}\n`)
  })

  it('lists its commands, with or without --help', () => {
    for (const args of [[], ['--help'], ['-h'], ['help']]) {
      const { status, stdout } = command(args)
      assert.equal(status, 0)
      assert.match(stdout, /tracing-agent env /)
      assert.match(stdout, /--import tracing-agent\/register/)
    }
  })

  it('explains one command', () => {
    for (const args of [
      ['env', '--help'],
      ['help', 'env'],
    ])
      assert.match(command(args).stdout, /^Usage: tracing-agent env/)
  })

  it('asks what was meant by a command that it does not know', () => {
    const { status, stderr } = command(['evn'])
    assert.equal(status, 2)
    assert.match(stderr, /there is no command evn\. Did you mean env\?/)
    assert.equal(command(['__proto__']).status, 2)
  })
})

describe('tracing-agent env', () => {
  it('shows each value and where it comes from', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-cli-'))
    writeFileSync(join(folder, '.env'), 'OTEL_BSP_MAX_QUEUE_SIZE=99\n')
    const { status, stdout, stderr } = command(
      ['env'],
      { OTEL_EXPORTER: 'xray', OTEL_TRACES_SAMPLR: 'x', TRACING_AGENT_ENV_FILE: '.env' },
      folder,
    )
    rmSync(folder, { recursive: true })
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^OTEL_TRACES_EXPORTER=xray {3}\(from the environment, OTEL_EXPORTER\)$/m)
    assert.match(stdout, /^OTEL_BSP_MAX_QUEUE_SIZE=99 {3}\(from the \.env file\)$/m)
    assert.match(stdout, /^OTEL_PROPAGATORS=tracecontext,baggage,xray {3}\(because of exporter xray\)$/m)
    assert.match(stdout, /^OTEL_BSP_SCHEDULE_DELAY=5000$/m)
    assert.match(stdout, /# Problems\n\nOTEL_TRACES_SAMPLR is not known/)
  })

  it('says what is wrong, the argument of the sampler included, each in one line', () => {
    const env = { OTEL_SERVICE_NAME: 'a\n# forged', OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }
    const problems = command(['env'], env).stdout.split('# Problems\n\n')[1]!.trimEnd().split('\n')
    assert.equal(problems.length, 2)
    assert.match(problems[0]!, /^OTEL_SERVICE_NAME="a\\x0a# forged": expected text without control characters/)
    assert.equal(problems[1], 'OTEL_TRACES_SAMPLER_ARG="2": expected a number from 0 to 1; 1 is used.')
    assert.deepEqual(JSON.parse(command(['env', '--json'], env).stdout).problems, problems)
  })

  it('is JSON with --json, one entry for each row', () => {
    const { stdout } = command(['env', '--json'], { OTEL_SERVICE_NAME: 'shop' })
    const { variables, problems } = JSON.parse(stdout)
    assert.deepEqual(
      variables.map(({ name }: { name: string }) => name),
      Object.keys(OPTIONS),
    )
    const name = variables.find((one: { name: string }) => one.name === 'serviceName')
    assert.equal(name.value, 'shop')
    assert.equal(name.from, 'environment')
    assert.deepEqual(problems, [])
  })

  it('is the table of the documentation with --markdown', () => {
    assert.equal(command(['env', '--markdown']).stdout, variablesAsMarkdown())
  })

  it('refuses other options', () => {
    const { status, stderr } = command(['env', '--yaml'])
    assert.equal(status, 2)
    assert.match(stderr, /--yaml/)
  })
})
