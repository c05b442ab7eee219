// npm run demo: three plain programs as processes of their own under the agent, a few requests, and their traces.
import { spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Receiver } from './receiver.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
/** Far more than the few seconds that it takes: the demo ends whatever happens. */
const TIMEOUT_MS = 30_000
const colours = process.stdout.isTTY && !process.env.NO_COLOR

/** Variables that configure an agent are left out: the demo is the same wherever it runs. */
const surroundings = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(OTEL|TRACING_AGENT|AWS_XRAY)_/.test(name)),
)
const children = []
const receiver = new Receiver()

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))
setTimeout(() => fail(`no end after ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS).unref()

const endpoint = await receiver.start()
console.log('Three programs that know nothing of tracing, each started with one more flag:\n')
const store = await start('store', 'store.cjs', {})
const web = await start('web', 'web.mjs', { STORE: store })
const gateway = await start('gateway', 'gateway.cjs', { WEB: web })

console.log('\nThree requests, of which the last fails:\n')
for (const item of ['apple', 'pear', 'unicorn']) {
  const response = await fetch(`${gateway}/shop/${item}`)
  console.log(`  GET /shop/${item}: ${response.status} ${await response.text()}`)
}
// /home does not wait for /async: the last one is still at work.
await new Promise(resolve => setTimeout(resolve, 300))

// A program that is told to end sends its last spans first.
await Promise.all(children.map(stop))
receiver.stop()

console.log(`\nTheir traces, as ${new Set(receiver.spans.map(({ service }) => service)).size} services sent them:\n`)
console.log(receiver.render(colours))
if (receiver.spans.length === 0) fail('no span arrived')
console.log(`Next, with a program of yours:

  OTEL_EXPORTER=console node --import ${ROOT}/register.js app.js
      its traces on the terminal
  node ${ROOT}/build/src/cli/main.js doctor -- node app.js
      what is set, whether the backend answers, what is traced in it
`)

/** @returns where the program listens */
function start(name, file, env) {
  const shown = Object.entries(env).map(([key, value]) => `${key}=${value} `)
  console.log(`  ${shown.join('')}OTEL_SERVICE_NAME=${name} node --import tracing-agent/register examples/${file}`)
  const child = spawn(process.execPath, ['--import', 'tracing-agent/register', `examples/${file}`], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...surroundings,
      ...env,
      OTEL_SERVICE_NAME: name,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      TRACING_AGENT_ENV_FILE: '',
    },
  })
  children.push(child)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => reject(new Error(`${file} ended with ${code} before it listened`)))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
      const match = /^listening on (\S+)$/m.exec(output)
      if (match) resolve(match[1])
    })
  })
}

function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  return new Promise(resolve => child.on('exit', resolve))
}

function fail(reason) {
  console.error(`demo: ${reason}`)
  process.exit(1)
}
