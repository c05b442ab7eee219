import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv from 'ajv-draft-04'
import { parse } from 'yaml'
import { zipkinJson } from '../../src/export/encodings/zipkin-json'
import { ROOT_FOLDER } from '../kit/agent'
import { encodeAll, SPANS, START_MICROS, span } from '../kit/spans'

/** Validates with the published OpenAPI description of Zipkin. */
function validator() {
  const api = parse(readFileSync(join(ROOT_FOLDER, 'test/specs/zipkin2-api.yaml'), 'utf8'))
  const ajv = new Ajv({ strict: false, validateFormats: false })
  return ajv.compile({ ...api.definitions.ListOfSpans, definitions: api.definitions })
}

function encode(...names: string[]): any[] {
  return JSON.parse(
    Buffer.from(
      encodeAll(
        zipkinJson,
        names.map(name => SPANS[name]!),
      ),
    ).toString(),
  )
}

describe('the encoding Zipkin v2 JSON', () => {
  it('makes lists that the published OpenAPI description of Zipkin accepts', () => {
    const validate = validator()
    assert.equal(validate([{ traceId: 'not hex', id: 'x' }]), false, 'the validator refuses what is wrong')
    assert.ok(validate(encode(...Object.keys(SPANS))), JSON.stringify(validate.errors))
  })

  it('keeps ids, names, kinds and whole microseconds', () => {
    const [server] = encode('http server')
    assert.equal(server.traceId, SPANS['http server']!.traceId)
    assert.equal(server.id, SPANS['http server']!.spanId)
    assert.equal(server.parentId, '00000000000000aa')
    assert.equal(server.name, 'GET /orders/:id')
    assert.equal(server.kind, 'SERVER')
    assert.equal(server.timestamp, START_MICROS)
    assert.equal(server.duration, 1500)
    assert.deepEqual(server.localEndpoint, { serviceName: 'shop' })
  })

  it('leaves out what would be empty: parent of a root, kind of INTERNAL, annotations', () => {
    const [root] = encode('empty')
    assert.deepEqual(Object.keys(root).sort(), [
      'duration',
      'id',
      'localEndpoint',
      'name',
      'tags',
      'timestamp',
      'traceId',
    ])
  })

  it('gives a span without duration one microsecond, because Zipkin takes 0 for unknown', () => {
    assert.equal(encode('no duration')[0].duration, 1)
  })

  it('names the remote endpoint of a call by server.address, by the address of the peer otherwise, and none of a server', () => {
    const [client, grpc, server] = encode('http client that failed', 'grpc client', 'http server')
    assert.deepEqual(client.remoteEndpoint, { serviceName: 'stock.example' })
    assert.deepEqual(grpc.remoteEndpoint, { ipv4: '10.1.2.3', port: 50051 })
    assert.equal(server.remoteEndpoint, undefined)
  })

  it('prefers peer.service, and writes an IPv6 peer as such', () => {
    const attributes = ['network.peer.address', '::1', 'network.peer.port', 80]
    const spans = [
      span({ kind: 2, attributes }),
      span({ kind: 2, attributes: [...attributes, 'peer.service', 'stock'] }),
    ]
    const [peer, named] = JSON.parse(Buffer.from(encodeAll(zipkinJson, spans)).toString())
    assert.deepEqual(peer.remoteEndpoint, { ipv6: '::1', port: 80 })
    assert.deepEqual(named.remoteEndpoint, { serviceName: 'stock' })
  })

  it('marks a failed span with the tag error, empty where the status has no description', () => {
    const [client, exception] = encode('http client that failed', 'exception')
    assert.equal(client.tags['error'], '')
    assert.equal(client.tags['otel.status_code'], 'ERROR')
    assert.equal(exception.tags['error'], 'Cannot read properties of undefined')
  })

  it('removes error=false, because Zipkin takes any error tag for a failure', () => {
    const [consumer] = encode('events and links')
    assert.equal('error' in consumer.tags, false)
    assert.equal(consumer.tags['otel.status_code'], 'OK')
  })

  it('writes every attribute type as text, arrays as JSON', () => {
    const { tags } = encode('every attribute type')[0]
    assert.equal(tags['true'], 'true')
    assert.equal(tags['int'], '42')
    assert.equal(tags['double'], '1.5')
    assert.equal(tags['holes'], '["a",null,"c"]')
    assert.equal(tags['numbers'], '[1,2.5,-3]')
    assert.equal(tags['unicode'], 'žluťoučký kůň 🐎 日本')
    assert.equal(Object.getOwnPropertyDescriptor(tags, '__proto__')?.value, 'a key like any other')
  })

  it('turns events into annotations, with their attributes as JSON behind the quoted name', () => {
    const [exception, consumer] = encode('exception', 'events and links')
    assert.deepEqual(consumer.annotations, [{ timestamp: START_MICROS + 1, value: 'bare' }])
    assert.equal(exception.annotations.length, 2)
    assert.equal(exception.annotations[1].value, '"retry": {"attempt":2}')
    assert.equal(exception.annotations[0].timestamp, START_MICROS + 900)
  })

  it('tags scope and dropped counts, and the namespace of the service', () => {
    const [server, dropped] = encode('http server', 'dropped counts')
    assert.equal(server.tags['otel.scope.name'], 'tracing-agent/http')
    assert.equal(server.tags['otel.library.version'], '0.1.0')
    assert.equal(server.tags['service.namespace'], 'retail')
    assert.equal(dropped.tags['otel.dropped_attributes_count'], '1')
    assert.equal(dropped.tags['otel.dropped_events_count'], '2')
    assert.equal(dropped.tags['otel.dropped_links_count'], '3')
  })
})
