/** What the encodings other than OTLP made of the same spans once: bytes, and beside Thrift what its own library reads in them. */
import type { Encoding } from '../../src/export/contract'
import {
  jaegerThriftBinary,
  jaegerThriftBinaryCall,
  jaegerThriftCompact,
} from '../../src/export/encodings/jaeger-thrift'
import { xrayApi, xrayDaemon } from '../../src/export/encodings/xray'
import { zipkinJson } from '../../src/export/encodings/zipkin-json'
import { encodeAll, SPANS } from '../kit/spans'
import { assertGolden } from './golden'
import { readBatch, readCall } from './thrift-reader'

/** Without the one value of 64 kB, which would make the files long and tell nothing. */
const BATCH = Object.entries(SPANS)
  .filter(([name]) => name !== 'large value')
  .map(([, span]) => span)

const encode = (encoding: Encoding) => encodeAll(encoding, BATCH)
const readable = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`

describe('golden bytes', () => {
  it('of Zipkin JSON', () => {
    const bytes = encode(zipkinJson)
    assertGolden('zipkin.json', bytes)
  })

  it('of Jaeger Thrift, a batch in the binary protocol', () => {
    const bytes = encode(jaegerThriftBinary)
    assertGolden('jaeger-binary.thrift', bytes)
    assertGolden('jaeger-binary.thrift.txt', readable(readBatch(bytes)))
  })

  it('of Jaeger Thrift, a call in the binary protocol', () => {
    const bytes = encode(jaegerThriftBinaryCall)
    assertGolden('jaeger-binary-call.thrift', bytes)
    assertGolden('jaeger-binary.thrift.txt', readable(readCall(bytes, 'binary')))
  })

  it('of Jaeger Thrift, a call in the compact protocol: the same content in fewer bytes', () => {
    const bytes = encode(jaegerThriftCompact)
    assertGolden('jaeger-compact-call.thrift', bytes)
    assertGolden('jaeger-binary.thrift.txt', readable(readCall(bytes, 'compact')))
  })

  it('of X-Ray documents, one datagram a span and all in one call', () => {
    const options = { annotations: ['http.*', 'attempt'], serviceName: '', warn: () => {} }
    const datagrams = BATCH.map(span => Buffer.from(encodeAll(xrayDaemon(options), [span])).toString())
    assertGolden('xray-daemon.txt', `${datagrams.join('\n')}\n`)
    assertGolden('xray-api.json', encode(xrayApi(options)))
  })
})
