/** The lists of names that the configuration knows without loading the tables. */
import assert from 'node:assert/strict'
import { INSTRUMENTATIONS as ROWS } from '../../instrumentations/index'
import { EXPORTERS, FOREIGN_INSTRUMENTATIONS, INSTRUMENTATIONS, PROPAGATORS, SAMPLERS } from '../../src/config/names'
import { EXPORTERS as EXPORTER_ROWS } from '../../src/export/index'
import { PROPAGATORS as PROPAGATOR_ROWS } from '../../src/propagation/index'
import { SAMPLERS as SAMPLER_ROWS } from '../../src/sampling/index'

function sameNames(names: readonly string[], rows: readonly string[]): void {
  assert.deepEqual([...names].sort(), [...new Set(rows)].sort())
}

describe('the names that variables accept', () => {
  it('are the rows of the table of exporters', () => sameNames(EXPORTERS, [...Object.keys(EXPORTER_ROWS), 'none']))

  it('are the rows of the table of samplers', () => sameNames(SAMPLERS, Object.keys(SAMPLER_ROWS)))

  it('are the rows of the table of propagators', () => sameNames(PROPAGATORS, Object.keys(PROPAGATOR_ROWS)))

  it('hold every instrumentation', () => {
    const rows = ROWS.map(({ name }) => name)
    assert.deepEqual(
      rows.filter(name => !(INSTRUMENTATIONS as readonly string[]).includes(name)),
      [],
    )
  })

  it('hold no instrumentation twice, as ours and as foreign', () => {
    const both = FOREIGN_INSTRUMENTATIONS.filter(name => (INSTRUMENTATIONS as readonly string[]).includes(name))
    assert.deepEqual(both, [])
  })
})
