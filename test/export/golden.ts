/** Files under test/golden/: what an encoding once made, looked at by a person. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT_FOLDER } from '../kit/agent'

/**
 * Compares with the file test/golden/`name`. `UPDATE_GOLDEN=1` writes it instead, to be looked at in the diff.
 */
export function assertGolden(name: string, content: Uint8Array | string): void {
  const file = join(ROOT_FOLDER, 'test', 'golden', name)
  const bytes = Buffer.from(content as Uint8Array)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, bytes)
  assert.ok(existsSync(file), `${file} is missing: UPDATE_GOLDEN=1 npm test writes it`)
  const golden = readFileSync(file)
  if (golden.equals(bytes)) return
  if (typeof content === 'string') assert.equal(content, golden.toString())
  assert.fail(`${name}: ${bytes.length} bytes differ from the ${golden.length} of the golden file`)
}
