/** `OTEL_ENTITIES`: the examples and the error rules of the specification, "Entity Propagation". */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { entities } from '../../src/config/entity-types'
import { loadConfig } from '../../src/config/load'
import { createLog } from '../../src/log'
import { createResource } from '../../src/resource'
import { toObject } from '../../src/trace/data'

const NO_FILE = { path: '', variables: {} }

function load(OTEL_ENTITIES: string, env: Record<string, string> = {}) {
  const { config, problems } = loadConfig({ OTEL_ENTITIES, ...env }, {}, NO_FILE)
  const resource = toObject(createResource(config, createLog('none'), '1', '/nowhere/at/all.js').attributes)
  return { found: config.entities, resource, said: problems.map(({ message }) => message) }
}

describe('entities', () => {
  it('put what identifies and what describes them into the resource', () => {
    const { found, resource, said } = load(
      'service{service.name=my-app,service.instance.id=instance-1}[service.version=1.0.0]@https://opentelemetry.io/schemas/1.21.0;host{host.id=host-123}[host.name=web-server-01]',
    )
    assert.deepEqual(said, [])
    assert.deepEqual(
      found.map(({ type, schemaUrl }) => [type, schemaUrl]),
      [
        ['service', 'https://opentelemetry.io/schemas/1.21.0'],
        ['host', ''],
      ],
    )
    assert.equal(resource['service.name'], 'my-app')
    assert.equal(resource['service.instance.id'], 'instance-1')
    assert.equal(resource['service.version'], '1.0.0')
    assert.equal(resource['host.id'], 'host-123')
    assert.equal(resource['host.name'], 'web-server-01')
  })

  it('lose against what the user says of the resource', () => {
    const { resource } = load('service{service.name=a,x=1}', {
      OTEL_RESOURCE_ATTRIBUTES: 'x=2',
      OTEL_SERVICE_NAME: 'b',
    })
    assert.equal(resource['service.name'], 'b')
    assert.equal(resource['x'], '2')
  })

  it('may have nothing between semicolons', () => {
    const { found, said } = load(';service{service.name=app1};;host{host.id=host-123};')
    assert.equal(found.length, 2)
    assert.deepEqual(said, [])
  })

  it('are percent-decoded', () => {
    const { resource } = load('service{service.name=my%2Capp,service.instance.id=i}[config=key%3Dvalue%5Bprod%5D]')
    assert.equal(resource['service.name'], 'my,app')
    assert.equal(resource['config'], 'key=value[prod]')
  })

  it('are left out where they are malformed, and the others count', () => {
    for (const [text, types, reason] of [
      [
        'service{service.name=app1};invalid{syntax;host{host.id=1}',
        ['service', 'host'],
        /"invalid\{syntax" is refused.*malformed/,
      ],
      ['service{};host{host.id=123}', ['host'], /service has no identifying attribute/],
      ['1a{b=c};host{host.id=123}', ['host'], /malformed/],
      ['a{b=%zz};host{host.id=123}', ['host'], /a has a malformed attribute/],
      ['a{b=c=d};host{host.id=123}', ['host'], /a has a malformed attribute/],
      ['a{=d};host{host.id=123}', ['host'], /a has a malformed attribute/],
      ['a{b=c}trailing;host{host.id=123}', ['host'], /malformed/],
    ] as const) {
      const { found, said } = load(text)
      assert.deepEqual(
        found.map(({ type }) => type),
        types,
      )
      assert.equal(said.length, 1)
      assert.match(said[0]!, reason)
    }
  })

  it('that are there twice count as the last one says', () => {
    const { resource, said } = load('service{service.name=app1}[version=1.0];service{service.name=app1}[version=2.0]')
    assert.equal(resource['version'], '2.0')
    assert.match(said[0]!, /service is there twice, the last one counts/)
  })

  it('that contradict each other in an identifying attribute leave the last one', () => {
    const { found, resource, said } = load('service{service.name=app1}[a=1];service{service.name=app2}')
    assert.equal(found.length, 1)
    assert.equal(resource['service.name'], 'app2')
    assert.equal(resource['a'], undefined)
    assert.equal(said.length, 1)
  })

  it('that differ in a descriptive attribute keep the value of the last one', () => {
    const { found, resource, said } = load('a{x=1}[v=1,w=1];b{y=1}[v=2]')
    assert.deepEqual(found[0]!.description, [['w', '1']])
    assert.equal(resource['v'], '2')
    assert.match(said[0]!, /differ in a descriptive attribute/)
  })

  it('with a schema that is no URL count without it', () => {
    const { found, said } = load('service{service.name=app1}@invalid-url')
    assert.deepEqual(found, [{ type: 'service', id: [['service.name', 'app1']], description: [], schemaUrl: '' }])
    assert.match(said[0]!, /the schema of service is no URL/)
  })

  it('are shown without the values of keys that are named like credentials', () => {
    const { said } = load('a{x=1}[api.key=hunter2];b{broken;c{d=e}[password=hunter2')
    assert.doesNotMatch(said.join('\n'), /hunter2/)
    const { value } = entities.parse('a{x=1}[password=hunter2]')
    assert.equal(entities.show(value!), 'a{x=1}[password=***]')
  })

  it('survive being shown and read again, whatever is in them', () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9._-]{0,8}$/)
    const value = fc.string({ unit: 'grapheme' }).filter(text => !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text))
    const pairs = fc.uniqueArray(fc.tuple(key, value), { minLength: 1, maxLength: 4, selector: ([name]) => name })
    fc.assert(
      fc.property(key, pairs, (type, id) => {
        const kept = id.map(([name, text]) => [name, text.trim()] as const)
        const entity = { type, id: kept, description: [], schemaUrl: '' }
        const shown = entities.show([entity])
        fc.pre(!shown.includes('***'))
        assert.deepEqual(entities.parse(shown).value, [entity])
      }),
    )
  })

  it('never throw, whatever the variable holds', () => {
    const unit = fc.constantFrom('a', 'b', '{', '}', '[', ']', '=', ',', ';', '@', '%', '2', ' ')
    fc.assert(fc.property(fc.string({ unit, maxLength: 60 }), text => void load(text)))
  })
})
