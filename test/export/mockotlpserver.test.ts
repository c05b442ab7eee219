/** A backend that we did not write, @elastic/mockotlpserver, takes all three wires of OTLP. */
import assert from 'node:assert/strict'
import { pushAll, rig, until } from './rig'
import { FULL, TRACE } from './spans'

const { MockOtlpServer } = require('@elastic/mockotlpserver')

for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
  it(`mockotlpserver takes ${protocol}`, async () => {
    const traces: any[] = []
    const server = new MockOtlpServer({
      logLevel: 'fatal',
      services: ['http', 'grpc'],
      httpHostname: '127.0.0.1',
      grpcHostname: '127.0.0.1',
      httpPort: 0,
      grpcPort: 0,
      onTrace: (trace: any) => void traces.push(trace),
    })
    await server.start()
    const url = new URL(protocol === 'grpc' ? server.grpcUrl : server.httpUrl)
    const { exporter, said } = rig({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${url.port}`,
    })
    pushAll(exporter, [FULL, ...TRACE])
    await exporter.stop()
    await until('taken', () => traces.length === 1)
    await server.close()
    assert.deepEqual(said, [])
    assert.equal(exporter.counts.sent, 1 + TRACE.length)
    const [{ resource, scopeSpans }] = traces[0].resourceSpans
    const plain = JSON.parse(
      JSON.stringify(scopeSpans, (_key, value) => (typeof value === 'bigint' ? String(value) : value)),
    )
    assert.equal(resource.attributes.find(({ key }: any) => key === 'service.name').value.stringValue, 'shop')
    const names = plain.flatMap(({ spans }: any) => spans.map(({ name }: any) => name))
    assert.deepEqual(names.sort(), [FULL, ...TRACE].map(({ name }) => name).sort())
    const root = plain.flatMap(({ spans }: any) => spans).find(({ name }: any) => name === 'GET /home')
    assert.equal(root.attributes.length, 3)
  })
}
