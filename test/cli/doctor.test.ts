/** The doctor, on well and on sick set-ups. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundlerOf } from '../../src/cli/doctor-program'
import { checkNode, checkOthers, checkPreloads } from '../../src/cli/doctor-setup'
import { ROOT_FOLDER } from '../kit/agent'
import { startCollector } from '../kit/collector'

const FIXTURE = join(ROOT_FOLDER, 'test/fixtures/one-call.cjs')

interface Result {
  status: number | null
  stdout: string
  stderr: string
}

function doctor(args: string[], env: Record<string, string> = {}, cwd = ROOT_FOLDER): Promise<Result> {
  return new Promise(resolve => {
    const variables = Object.entries({ PATH: process.env['PATH'], TRACING_AGENT_ENV_FILE: '', ...env })
    // nyc adds itself to every child that is spawned, and the doctor's program would be its: `env -i` takes it out again.
    const child = spawn(
      'env',
      [
        '-i',
        ...variables.map(([name, value]) => `${name}=${value}`),
        process.execPath,
        join(ROOT_FOLDER, 'build/src/cli/main.js'),
        'doctor',
        ...args,
      ],
      { cwd, timeout: 50_000 },
    )
    const result: Result = { status: null, stdout: '', stderr: '' }
    child.stdout.on('data', text => {
      result.stdout += text
    })
    child.stderr.on('data', text => {
      result.stderr += text
    })
    child.on('close', status => resolve({ ...result, status }))
  })
}

/** A backend that takes all it is sent over HTTP, or answers with a status. */
async function backend(status: number, use: (url: string, bodies: Buffer[]) => Promise<void>): Promise<void> {
  const bodies: Buffer[] = []
  const server = createServer((request: IncomingMessage, response) => {
    const parts: Buffer[] = []
    request.on('data', part => parts.push(part))
    request.on('end', () => {
      bodies.push(Buffer.concat(parts))
      response.writeHead(status).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

describe('tracing-agent doctor', () => {
  it('passes when the backend takes the test span, and tells what is set and from where', async () => {
    const collector = await startCollector({})
    const { status, stdout } = await doctor([], { ...collector.env('http/protobuf'), OTEL_SERVICE_NAME: 'shop' })
    const [span, ...more] = await collector.takeAll()
    await collector.close()
    assert.equal(status, 0, stdout)
    assert.equal(more.length, 0)
    assert.equal(span!.name, 'tracing-agent doctor')
    assert.match(stdout, new RegExp(`ok {4}otlp: http://[^ ]+/v1/traces took a span: trace ${span!.traceId}`))
    assert.match(stdout, /ok {4}OTEL_SERVICE_NAME=shop \(from the environment\)/)
    assert.match(stdout, /ok {4}service\.name is shop/)
    assert.match(stdout, new RegExp(`Node\\.js ${process.versions.node.replaceAll('.', '\\.')} .* is supported`))
    assert.match(stdout, /Passed: 0 failures, 0 warnings\.\n$/)
  })

  it('fails when nobody is there, and names the variable that selects the address', async () => {
    const { status, stdout } = await doctor([], { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })
    assert.equal(status, 1)
    assert.match(
      stdout,
      /FAIL {2}otlp: http:\/\/127\.0\.0\.1:9\/v1\/traces .*ECONNREFUSED.*OTEL_EXPORTER_OTLP_ENDPOINT/,
    )
    assert.match(stdout, /Failed: 1 failure, 0 warnings\.\n$/)
  })

  it('says once that a service has no name, and not as an answer of the backend', async () => {
    const { stdout } = await doctor([], { OTEL_EXPORTER: 'console' }, '/')
    assert.equal(stdout.split('no package.json tells a name').length, 2, stdout)
    assert.match(stdout, /ok {4}console: /)
  })

  it('fails when the backend refuses, and shows the answer but no credential', async () => {
    await backend(401, async url => {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=hunter2' }
      const { status, stdout, stderr } = await doctor([], env)
      assert.equal(status, 1)
      assert.match(stdout, /FAIL {2}otlp: .*answered 401/)
      assert.match(stdout, /OTEL_EXPORTER_OTLP_HEADERS=authorization=\*\*\*/)
      assert.ok(!(stdout + stderr).includes('hunter2'))
    })
  })

  it('warns of mistakes, each in a line', async () => {
    const { status, stdout } = await doctor([], {
      OTEL_EXPORTER: 'none',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '2',
      OTEL_PROPAGATRS: 'b3',
    })
    assert.equal(status, 0)
    assert.match(stdout, /warn {2}OTEL_PROPAGATRS is not known .* did you mean OTEL_PROPAGATORS\?/)
    assert.match(stdout, /warn {2}OTEL_TRACES_SAMPLER_ARG="2": expected a number from 0 to 1/)
    assert.match(stdout, /warn {2}OTEL_TRACES_EXPORTER is none/)
    assert.match(stdout, /Passed: 0 failures, 3 warnings/)
  })

  it('names a variable as it was set', async () => {
    const { stdout } = await doctor([], {
      OTEL_EXPORTER: 'none',
      OTEL_ATTRIBUTE_COUNT_LIMIT: '5',
      AWS_REGION: 'eu-west-1',
    })
    assert.equal(stdout.match(/ok {4}OTEL_ATTRIBUTE_COUNT_LIMIT=5 \(from the environment\)/g)?.length, 1)
    assert.match(stdout, /ok {4}AWS_REGION=eu-west-1 \(from the environment\)/)
    assert.match(stdout, /ok {4}sampler ParentBased\{root=AlwaysOnSampler\}/)
  })

  it('warns when nothing will be recorded', async () => {
    const { stdout } = await doctor([], { OTEL_EXPORTER: 'none', OTEL_TRACES_SAMPLER: 'always_off' })
    assert.match(stdout, /warn {2}this sampler records no trace that begins here/)
  })

  it('explains how it is called', async () => {
    for (const args of [['--seconds'], ['--seconds', '0'], ['x'], ['--'], ['--seconds', '1', '2']]) {
      const { status, stderr } = await doctor(args)
      assert.equal(status, 2, args.join(' '))
      assert.match(stderr, /^Usage: tracing-agent doctor/)
    }
  })

  it('is not traced itself, although NODE_OPTIONS loads the agent', async () => {
    const collector = await startCollector({})
    const env = { ...collector.env('http/protobuf'), NODE_OPTIONS: `--require ${join(ROOT_FOLDER, 'register.js')}` }
    const { status, stdout } = await doctor([], env)
    const spans = await collector.takeAll()
    await collector.close()
    assert.equal(status, 0)
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['tracing-agent doctor'],
    )
    assert.match(stdout, /ok {4}NODE_OPTIONS loads .*register\.js/)
  })
})

describe('the test export of the doctor', () => {
  it('works for Zipkin and for Jaeger over HTTP', async () => {
    await backend(202, async (url, bodies) => {
      const { status, stdout } = await doctor([], {
        OTEL_EXPORTER: 'zipkin,jaeger',
        OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${url}/api/v2/spans`,
        OTEL_EXPORTER_JAEGER_ENDPOINT: `${url}/api/traces`,
      })
      assert.equal(status, 0, stdout)
      assert.equal(bodies.length, 2)
      assert.match(stdout, /ok {4}zipkin: http:.* took a span/)
      assert.match(stdout, /ok {4}jaeger: http:.* took a span/)
    })
  })

  it('works for AWS X-Ray over UDP, and says that there is no answer', async () => {
    const socket = createSocket('udp4')
    const messages: string[] = []
    socket.on('message', message => messages.push(message.toString()))
    await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
    const { status, stdout } = await doctor([], {
      OTEL_EXPORTER: 'xray',
      AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${socket.address().port}`,
    })
    socket.close()
    assert.equal(status, 0, stdout)
    assert.equal(messages.length, 1)
    assert.match(messages[0]!, /^\{"format":"json","version":1\}\n\{.*tracing-agent/)
    assert.match(stdout, /ok {4}xray: udp:.* UDP has no answers/)
  })

  it('works for the terminal and for a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-doctor-'))
    const file = join(folder, 'spans.jsonl')
    const { status, stdout, stderr } = await doctor([], { OTEL_EXPORTER: 'console,file', TRACING_AGENT_FILE: file })
    const written = readFileSync(file, 'utf8')
    rmSync(folder, { recursive: true })
    assert.equal(status, 0, stdout)
    assert.match(stderr, /tracing-agent doctor/)
    assert.match(written, /"tracing-agent doctor"/)
  })

  it('fails for the exporter that fails, and tells of the others', async () => {
    const { status, stdout } = await doctor([], {
      OTEL_EXPORTER: 'console,file',
      TRACING_AGENT_FILE: '/no/such/folder/x',
    })
    assert.equal(status, 1)
    assert.match(stdout, /ok {4}console: /)
    assert.match(stdout, /FAIL {2}file: .*ENOENT/)
  })
})

describe('the doctor with a program', () => {
  const OFF = { OTEL_EXPORTER: 'none' }

  it('reports what was patched and which spans came, and lets the program print', async () => {
    const { status, stdout } = await doctor(['--seconds', '30', '--', process.execPath, FIXTURE], OFF)
    assert.equal(status, 0, stdout)
    assert.match(stdout, /^200$/m)
    assert.match(stdout, /ok {4}it ended by itself with exit code 0/)
    assert.match(stdout, /ok {4}patched http/)
    assert.match(stdout, /ok {4}2 spans came/)
    assert.match(stdout, /1 × server GET \(tracing-agent\/http\)/)
    assert.match(stdout, /1 × client GET \(tracing-agent\/http\)/)
  })

  it('stops a program that goes on, with the processes that it started', async () => {
    const started = performance.now()
    const script = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
      console.log(process.pid)`
    const { status, stdout } = await doctor(['--seconds', '1', '--', process.execPath, '-e', script], OFF)
    assert.equal(status, 0, stdout)
    assert.match(stdout, /ok {4}it ran for 1 second and was stopped/)
    assert.match(stdout, /warn {2}no span came/)
    assert.ok(performance.now() - started < 20_000)
  })

  it('fails when the agent does not start in it, or the program does not', async () => {
    const other = await doctor(['--', 'sh', '-c', 'true'], OFF)
    assert.equal(other.status, 1)
    assert.match(other.stdout, /FAIL {2}the agent did not start in it/)
    const none = await doctor(['--', '/no/such/program'], OFF)
    assert.equal(none.status, 1)
    assert.match(none.stdout, /FAIL {2}it could not be started: .*ENOENT/)
  })

  it('recognises a bundle, and a dependency that was never loaded', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-bundle-'))
    const { buildSync } = require('esbuild') as typeof import('esbuild')
    const entry = join(ROOT_FOLDER, 'node_modules/express/index.js')
    buildSync({
      entryPoints: [entry],
      bundle: true,
      platform: 'node',
      outfile: join(folder, 'app.js'),
      logLevel: 'silent',
    })
    writeFileSync(join(folder, 'package.json'), '{"name":"bundled","dependencies":{"express":"^5.0.0"}}')
    const { stdout } = await doctor(['--', process.execPath, 'app.js'], OFF, folder)
    rmSync(folder, { recursive: true })
    assert.match(stdout, /warn {2}.*app\.js is a bundle \(esbuild/)
    assert.match(stdout, /warn {2}express is a dependency and was not loaded as a package/)
    assert.match(stdout, /ok {4}service\.name is bundled/)
    assert.equal(bundlerOf(FIXTURE), undefined)
  })
})

describe('what the doctor sees of a set-up', () => {
  it('is whether Node.js is supported', () => {
    for (const [version, level] of [
      ['18.20.8', 'fail'],
      ['20.5.1', 'fail'],
      ['20.6.0', 'ok'],
      ['26.10.0', 'ok'],
    ] as const) {
      assert.equal(checkNode(version)[0]!.level, level, version)
    }
  })

  it('is what NODE_OPTIONS loads before the agent', () => {
    const levels = (options: string) => checkPreloads(options).map(({ level }) => level)
    assert.deepEqual(levels(''), ['note'])
    assert.deepEqual(levels('--require tracing-agent/register'), ['ok'])
    assert.deepEqual(levels('-r ./a.js --import=tracing-agent/register --max-old-space-size=100'), ['ok', 'warn'])
    assert.deepEqual(levels('--import tracing-agent/register --require "./with space.js"'), ['ok', 'warn'])
    assert.deepEqual(levels('--require tracing-agent/register --require ./after.js'), ['ok'])
    assert.deepEqual(levels('--require dotenv/config'), ['note'])
    assert.deepEqual(levels('--require /otel-auto-instrumentation-nodejs/autoinstrumentation.js'), ['ok'])
  })

  it('is another agent, among the dependencies or in NODE_OPTIONS', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-others-'))
    writeFileSync(join(folder, 'package.json'), '{"dependencies":{"dd-trace":"^5.0.0","express":"^5.0.0"}}')
    assert.match(checkOthers(folder, '')[0]!.text, /^dd-trace \(Datadog\) is here, too/)
    rmSync(folder, { recursive: true })
    const options = '--require @opentelemetry/auto-instrumentations-node/register'
    assert.match(checkOthers(tmpdir(), options)[0]!.text, /^@opentelemetry\/auto-instrumentations-node /)
    assert.equal(checkOthers(tmpdir(), '')[0]!.level, 'ok')
  })
})
