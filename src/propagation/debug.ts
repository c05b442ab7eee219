import type { AgentContext } from '../trace/context'

/** Context value of the debug flag of B3 and Jaeger: a caller wants this trace sampled, and everybody below told so. */
const DEBUG = Symbol.for('tracing-agent propagation debug')

export function withDebug(context: AgentContext): AgentContext {
  return context.setValue(DEBUG, true)
}

export function isDebug(context: AgentContext): boolean {
  return context.getValue(DEBUG) === true
}
