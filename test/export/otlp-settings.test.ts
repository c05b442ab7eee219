/** The variables of OTLP: where it goes, with what headers, keys and compression. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as grpc from '../../src/export/transports/grpc'
import * as http from '../../src/export/transports/http'
import { ROOT_FOLDER } from '../kit/agent'
import { type Collector, type CollectorOptions, startCollector } from '../kit/collector'
import { lostOf, pushAll, rig, spans } from './rig'

const TLS = join(ROOT_FOLDER, 'test/fixtures/tls')
const pem = (name: string) => readFileSync(join(TLS, name))

async function target(env: Record<string, string>): Promise<string> {
  return rig(env).exporter.target
}

describe('the endpoint', () => {
  const cases: [string, Record<string, string>, string][] = [
    ['is localhost', {}, 'http://localhost:4318/v1/traces'],
    ['of grpc is localhost on its port', { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'http://localhost:4317'],
    ['as a base gets v1/traces', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://h:1' }, 'http://h:1/v1/traces'],
    ['as a base with a slash gets it, too', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://h:1/' }, 'http://h:1/v1/traces'],
    ['as a base with a path keeps it', { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://h/otlp/' }, 'https://h/otlp/v1/traces'],
    ['for traces is used as it is', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://h:1/my/path' }, 'http://h:1/my/path'],
    ['for traces without a path is the root', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://h:1' }, 'http://h:1/'],
    [
      'for traces wins over the base',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:1', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:2/x' },
      'http://b:2/x',
    ],
    ['of an IPv6 address', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://[::1]:4318' }, 'http://[::1]:4318/v1/traces'],
    [
      'shows no user and password',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:secret@h:1?key=k' },
      'http://h:1/v1/traces',
    ],
    [
      'of grpc without a scheme means TLS',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' },
      'https://collector:4317',
    ],
    [
      'of grpc without a scheme means none if INSECURE says so',
      {
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
        OTEL_EXPORTER_OTLP_INSECURE: 'true',
      },
      'http://collector:4317',
    ],
    [
      'of grpc with https is TLS whatever INSECURE says',
      {
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector:4317',
        OTEL_EXPORTER_OTLP_TRACES_INSECURE: 'true',
      },
      'https://collector:4317',
    ],
    [
      'of grpc without a port has the port of grpc',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector' },
      'http://collector:4317',
    ],
    [
      'of grpc with the port of http keeps it',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:443' },
      'https://collector',
    ],
    [
      'protocol for traces wins over the general one',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
      'http://localhost:4318/v1/traces',
    ],
  ]
  for (const [title, env, expected] of cases) it(title, async () => assert.equal(await target(env), expected))
})

describe('what is sent', () => {
  for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
    describe(`over ${protocol}`, () => {
      let collector: Collector
      beforeEach(async () => {
        collector = await startCollector({ grpc: true })
      })
      afterEach(async () => collector.close())

      it('has the path, the type and the name of the sender that the protocol demands', async () => {
        const { exporter } = rig(collector.env(protocol))
        pushAll(exporter, spans(1))
        await exporter.stop()
        await collector.take(1)
        const [request] = collector.requests
        assert.equal(request?.headers['user-agent'], 'tracing-agent/9.9.9 OTel-OTLP-Exporter-JavaScript/9.9.9')
        if (protocol === 'grpc') return
        assert.equal(request?.path, '/v1/traces')
        assert.equal(request?.headers['content-length'], String(request?.wireBytes))
      })

      it('has the headers of both variables, decoded; the one for traces wins', async () => {
        const { exporter } = rig({
          ...collector.env(protocol),
          OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b%3D,X-Both=general',
          OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-both=traces',
        })
        pushAll(exporter, spans(1))
        await exporter.stop()
        await collector.take(1)
        const headers = collector.requests[0]!.headers
        assert.equal(headers['api-key'], 'a b=')
        assert.equal(headers['x-both'], 'traces')
      })

      it('is compressed if that is asked for', async () => {
        const { exporter } = rig({ ...collector.env(protocol), OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip' })
        pushAll(exporter, spans(200))
        await exporter.stop()
        assert.equal((await collector.take(200)).length, 200)
        const [request] = collector.requests
        if (protocol !== 'grpc') {
          assert.equal(request?.headers['content-encoding'], 'gzip')
          assert.ok(request!.wireBytes * 4 < request!.body.length)
        }
      })
    })
  }

  it('has user and password of the URL as credentials', async () => {
    const collector = await startCollector()
    const { exporter } = rig({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl.replace('//', '//us%40er:p%3Aw@') })
    pushAll(exporter, spans(1))
    await exporter.stop()
    await collector.take(1)
    const expected = `Basic ${Buffer.from('us@er:p:w').toString('base64')}`
    assert.equal(collector.requests[0]!.headers['authorization'], expected)
    await collector.close()
  })

  it('is no larger than 64 MiB', () => {
    const options = { url: 'http://localhost:1/', headers: {}, compression: 'none' } as const
    for (const { create } of [http, grpc]) assert.equal(create(options).maxBytes, 64 * 1024 * 1024)
  })

  it('with a timeout of 0 waits as long as it takes', async () => {
    const collector = await startCollector()
    collector.answer({ delayMs: 300 })
    const { exporter } = rig({
      ...collector.env(),
      OTEL_EXPORTER_OTLP_TIMEOUT: '0',
      OTEL_BSP_EXPORT_TIMEOUT: '0',
    })
    pushAll(exporter, spans(1))
    await exporter.flush()
    assert.equal(exporter.counts.sent, 1)
    await collector.take(1)
    await collector.close()
  })

  it('with a timeout of 200 ms is given up after them', async () => {
    const collector = await startCollector()
    collector.answer({ hang: true })
    const { exporter, said } = rig({ ...collector.env(), OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '200' })
    pushAll(exporter, spans(1))
    const started = performance.now()
    await exporter.flush()
    assert.ok(performance.now() - started < 1500)
    assert.match(said[0]!, /did not answer in time; 1 span lost; OTEL_EXPORTER_OTLP_TRACES_TIMEOUT is 200 ms$/)
    await collector.close()
  })
})

describe('TLS', () => {
  const server: CollectorOptions['tls'] = { key: pem('server-key.pem'), cert: pem('server.pem'), ca: pem('ca.pem') }

  for (const protocol of ['http/protobuf', 'grpc'] as const) {
    const run = async (tls: CollectorOptions['tls'], env: Record<string, string>) => {
      const collector = await startCollector({ tls, grpc: true })
      const { exporter, said } = rig({ ...collector.env(protocol), ...env, OTEL_BSP_EXPORT_TIMEOUT: '1500' })
      pushAll(exporter, spans(2))
      await exporter.stop(2000)
      const received = await collector.takeAll()
      await collector.close()
      return { exporter, said, received: received.length }
    }

    it(`over ${protocol}: the authority of the certificate is the one in the file`, async () => {
      const { received, said } = await run(server, { OTEL_EXPORTER_OTLP_CERTIFICATE: join(TLS, 'ca.pem') })
      assert.equal(received, 2)
      assert.deepEqual(said, [])
    })

    it(`over ${protocol}: an unknown authority is told, and not tried again`, async () => {
      const { exporter, received, said } = await run(server, {})
      assert.equal(received, 0)
      assert.equal(lostOf(exporter), 2)
      assert.equal(said.length, 1, said.join('\n'))
      assert.match(said[0]!, /certificate.*; 2 spans lost; OTEL_EXPORTER_OTLP_ENDPOINT/)
    })

    it(`over ${protocol}: the client shows its own certificate`, async () => {
      const mutual = { ...server, requestCert: true } as CollectorOptions['tls']
      const ca = { OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: join(TLS, 'ca.pem') }
      const shown = await run(mutual, {
        ...ca,
        OTEL_EXPORTER_OTLP_CLIENT_KEY: join(TLS, 'client-key.pem'),
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: join(TLS, 'client.pem'),
      })
      assert.equal(shown.received, 2)
      const without = await run(mutual, ca)
      assert.equal(without.received, 0)
      assert.equal(lostOf(without.exporter), 2)
    })
  }

  it('a file that cannot be read is told, with what is used instead', async () => {
    const path = join(TLS, 'none.pem')
    const { said } = rig({ OTEL_EXPORTER_OTLP_CERTIFICATE: path, OTEL_EXPORTER_OTLP_ENDPOINT: 'https://localhost:1' })
    assert.equal(said.length, 1)
    assert.match(said[0]!, /OTEL_EXPORTER_OTLP_CERTIFICATE="[^"]*none\.pem".*ENOENT.*using/)
  })
})
