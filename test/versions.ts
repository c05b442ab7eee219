/** Which versions of a package are to be run, and what became of it. */
import { INSTRUMENTATIONS } from '../instrumentations/index'
import { compareVersions } from '../src/versions'

/** What test/versions.json holds: the instrumentations with the versions of their packages, as they were last run. */
export interface VersionResults {
  /** Versions of Node, in the order of the results. */
  nodes: string[]
  packages: { name: string; version: string; results: string[] }[]
}

/** A package and the versions of it that are traced. */
export interface Supported {
  readonly name: string
  readonly lowest: string
  /** Where support ends; undefined: it does not. */
  readonly below?: string
  /** Versions that are run besides the lowest and the newest of each major. */
  readonly also: readonly string[]
}

/** Express 5 has its routes in `router`, whose row is another one: with it begins what the two do together. */
const ALSO: Readonly<Record<string, readonly string[]>> = { express: ['5.0.0'] }

/** By the rows of the instrumentations; undici tells of itself in channels, and has none for its package. */
export const SUPPORTED: readonly Supported[] = [
  ...INSTRUMENTATIONS.flatMap(({ module: name, versions }) =>
    versions === undefined ? [] : [{ name, lowest: versions[0], below: versions[1], also: ALSO[name] ?? [] }],
  ),
  { name: 'undici', lowest: '5.0.0', also: [] },
]

/** The lowest version, the newest of each major, and those that are named, in their order. */
export function versionsToRun({ lowest, below, also }: Supported, published: readonly string[]): string[] {
  const newest = new Map<number, string>()
  for (const version of published) {
    if (!/^\d+\.\d+\.\d+$/.test(version) || compareVersions(version, lowest) < 0) continue
    if (below !== undefined && compareVersions(version, below) >= 0) continue
    const before = newest.get(major(version))
    if (before === undefined || compareVersions(version, before) > 0) newest.set(major(version), version)
  }
  return [...new Set([lowest, ...also, ...newest.values()])].sort(compareVersions)
}

export function major(version: string): number {
  return Number.parseInt(version, 10)
}

/** The table of the README. */
export function versionsAsMarkdown({ nodes, packages }: VersionResults): string {
  const rows = [
    ['package', 'version', ...nodes.map(node => `Node ${node}`)],
    ['---', '---', ...nodes.map(() => '---')],
    ...packages.map(({ name, version, results }) => [`\`${name}\``, version, ...results]),
  ]
  return rows.map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
