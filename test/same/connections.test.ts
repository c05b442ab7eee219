/** What passes over TLS and HTTP/2, as the other side reads it, and connections that end at every moment of a request. */
import { join } from 'node:path'
import { ROOT_FOLDER } from '../kit/agent'
import { TLS } from '../kit/peer'
import { runTwice, type TwiceOptions } from './twice'

const PROGRAMS = join(ROOT_FOLDER, 'test/same/programs')

const OPTIONS: TwiceOptions = {
  timeoutMs: 80_000,
  env: {
    CERT: TLS.certFile,
    KEY: TLS.keyFile,
    PROTO: join(ROOT_FOLDER, 'test/scenarios/programs/grpc-tester.proto'),
    NODE_NO_WARNINGS: '1',
  },
  // The thread that an error of OpenSSL names.
  normalize: text => text.replace(/\b[0-9A-F]{16}:error/g, 'ID:error'),
}

describe('connections under the agent', function () {
  this.timeout(100_000)

  it('carry over TLS the bytes, protocols and sessions that they carry without it', async () => {
    await runTwice(join(PROGRAMS, 'secure.cjs'), OPTIONS)
  })

  it('carry over HTTP/2 the frames and headers that they carry without it, in gRPC and beside it', async () => {
    await runTwice(join(PROGRAMS, 'http2.cjs'), OPTIONS)
  })

  for (const side of ['client', 'server']) {
    for (const transport of ['http', 'https']) {
      it(`end with the same events when the ${side} goes at any moment of a request: ${transport}`, async () => {
        await runTwice(join(PROGRAMS, 'resets.cjs'), { ...OPTIONS, args: [side, transport] })
      })
    }
  }
})
