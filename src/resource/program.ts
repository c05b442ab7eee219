import { readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Program {
  readonly name: string
  readonly version: string
}

/** package.json files are small; what is larger is not one. */
const MAX_FOLDERS = 64

/**
 * Name and version in the package.json nearest to the program, that is the first in its folder or one above it that has a
 * name. Undefined when there is none.
 *
 * @param entry the file that Node was told to run; undefined for `node -e` and the like, which belong to the working
 *   directory
 */
export function findProgram(entry: string | undefined): Program | undefined {
  let folder = folderOf(entry)
  for (let i = 0; i < MAX_FOLDERS && folder !== undefined; i++) {
    const program = readPackage(join(folder, 'package.json'))
    if (program !== undefined) return program
    const above = dirname(folder)
    folder = above === folder ? undefined : above
  }
  return undefined
}

function folderOf(entry: string | undefined): string | undefined {
  try {
    return entry === undefined ? process.cwd() : dirname(realpathSync(entry))
  } catch {
    // `node server` runs server.js: the name alone is no file, but its folder is.
    return entry === undefined ? undefined : dirname(entry)
  }
}

function readPackage(path: string): Program | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof name !== 'string' || name === '') return undefined
    return { name, version: typeof version === 'string' ? version : '' }
  } catch {
    return undefined
  }
}
