/**
 * Rewrites the parts of README.md that are generated: what stands between `<!-- NAME -->` and `<!-- /NAME -->`.
 * `node scripts/docs.mjs` after a build; `--check` only compares and exits with 1 when something is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const README = new URL('../README.md', import.meta.url)

const PARTS = {
  costs: () => require('../build/bench/report.js').mainTable(require('../build/bench/results.js').load('20')),
  variables: () => require('../build/src/config/markdown.js').variablesAsMarkdown(),
  versions: () => require('../build/test/versions.js').versionsAsMarkdown(require('../test/versions.json')),
}

const before = readFileSync(README, 'utf8')
let after = before
for (const [name, generate] of Object.entries(PARTS)) {
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const from = after.indexOf(open)
  const to = after.indexOf(close)
  if (from < 0 || to < from) {
    console.error(`README.md has no part between ${open.trim()} and ${close}`)
    process.exit(1)
  }
  after = `${after.slice(0, from + open.length)}\n${generate()}\n${after.slice(to)}`
}
if (after === before) console.log('README.md is up to date')
else if (process.argv.includes('--check')) {
  console.error('README.md is stale: npm run docs')
  process.exit(1)
} else {
  writeFileSync(README, after)
  console.log('README.md is rewritten')
}
