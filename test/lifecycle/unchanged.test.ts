import assert from 'node:assert/strict'
import { type How, type RunOptions, runAgent, runBare } from '../kit/agent'

const ALONE: RunOptions = { coverage: false }

describe('what a program sees of its process', () => {
  for (const how of ['require', 'import', 'node-options'] as How[]) {
    it(`is the same under the agent by ${how}`, async () => {
      // With --import Node.js loads every program by the loader of ES modules.
      const nodeArgs = how === 'import' ? ['--import', 'data:text/javascript,'] : []
      const bare = await runBare('fixtures/lifecycle/observable.cjs', { ...ALONE, nodeArgs })
      const traced = await runAgent('fixtures/lifecycle/observable.cjs', { ...ALONE, how })
      assert.deepEqual(traced.stdout.split('\n'), bare.stdout.split('\n'))
      assert.equal(traced.stderr, bare.stderr)
      assert.equal(traced.code, bare.code)
      assert.deepEqual(traced.spans.map(({ kind }) => kind).sort(), ['CLIENT', 'SERVER'])
    })
  }
})
