/**
 * The environment for a thread of the agent's own: the program's, so that libraries find their credentials and proxies in
 * it, without NODE_OPTIONS, because the program's preloads have no business there.
 */
export function environmentOfOwnThread(): NodeJS.ProcessEnv {
  const env = { ...process.env }
  delete env['NODE_OPTIONS']
  return env
}
