/** Child processes pinned to a core, and what the kernel says of their cost. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'

const HAS_TASKSET = spawnSync('taskset', ['--version']).error === undefined

/** The core of what is measured, and that of load and receiver. */
export const MEASURED_CORE = 0
export const OTHER_CORE = 1

/** A command that keeps to the core of what is measured. */
export function pinned(command: string[], core = MEASURED_CORE): string[] {
  return HAS_TASKSET ? ['taskset', '-c', String(core), ...command] : command
}

export class Child {
  private readonly process: ChildProcess
  private readonly lines: string[] = []
  private waiting: ((line: string) => void) | undefined
  private readonly reader: Interface
  private errors = ''

  constructor(core: number, args: string[], env: Record<string, string> = {}, cwd?: string) {
    const command = pinned([process.execPath, ...args], core)
    this.process = spawn(command[0]!, command.slice(1), {
      cwd,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.process.stderr!.on('data', chunk => {
      this.errors = (this.errors + chunk).slice(-2000)
    })
    this.reader = createInterface({ input: this.process.stdout! })
    this.reader.on('line', line => {
      const waiting = this.waiting
      this.waiting = undefined
      if (waiting !== undefined) waiting(line)
      else this.lines.push(line)
    })
  }

  /** The next line that starts with `prefix`, without it. */
  async line(prefix: string, timeoutMs = 120_000): Promise<string> {
    for (;;) {
      const line = this.lines.shift() ?? (await this.nextLine(timeoutMs))
      if (line.startsWith(prefix)) return line.slice(prefix.length)
    }
  }

  write(line: string): void {
    this.process.stdin!.write(`${line}\n`)
  }

  /** Microseconds of CPU that all threads of the process used so far (Linux: schedstat, nanoseconds). */
  cpuMicros(): number {
    const { pid } = this.process
    let nanos = 0
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
    }
    return nanos / 1000
  }

  /** Resident memory in MB. */
  memoryMb(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return
    const gone = new Promise(resolve => this.process.once('exit', resolve))
    this.process.kill('SIGKILL')
    await gone
  }

  private nextLine(timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no line within ${timeoutMs} ms: ${this.errors}`)), timeoutMs)
      const ended = (code: number | null) => reject(new Error(`ended with ${code}: ${this.errors}`))
      this.process.once('exit', ended)
      this.waiting = line => {
        clearTimeout(timer)
        this.process.off('exit', ended)
        resolve(line)
      }
    })
  }
}

/** CPU and wall milliseconds of a whole run of Node, as the shell that waited for it tells; and what it printed. */
export function wholeRun(
  args: string[],
  env: Record<string, string>,
): { cpuMs: number; wallMs: number; output: string } {
  const script = 'TIMEFORMAT="%3U %3S %3R"; time "$@"'
  const result = spawnSync('bash', ['-c', script, 'bash', ...pinned([process.execPath, ...args])], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], LC_ALL: 'C', ...env },
    encoding: 'utf8',
  })
  if (result.status !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`)
  const [user, system, real] = result.stderr.trim().split('\n').pop()!.split(' ').map(Number)
  return { cpuMs: (user! + system!) * 1000, wallMs: real! * 1000, output: result.stdout }
}
