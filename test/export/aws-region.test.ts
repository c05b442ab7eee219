import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { regionOfInstance } from '../../src/export/transports/aws-region'
import { RawServer } from './raw-server'

const { connect } = Socket.prototype
let server: RawServer

/** The cloud is a server of ours. @param answers one for each request, an empty one for none */
async function startCloud(...answers: string[]): Promise<void> {
  server = await RawServer.start((socket, { serial }) => socket.write(answers[serial - 1]!))
  const { port } = server
  Socket.prototype.connect = function (this: Socket, to: { host?: unknown }, ...more: unknown[]) {
    const isCloud = to?.host === '169.254.169.254'
    return Reflect.apply(connect, this, [isCloud ? { host: '127.0.0.1', port } : to, ...more])
  } as typeof connect
}

const answer = (text: string, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${text.length}\r\n\r\n${text}`

describe('the region of an instance', () => {
  afterEach(() => {
    Socket.prototype.connect = connect
    server.close()
  })

  it('is asked with a token that was asked before', async () => {
    await startCloud(answer('secret\n'), answer('eu-west-1\n'))
    assert.equal(await regionOfInstance(), 'eu-west-1')
    const [first, second] = server.requests.map(({ head }) => head)
    assert.equal(first![0], 'PUT /latest/api/token HTTP/1.1')
    assert.ok(first!.includes('x-aws-ec2-metadata-token-ttl-seconds: 60'))
    assert.equal(second![0], 'GET /latest/meta-data/placement/region HTTP/1.1')
    assert.ok(second!.includes('x-aws-ec2-metadata-token: secret'))
  })

  for (const [title, answers, message] of [
    ['refuses', [answer('', '403 Forbidden')], 'the metadata service of the instance answered 403'],
    ['has none', [answer('secret'), answer('', '404 Not Found')], 'the metadata service of the instance answered 404'],
    ['says nothing', [answer('secret'), answer('')], 'the metadata service of the instance answered 200'],
    ['is not there', [''], 'there is no metadata service of an instance'],
  ] as const) {
    it(`is not known where the service ${title}`, async () => {
      await startCloud(...answers)
      await assert.rejects(regionOfInstance(), { message })
    })
  }
})
