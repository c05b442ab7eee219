/** What the tests of configuration files share. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, loadConfig } from '../../src/config/load'

const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-config-'))
export const FILE = join(folder, 'otel.yaml')
export const PEM = join(folder, 'a.pem')

/** Loads a document in an environment. In `said` the file is called FILE, and left out before a path in it. */
export function load(yaml: string, env: Record<string, string> = {}, overrides: Partial<Config> = {}) {
  writeFileSync(FILE, yaml)
  const loaded = loadConfig({ OTEL_CONFIG_FILE: FILE, ...env }, overrides, { path: '', variables: {} })
  const said = loaded.problems.map(({ message }) => message.replaceAll(`${FILE}: `, '').replaceAll(FILE, 'FILE'))
  return { ...loaded, said }
}

/** The keys without which something is said. */
export const HEAD = `file_format: "1.0"
propagator: {composite_list: none}
`
export const EXPORTER = 'processors: [{simple: {exporter: {console: }}}]'
export const traces = (yaml: string) => `${HEAD}tracer_provider: {${EXPORTER}, ${yaml}}`
export const exported = (exporter: string) => `${HEAD}tracer_provider: {processors: [{batch: {exporter: ${exporter}}}]}`
export const instrumented = (yaml: string) => `${traces('')}\ninstrumentation/development: ${yaml}`

before(() => writeFileSync(PEM, '-----BEGIN CERTIFICATE-----\n'))
after(() => rmSync(folder, { recursive: true, force: true }))
