/** Several exporters at once, in a real program. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { startAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'

async function listen(listener: http.RequestListener): Promise<{ url: string; close(): void }> {
  const server = http.createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

describe('several exporters at once', () => {
  it('each get every span', async () => {
    const ids: string[] = []
    const zipkin = await listen((request, response) => {
      let text = ''
      request.on('data', chunk => {
        text += chunk
      })
      request.on('end', () => {
        ids.push(...(JSON.parse(text) as { id: string }[]).map(({ id }) => id))
        response.writeHead(202).end()
      })
    })
    const collector = await startCollector()
    try {
      const env = { OTEL_EXPORTER: 'otlp,zipkin', OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${zipkin.url}/api/v2/spans` }
      const result = await (await startAgent('fixtures/one-call.cjs', { collector, env })).finished
      const spans = await collector.takeAll()
      assert.equal(result.code, 0)
      assert.ok(spans.length > 0)
      assert.deepEqual(ids.sort(), spans.map(({ spanId }) => spanId).sort())
    } finally {
      zipkin.close()
      await collector.close()
    }
  })

  it('do not wait for one that never answers, and lose nothing because another is dead', async () => {
    const silent = await listen(() => {})
    const collector = await startCollector()
    try {
      const env = {
        OTEL_EXPORTER: 'zipkin,jaeger,otlp',
        OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${silent.url}/api/v2/spans`,
        OTEL_EXPORTER_JAEGER_ENDPOINT: 'http://127.0.0.1:1/api/traces',
        OTEL_BSP_SCHEDULE_DELAY: '20',
        TRACING_AGENT_EXIT_TIMEOUT: '500',
        OTEL_LOG_LEVEL: 'warn',
      }
      const running = await startAgent('fixtures/one-call.cjs', { collector, env })
      const startedAt = Date.now()
      const result = await running.finished
      const spans = await collector.takeAll()
      assert.equal(result.code, 0, result.command)
      assert.ok(spans.length > 0)
      assert.ok(Date.now() - startedAt < 10_000)
      const lines = result.stderr.split('\n').filter(line => line.startsWith('tracing-agent:'))
      assert.ok(
        lines.some(line => line.includes('zipkin:')),
        result.stderr,
      )
      assert.ok(
        lines.some(line => line.includes('jaeger:')),
        result.stderr,
      )
      assert.equal(
        lines.some(line => line.includes('otlp:')),
        false,
        result.stderr,
      )
    } finally {
      silent.close()
      await collector.close()
    }
  })
})
