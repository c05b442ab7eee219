/** What test/versions.json holds: the instrumentations with the versions of their packages, as they were last run. */
export interface VersionResults {
  /** Versions of Node, in the order of the results. */
  nodes: string[]
  packages: { name: string; version: string; results: string[] }[]
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
