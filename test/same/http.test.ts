import { join } from 'node:path'
import { ROOT_FOLDER } from '../kit/agent'
import { runTwice, type TwiceOptions } from './twice'

const PROGRAMS = join(ROOT_FOLDER, 'test/same/programs')

/** Programs that say all they see of http, in many cases. */
const CASES: [claim: string, program: string, options?: TwiceOptions][] = [
  ['bad and odd arguments are answered as Node answers them', 'arguments.cjs'],
  ['headers look and travel as they do without the agent', 'headers.cjs'],
  ['connections are made, kept and closed as without the agent', 'connections.cjs'],
  ['requests end in each phase with the same events', 'phases.cjs'],
  ['channels, hooks, storages and performance entries tell the same', 'observers.cjs'],
  ['domains work', 'observers.cjs', { args: ['domain'] }],
]

describe('http under the agent is the http of Node', () => {
  for (const [claim, program, options] of CASES) {
    it(claim, async () => {
      await runTwice(join(PROGRAMS, program), { timeoutMs: 60_000, ...options })
    }).timeout(90_000)
  }
})
