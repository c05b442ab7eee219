/** What every sampler must do. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { SpanContext } from '@opentelemetry/api'
import fc from 'fast-check'
import type { Log } from '../../src/log'
import type { Sampler } from '../../src/sampling/contract'
import { createSampler, type SamplerName, type SamplerParts } from '../../src/sampling/index'
import { type AttributeList, CLIENT, INTERNAL, type Kind, SERVER } from '../../src/trace/data'

/** A log that keeps what was said. */
export function listeningLog(): Log & { said: string[] } {
  const said: string[] = []
  const keep = (message: string) => void said.push(message)
  return { level: 'debug', said, error: keep, warn: keep, info: keep, debug: () => {} }
}

export function sampler(name: SamplerName, argument?: string, parts: Partial<SamplerParts> = {}): Sampler {
  return createSampler(name, argument, { log: listeningLog(), serviceName: 'shop', ...parts })
}

export const randomTraceId = () => randomBytes(16).toString('hex')

export function parent(sampled: boolean, isRemote: boolean): SpanContext {
  return { traceId: randomTraceId(), spanId: randomBytes(8).toString('hex'), traceFlags: sampled ? 1 : 0, isRemote }
}

/** A request that comes in: the attributes that instrumentations give at the start. */
export function request(method: string, path: string, extra: AttributeList = []): AttributeList {
  return ['http.request.method', method, 'url.path', path, 'url.scheme', 'http', ...extra]
}

export function decides(
  subject: Sampler,
  {
    above,
    traceId = above?.traceId ?? randomTraceId(),
    name = 'GET',
    kind = SERVER as Kind,
    attributes = [] as AttributeList,
  }: { above?: SpanContext; traceId?: string; name?: string; kind?: Kind; attributes?: AttributeList } = {},
): boolean {
  return subject.shouldSample(above, traceId, name, kind, attributes).sampled
}

/** Fails when `kept` of `total` is not what `ratio` lets expect: five standard deviations, one false alarm in a million. */
export function assertRatio(kept: number, total: number, ratio: number): void {
  const bound = 5 * Math.sqrt(total * ratio * (1 - ratio)) + 1e-9
  assert.ok(Math.abs(kept - total * ratio) <= bound, `${kept} of ${total} for ratio ${ratio}`)
}

/** @param follows whether spans with a parent do as the parent did: of which parents */
export function describeSampler(
  name: SamplerName,
  argument: string | undefined,
  { description, followsRemote, followsLocal }: { description: RegExp; followsRemote: boolean; followsLocal: boolean },
): void {
  describe(`the sampler ${name}${argument === undefined ? '' : ` ${argument}`}`, () => {
    const subject = sampler(name, argument)

    it('describes itself', () => assert.match(String(subject), description))

    if (followsRemote) {
      it('does as a remote parent did', () => {
        for (let i = 0; i < 100; i++) {
          assert.equal(decides(subject, { above: parent(true, true) }), true)
          assert.equal(decides(subject, { above: parent(false, true) }), false)
        }
      })
    }

    if (followsLocal) {
      it('does as a local parent did', () => {
        for (let i = 0; i < 100; i++) {
          assert.equal(decides(subject, { above: parent(true, false), kind: CLIENT }), true)
          assert.equal(decides(subject, { above: parent(false, false), kind: CLIENT }), false)
        }
      })
    }

    it('never throws, whatever the attributes are', () => {
      const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()))
      const key = fc.oneof(
        fc.string(),
        fc.constantFrom(
          'http.request.method',
          'url.path',
          'url.full',
          'user_agent.original',
          'rpc.method',
          'server.address',
        ),
      )
      fc.assert(
        fc.property(
          fc.array(fc.tuple(key, value)),
          fc.string(),
          fc.constantFrom(INTERNAL, SERVER, CLIENT),
          fc.stringMatching(/^[0-9a-f]{32}$/),
          (attributes, spanName, kind, traceId) => {
            const list = attributes.flat() as AttributeList
            const before = [...list]
            const result = subject.shouldSample(undefined, traceId, spanName, kind, list)
            assert.equal(typeof result.sampled, 'boolean')
            assert.deepEqual(list, before, 'the attributes are the span’s')
          },
        ),
      )
    })

    it('stops', () => subject.stop?.())
  })
}
