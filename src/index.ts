/**
 * The programmatic API, for programs that start the agent themselves or want to know that their spans were sent. A fault
 * of the agent is a line on stderr: nothing here throws or rejects.
 */
import { type Config, current, start as startAgent } from './register'

export type { SpanData } from './trace/data'
export type { Config }

// As they were before a program could replace them.
const startInterval = setInterval
const stopInterval = clearInterval

/**
 * Starts the agent. Call it before the modules that shall be traced are loaded. A second call changes nothing, nor does one
 * under `--require tracing-agent/register`.
 *
 * @param overrides options, which win over the variables of the environment
 */
export function start(overrides: Partial<Config> = {}): void {
  try {
    startAgent(overrides)
  } catch (error) {
    process.stderr.write(`tracing-agent: could not start (${error}); the program runs untraced\n`)
  }
}

/** Resolves when all spans that have ended are sent or given up. The process stays alive so long. */
export function flush(): Promise<void> {
  return held(current()?.flush())
}

/** Takes every patch back, sends what is left, and closes. Await it before another start. */
export function stop(): Promise<void> {
  return held(current()?.stop())
}

/** Exporters let a process end while they wait for an answer; whoever calls us wants it. */
async function held(work: Promise<void> | undefined): Promise<void> {
  const hold = startInterval(() => {}, 60_000)
  try {
    await work
  } catch (error) {
    process.stderr.write(`tracing-agent: ${error}\n`)
  } finally {
    stopInterval(hold)
  }
}
