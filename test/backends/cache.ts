/**
 * Real backends, fetched or built once and kept outside the checkout. Each function gives the path of what it made ready,
 * or the reason why it cannot be had here; a suite says that reason and is skipped.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ROOT_FOLDER } from '../kit/agent'

const HERE = join(ROOT_FOLDER, 'test/backends')
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tracing-agent/backends')
/** A first build of a large Go program takes several minutes on two cores. */
const BUILD_MS = Number(process.env['TEST_BACKENDS_BUILD_MINUTES'] || 6) * 60_000

export type Ready = { readonly path: string } | { readonly missing: string }

/** The executable JAR of Zipkin, from Maven Central. */
export function zipkinJar(): Ready {
  const path = join(CACHE, 'zipkin-server-3.6.1-exec.jar')
  return made(path, () => {
    const artifact = 'io.zipkin:zipkin-server:3.6.1:jar:exec'
    return (
      needs('java', '-version') ??
      run(CACHE, 'mvn', '-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, '-DoutputDirectory=.')
    )
  })
}

/** The folder with Kafka's JARs, from Maven Central. */
export function kafkaJars(): Ready {
  const path = join(CACHE, 'kafka')
  return made(path, () => {
    const target = `${path}.part`
    const failure =
      needs('java', '-version') ??
      run(join(HERE, 'kafka'), 'mvn', '-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${target}`)
    if (failure === undefined) renameSync(target, path)
    return failure
  })
}

/** Jaeger all-in-one, built from its Go module. */
export function jaegerBinary(): Ready {
  const path = join(CACHE, 'bin/jaeger')
  return made(path, () => {
    const folder = join(CACHE, 'build/jaeger')
    mkdirSync(folder, { recursive: true })
    copyFileSync(join(HERE, 'jaeger/go.mod.txt'), join(folder, 'go.mod'))
    copyFileSync(join(HERE, 'jaeger/go.sum.txt'), join(folder, 'go.sum'))
    return build(folder, path, 'github.com/jaegertracing/jaeger/cmd/all-in-one')
  })
}

/** The OpenTelemetry Collector with the receivers of builder.yaml, built from Go modules. */
export function collectorBinary(): Ready {
  const path = join(CACHE, 'bin/otelcol')
  return made(path, () => {
    const folder = join(CACHE, 'build/otelcol')
    mkdirSync(folder, { recursive: true })
    copyFileSync(join(HERE, 'otelcol/builder.yaml'), join(folder, 'builder.yaml'))
    const builder = 'go.opentelemetry.io/collector/cmd/builder@v0.152.0'
    return (
      needs('go', 'version') ??
      run(folder, 'go', 'run', builder, '--config', 'builder.yaml', '--skip-compilation', '--skip-get-modules') ??
      build(join(folder, 'dist'), path, '.')
    )
  })
}

/** The daemon of AWS X-Ray, built from its Go module. */
export function xrayDaemonBinary(): Ready {
  const path = join(CACHE, 'bin/xray')
  return made(path, () => {
    const folder = join(CACHE, 'build/xray')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'go.mod'), 'module backends/xray\n\ngo 1.24\n')
    const daemon = 'github.com/aws/aws-xray-daemon/cmd/tracing'
    return needs('go', 'version') ?? run(folder, 'go', 'get', `${daemon}@latest`) ?? build(folder, path, daemon)
  })
}

/** The server that answers for AWS: moto, from PyPI, in an environment of its own. */
export function motoServer(): Ready {
  const path = join(CACHE, 'moto/bin/moto_server')
  return made(path, () => {
    const failure = needs('python3', '--version') ?? run(CACHE, 'python3', '-m', 'venv', 'moto')
    return failure ?? run(CACHE, join(CACHE, 'moto/bin/pip'), '-q', 'install', 'moto[server,xray]==5.2.5')
  })
}

function made(path: string, make: () => string | undefined): Ready {
  if (existsSync(path)) return { path }
  mkdirSync(CACHE, { recursive: true })
  const missing = make()
  return missing === undefined && existsSync(path) ? { path } : { missing: missing ?? `${path} was not made` }
}

function build(folder: string, output: string, what: string): string | undefined {
  return needs('go', 'version') ?? run(folder, 'go', 'build', '-trimpath', '-ldflags=-s -w', '-o', output, what)
}

function needs(command: string, flag: string): string | undefined {
  return spawnSync(command, [flag]).error === undefined ? undefined : `${command} is not installed`
}

/** Undefined when it went well, else the reason in one line. */
function run(cwd: string, command: string, ...args: string[]): string | undefined {
  // Module sums are pinned where there is a go.sum; the sum database is not asked, because not every mirror has it.
  const env = { ...process.env, GOFLAGS: '-mod=mod', GOSUMDB: 'off' }
  const result = spawnSync(command, args, { cwd, env, timeout: BUILD_MS, encoding: 'utf8', maxBuffer: 1 << 26 })
  return result.status === 0 ? undefined : `${command} ${args[0]}: ${reason(result)}`
}

function reason(result: SpawnSyncReturns<string>): string {
  if (result.error !== undefined) return result.error.message
  const words = `${result.stdout}\n${result.stderr}`.trim().split('\n')
  return words[words.length - 1]!.slice(0, 200) || `exit status ${result.status}`
}
