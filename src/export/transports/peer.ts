/** Optional packages that the user installs beside the agent, or in the program that it traces. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Loads an optional package: from where the agent is installed, else from the working directory of the program (an agent
 * that was copied into a container is not installed beside it).
 *
 * @throws Error that says what to install
 */
export async function loadPeer(name: string): Promise<any> {
  try {
    return await import(name)
  } catch (error) {
    if (!isMissing(error)) throw new Error(`the package ${name} cannot be loaded: ${firstLine(error)}`)
  }
  try {
    const path = createRequire(join(process.cwd(), 'package.json')).resolve(name)
    return await import(pathToFileURL(path).href)
  } catch (error) {
    if (!isMissing(error)) throw new Error(`the package ${name} cannot be loaded: ${firstLine(error)}`)
    throw new Error(`needs the package ${name}, which is not installed: npm install ${name}`)
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
}

function firstLine(error: unknown): string {
  return String((error as Error).message).split('\n', 1)[0]!
}
