/**
 * The programmatic API, for programs that start the agent themselves or want to wait until spans are sent.
 */
import { current, start as startAgent } from './register'

export type { InstrumentationRow, Settings, Tools } from './instrumentation'

/** Starts the agent. Once is enough: a second call, or a call under `--require tracing-agent/register`, changes nothing. */
export function start(): void {
  startAgent()
}

/** Resolves when the spans that have ended are sent or given up. Never rejects. */
export async function flush(): Promise<void> {
  await current()?.flush()
}

/** Takes every patch back, sends what is left, and closes. Never rejects. */
export async function stop(): Promise<void> {
  await current()?.stop()
}
