import assert from 'node:assert/strict'
import { loadConfig } from '../../src/config/load'
import type { Encoding } from '../../src/export/contract'
import { consoleJson } from '../../src/export/encodings/console-json'
import { consoleTree } from '../../src/export/encodings/console-tree'
import {
  jaegerThriftBinary,
  jaegerThriftBinaryCall,
  jaegerThriftCompact,
} from '../../src/export/encodings/jaeger-thrift'
import { otlpJson, otlpJsonLines } from '../../src/export/encodings/otlp-json'
import { otlpProtobuf } from '../../src/export/encodings/otlp-protobuf'
import { xrayApi, xrayDaemon } from '../../src/export/encodings/xray'
import { zipkinJson } from '../../src/export/encodings/zipkin-json'
import { EXPORTERS } from '../../src/export/index'
import { encodeWhole } from '../../src/export/pipe'
import { createLog } from '../../src/log'
import { spans } from './rig'

const XRAY = { annotations: [], serviceName: '', warn: () => {} }
const RESOURCE = { attributes: ['service.name', 'test'] as [string, string] }

const CASES: [title: string, exporter: keyof typeof EXPORTERS, env: Record<string, string>, encoding: Encoding][] = [
  ['otlp', 'otlp', {}, otlpProtobuf],
  ['otlp in JSON', 'otlp', { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, otlpJson],
  ['otlp over gRPC', 'otlp', { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, otlpProtobuf],
  ['otlp/stdout', 'otlp/stdout', {}, otlpJsonLines],
  ['file', 'file', {}, otlpJsonLines],
  ['console', 'console', {}, consoleTree({ colours: false })],
  ['console in JSON', 'console', { TRACING_AGENT_CONSOLE_FORMAT: 'json' }, consoleJson],
  ['zipkin', 'zipkin', {}, zipkinJson],
  ['jaeger', 'jaeger', { OTEL_EXPORTER_JAEGER_PROTOCOL: 'http/thrift.binary' }, jaegerThriftBinary],
  ['jaeger compact', 'jaeger', { OTEL_EXPORTER_JAEGER_PROTOCOL: 'udp/thrift.compact' }, jaegerThriftCompact],
  ['jaeger binary', 'jaeger', { OTEL_EXPORTER_JAEGER_PROTOCOL: 'udp/thrift.binary' }, jaegerThriftBinaryCall],
  ['xray', 'xray', {}, xrayDaemon(XRAY)],
  ['xray-api', 'xray-api', { AWS_REGION: 'eu-central-1' }, xrayApi(XRAY)],
]

describe('an encoding that is loaded with the first batch', () => {
  for (const [title, exporter, env, encoding] of CASES) {
    it(`of ${title} is what was said of it`, () => {
      const { config, origins } = loadConfig({ NO_COLOR: '1', TRACING_AGENT_ENV_FILE: '', ...env })
      const log = createLog('none')
      const plan = EXPORTERS[exporter]!.plan({ config, origins, log, version: '0' })
      assert.equal(plan.encoding.mediaType, encoding.mediaType)
      assert.equal(plan.encoding.maxSpans, encoding.maxSpans)
      const batch = spans(Math.min(2, encoding.maxSpans))
      assert.deepEqual(
        Buffer.from(encodeWhole(plan.encoding, batch, RESOURCE)).toString('latin1'),
        Buffer.from(encodeWhole(encoding, batch, RESOURCE)).toString('latin1'),
      )
      const page = Buffer.from('<html>')
      assert.deepEqual(
        plan.encoding.readReply!(page, 'text/html'),
        encoding.readReply === undefined ? { rejectedSpans: 0, message: '' } : encoding.readReply(page, 'text/html'),
      )
      const error = Buffer.from('{"message":"no"}')
      assert.equal(
        plan.encoding.readError!(error, 'application/json'),
        encoding.readError?.(error, 'application/json') ?? '',
      )
    })
  }
})
