import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REGISTER, ROOT_FOLDER, runAgent, runBare } from '../kit/agent'

describe('a builtin that tells who loads it that it is deprecated', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tracing-agent-installed-'))
    mkdirSync(join(folder, 'node_modules/tracing-agent/build'), { recursive: true })
    const own = ['register.js', 'package.json', 'build/src', 'build/instrumentations']
    for (const part of own) {
      cpSync(join(ROOT_FOLDER, part), join(folder, 'node_modules/tracing-agent', part), { recursive: true })
    }
    symlinkSync(join(ROOT_FOLDER, 'node_modules'), join(folder, 'node_modules/tracing-agent/node_modules'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const places: Record<string, () => string> = {
    'beside the program': () => REGISTER,
    'in node_modules': () => join(folder, 'node_modules/tracing-agent/register.js'),
  }
  for (const [place, register] of Object.entries(places)) {
    for (const program of ['deprecated.cjs', 'deprecated-below.cjs']) {
      it(`tells ${program} what it tells without the agent, which lies ${place}`, async () => {
        const file = join('fixtures/preload/packages', program)
        const bare = await runBare(file)
        const traced = await runAgent(file, { how: 'none', nodeArgs: ['--require', register()] })
        assert.equal(traced.stdout, bare.stdout)
        assert.equal(withoutProcessId(traced.stderr), withoutProcessId(bare.stderr))
      })
    }
  }
})

function withoutProcessId(text: string): string {
  return text.replace(/\(node:\d+\)/g, '(node)')
}
