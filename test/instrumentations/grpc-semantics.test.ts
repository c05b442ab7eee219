import assert from 'node:assert/strict'
import * as conventions from '@opentelemetry/semantic-conventions'
import * as fc from 'fast-check'
import * as semantics from '../../instrumentations/grpc-semantics'
import {
  decodeMessage,
  hostOf,
  isServerError,
  methodName,
  parseHostPort,
  parseTarget,
  parseTimeoutMs,
  statusName,
} from '../../instrumentations/grpc-semantics'

describe('the gRPC conventions', () => {
  it('the attribute names are those of the conventions package', () => {
    assert.equal(semantics.SYSTEM_NAME, conventions.ATTR_RPC_SYSTEM_NAME)
    assert.equal(semantics.METHOD, conventions.ATTR_RPC_METHOD)
    assert.equal(semantics.METHOD_ORIGINAL, conventions.ATTR_RPC_METHOD_ORIGINAL)
    assert.equal(semantics.STATUS_CODE, conventions.ATTR_RPC_STATUS_CODE)
    assert.equal(semantics.SERVER_ADDRESS, conventions.ATTR_SERVER_ADDRESS)
    assert.equal(semantics.SERVER_PORT, conventions.ATTR_SERVER_PORT)
    assert.equal(semantics.CLIENT_ADDRESS, conventions.ATTR_CLIENT_ADDRESS)
    assert.equal(semantics.CLIENT_PORT, conventions.ATTR_CLIENT_PORT)
    assert.equal(semantics.PEER_ADDRESS, conventions.ATTR_NETWORK_PEER_ADDRESS)
    assert.equal(semantics.PEER_PORT, conventions.ATTR_NETWORK_PEER_PORT)
  })

  it('every status code of the library has its name here', () => {
    const { status } = require('@grpc/grpc-js')
    for (let code = 0; code <= 16; code++) assert.equal(statusName(code), status[code])
    assert.equal(statusName(17), '17')
    assert.equal(statusName(-1), '-1')
  })

  it('a server fails with six of the codes only', () => {
    const failing = Array.from({ length: 20 }, (_, code) => code).filter(isServerError)
    assert.deepEqual(failing, [2, 4, 12, 13, 14, 15])
  })

  it('a method name is the path without its first slash', () => {
    assert.equal(methodName('/grpc.health.v1.Health/Check'), 'grpc.health.v1.Health/Check')
    assert.equal(methodName('no/slash'), 'no/slash')
    assert.equal(methodName(''), '')
  })

  const targets: [target: string, address: string, port?: number][] = [
    ['grpc.io:50051', 'grpc.io', 50051],
    ['grpc.io', 'grpc.io'],
    ['localhost:50051', 'localhost', 50051],
    ['127.0.0.1:50051', '127.0.0.1', 50051],
    ['[::1]:50051', '::1', 50051],
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['dns:grpc.io:50051', 'grpc.io', 50051],
    ['dns:grpc.io', 'grpc.io'],
    ['dns:[::1]:50051', '::1', 50051],
    ['dns:///grpc.io:50051', 'grpc.io', 50051],
    ['dns://1.2.3.4/grpc.io:50051', 'grpc.io', 50051],
    ['unix:///run/x.sock', '/run/x.sock'],
    ['unix:/run/x.sock', '/run/x.sock'],
    ['unix:run/x.sock', 'run/x.sock'],
    ['unix-abstract:name', 'unix-abstract:name'],
    ['ipv4:127.0.0.1:50051', '127.0.0.1', 50051],
    ['ipv4:198.51.100.123:50051,198.51.100.124:50051', 'ipv4:198.51.100.123:50051,198.51.100.124:50051'],
    ['ipv6:[::1]:50051', '::1', 50051],
    ['ipv6:[::1]:1,[::2]:2', 'ipv6:[::1]:1,[::2]:2'],
    ['xds:///service.foo:50051', 'xds:///service.foo:50051'],
    ['zookeeper://zk.example.com:9900/example_service', 'zookeeper://zk.example.com:9900/example_service'],
    ['foo:bar', 'foo:bar'],
    ['host:99999', 'host:99999'],
    ['', ''],
  ]
  for (const [target, address, port] of targets) {
    it(`the target ${JSON.stringify(target)} is the server ${JSON.stringify(address)}, port ${port ?? 'unknown'}`, () => {
      assert.deepEqual(parseTarget(target), { address, port })
    })
  }

  it('any text is a target and an authority without an exception', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[a-z0-9+.-]{0,4}:?\/{0,3}[[\]:/,.0-9a-f-]{0,20}$/),
      fc.constantFrom('dns:', 'unix:', 'unix://', 'dns://', 'ipv4:', '[', ']', '[]:', ':', ':1', '/'),
    )
    fc.assert(
      fc.property(hostile, text => {
        for (const endpoint of [parseTarget(text), parseHostPort(text)]) {
          assert.equal(typeof endpoint.address, 'string')
          assert.ok(endpoint.port === undefined || (Number.isInteger(endpoint.port) && endpoint.port <= 65535))
        }
      }),
    )
  })

  it('host and port survive being written and read', () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6())
    fc.assert(
      fc.property(host, fc.nat(65535), (address, port) => {
        assert.deepEqual(parseHostPort(hostOf({ address, port })), { address, port })
        assert.deepEqual(parseTarget(`dns:${hostOf({ address, port })}`), { address, port })
      }),
    )
  })

  it('a timeout header is digits and a unit', () => {
    const milliseconds = { '1H': 3600000, '2M': 120000, '3S': 3000, '100m': 100, '5000u': 5, '1000000n': 1 }
    for (const [header, expected] of Object.entries(milliseconds)) assert.equal(parseTimeoutMs(header), expected)
    for (const wrong of [undefined, '', 'm', '5', '-5m', 'xm', '123456789m', '5x', ['5m']]) {
      assert.equal(parseTimeoutMs(wrong), undefined)
    }
  })

  it('a status message is percent-decoded, and kept as it stands when it is not well encoded', () => {
    assert.equal(decodeMessage('caf%C3%A9 100%25'), 'café 100%')
    assert.equal(decodeMessage('100%'), '100%')
    assert.equal(decodeMessage(''), undefined)
    assert.equal(decodeMessage(undefined), undefined)
  })
})
