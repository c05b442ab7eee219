/** Raw headers, held against the object that Node makes of the same request. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import { CommonHeaders, RAW_GETTER } from '../../instrumentations/_http-raw-headers'

const NAMES = [
  'host',
  'user-agent',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-b3-traceid',
  'uberctx-a',
  'date',
]
const anyCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map(upper => [...name].map((letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join(''))
const anyHeaders = fc.array(
  fc.tuple(
    fc.constantFrom(...NAMES).chain(anyCase),
    fc.string({ unit: fc.constantFrom('a', 'b', '=', ';', '1', '-', '"'), minLength: 1, maxLength: 12 }),
  ),
  { maxLength: 14 },
)

/** The request as Node parses it. */
async function parsed(headers: readonly (readonly [string, string])[]): Promise<IncomingMessage> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.write(`GET / HTTP/1.0\r\n${lines}\r\n`)
  const request = await new Promise<IncomingMessage>(resolve => server.once('request', resolve))
  socket.destroy()
  server.close()
  return request
}

describe('raw headers', () => {
  it('say what the parsed ones say, in any case and number', async () => {
    await fc.assert(
      fc.asyncProperty(anyHeaders, async list => {
        const { rawHeaders, headers } = await parsed(list)
        for (const name of NAMES) {
          // Of these the first counts, which is for whoever asks for them by another way.
          if (['host', 'user-agent', 'date'].includes(name)) continue
          assert.equal(RAW_GETTER.get(rawHeaders, name), headers[name], name)
          assert.equal(RAW_GETTER.get(rawHeaders, name.toUpperCase()), headers[name], name)
        }
        assert.deepEqual([...new Set(RAW_GETTER.keys(rawHeaders))].sort(), Object.keys(headers).sort())
        const { host, userAgent, proxy } = new CommonHeaders(rawHeaders)
        assert.equal(host, headers.host)
        assert.equal(userAgent, headers['user-agent'])
        for (const name of NAMES.slice(2, 6)) assert.equal(proxy?.[name], headers[name], name)
      }),
      { numRuns: 150 },
    )
  })

  it('of no proxy make no list of a proxy', () => {
    const raw = ['Host', 'a', 'Accept-Encoding', 'gzip', 'X-Request-Number', '1']
    assert.equal(new CommonHeaders(raw.slice(0, 4)).proxy, undefined)
    assert.deepEqual(Object.values(new CommonHeaders(raw).proxy ?? {}).filter(Boolean), [])
  })
})
