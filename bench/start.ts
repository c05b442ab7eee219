/** What a start costs: an empty program under each agent. */
import { AGENTS } from './agents'
import { wholeRun } from './child'
import { PROGRAMS, ROOT } from './place'
import { ownInstallation, scratchOf, sizeOf } from './scratch'

export interface Start {
  agent: string
  program: string
  cpuMs: number
  wallMs: number
  rssMb: number
  files: number
  installMb: number
  packages: number
}

const RECEIVER = 'http://127.0.0.1:9'

/** Medians over `rounds` runs, the agents in turn. */
export function measureStarts(rounds: number): Start[] {
  const starts: Start[] = []
  const own = ownInstallation()
  for (const program of ['empty.cjs', 'empty.mjs']) {
    const runs = new Map<string, { cpuMs: number; wallMs: number }[]>()
    for (let round = 0; round < rounds; round++) {
      for (const agent of AGENTS) {
        const kept = runs.get(agent.name) ?? []
        runs.set(agent.name, kept)
        kept.push(wholeRun([...agent.flags(scratchOf(agent)), `${PROGRAMS}/${program}`], agent.env(RECEIVER)))
      }
    }
    for (const agent of AGENTS) {
      const folder = scratchOf(agent)
      const { output } = wholeRun([...agent.flags(folder), `${PROGRAMS}/memory.cjs`], agent.env(RECEIVER))
      const { rssMb, files } = JSON.parse(output.trim().split('\n').pop()!) as { rssMb: number; files: number }
      const { megabytes, packages } =
        agent.name === 'bare' ? { megabytes: 0, packages: 0 } : sizeOf(folder === ROOT ? own : folder)
      const kept = runs.get(agent.name)!
      starts.push({
        agent: agent.name,
        program,
        cpuMs: median(kept.map(run => run.cpuMs)),
        wallMs: median(kept.map(run => run.wallMs)),
        rssMb,
        files,
        installMb: megabytes,
        packages,
      })
    }
  }
  return starts
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!
}
