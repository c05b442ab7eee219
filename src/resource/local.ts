/** What can be known of the host, the operating system and the process without asking anybody. */
import { readFileSync } from 'node:fs'
import { arch, hostname, release, userInfo } from 'node:os'

export type Found = [key: string, value: string | number | string[]][]

/** Values of `host.arch` where Node calls it otherwise (semantic conventions, "Host"). */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm: 'arm32', ppc: 'ppc32', ia32: 'x86' }
/** Values of `os.type` where Node calls it otherwise (semantic conventions, "OS"). */
const SYSTEMS: Readonly<Record<string, string>> = { win32: 'windows', sunos: 'solaris' }

export function detectHost(): Found {
  const found: Found = [
    ['host.name', hostname()],
    ['host.arch', ARCHITECTURES[arch()] ?? arch()],
  ]
  const id = readText('/etc/machine-id') || readText('/var/lib/dbus/machine-id')
  if (id !== '') found.push(['host.id', id])
  return found
}

export function detectOs(): Found {
  return [
    ['os.type', SYSTEMS[process.platform] ?? process.platform],
    ['os.version', release()],
  ]
}

export function detectProcess(): Found {
  const { argv, execPath, pid, versions } = process
  const found: Found = [
    ['process.pid', pid],
    ['process.executable.name', baseName(execPath)],
    ['process.executable.path', execPath],
    ['process.runtime.name', 'nodejs'],
    ['process.runtime.version', versions.node],
    ['process.runtime.description', 'Node.js'],
  ]
  if (argv.length > 1) found.push(['process.command', argv[1]!])
  try {
    found.push(['process.owner', userInfo().username])
  } catch {
    // A user id without an entry in /etc/passwd, as containers have it.
  }
  return found
}

export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}

/** The trimmed content of a small file; empty when it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
