/**
 * What every exporter must do, whatever its wire: deliver, wait, give up, count, and never harm the program.
 *
 *     describeExporter({ name: 'zipkin', start: startZipkin, skips: { … } })
 *
 * A subject says how a stand-in for its backend is started; the suite decides how the stand-in behaves.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Reply, Transport, Unsent } from '../../src/export/contract'
import { assertBalanced, lostOf, pushAll, rig, spans, until } from '../export/rig'

export type Behaviour =
  /** Takes the spans. */
  | 'accepts'
  /** Says "later". */
  | 'is busy'
  /** Says "never": the request is wrong. */
  | 'refuses'
  /** Takes the request and never answers. */
  | 'hangs'
  /** Breaks the connection instead of answering. */
  | 'breaks off'
  /** Answers with something that is not the protocol. */
  | 'talks nonsense'

export interface Backend {
  /** The variables that choose the exporter and point it here. */
  readonly env: Readonly<Record<string, string>>
  /** Span ids (16 hex digits) of the spans that were accepted, as often as they were. */
  accepted(): string[]
  behave(how: Behaviour): void
  close(): Promise<void>
}

export interface ExporterSubject {
  readonly name: string
  start(): Promise<Backend>
  /** The variables that point it to where nobody listens; left out where the wire cannot tell. */
  readonly nowhere?: Readonly<Record<string, string>>
  /** The variable that the user is told about. */
  readonly variable: RegExp
  /** Behaviours that this wire does not know, with the reason. */
  readonly skips?: Partial<Record<Behaviour, string>>
}

/** Short times, so that a test does not wait. */
const FAST = { OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_BSP_EXPORT_TIMEOUT: '2000', TRACING_AGENT_ENV_FILE: '' }

export function describeExporter({ name, start, nowhere, variable, skips = {} }: ExporterSubject): void {
  describe(`the exporter ${name}`, () => {
    let backend: Backend
    beforeEach(async () => {
      backend = await start()
    })
    afterEach(async () => backend.close())

    const behaves = (how: Behaviour, title: string, test: () => Promise<void>) => {
      const reason = skips[how]
      it(reason === undefined ? title : `${title} (skipped: ${reason})`, async function () {
        if (reason !== undefined) this.skip()
        backend.behave(how)
        await test()
      })
    }
    const run = (env: Record<string, string> = {}) => rig({ ...FAST, ...backend.env, ...env })
    const idsOf = (items: readonly { spanId: string }[]) => items.map(({ spanId }) => spanId).sort()

    it('delivers every span once, in as many messages as it takes', async () => {
      const { exporter, said } = run({ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '100' })
      const items = spans(750)
      pushAll(exporter, items)
      await exporter.stop(5000)
      await until('all arrived', () => backend.accepted().length >= 750)
      assert.deepEqual(backend.accepted().sort(), idsOf(items))
      assert.equal(exporter.counts.sent, 750)
      assert.equal(lostOf(exporter), 0)
      assert.deepEqual(said, [])
    })

    it('delivers by itself when the delay is over', async () => {
      const { exporter } = run()
      const items = spans(3)
      pushAll(exporter, items)
      await until('arrived', () => backend.accepted().length === 3)
      assert.deepEqual(backend.accepted().sort(), idsOf(items))
    })

    it('gives what is unsent to whoever sends it at the exit, with all that this needs', async () => {
      const { exporter } = run({ OTEL_BSP_SCHEDULE_DELAY: '60000' })
      const items = spans(20)
      pushAll(exporter, items)
      const unsent = exporter.takeUnsent()
      const carried: Unsent[] = structuredClone(unsent)
      for (const [i, { transport, body, mediaType, spans: count }] of carried.entries()) {
        assert.ok(count > 0)
        const { create } = require(`../../src/export/transports/${transport.file}`)
        const other: Transport = create(transport.options)
        const reply: Reply = await other.send(body, mediaType, 2000)
        exporter.settle(unsent[i]!, reply)
        await other.close()
      }
      await until('arrived', () => backend.accepted().length >= 20)
      assert.deepEqual(backend.accepted().sort(), idsOf(items))
      assert.equal(exporter.counts.sent, 20)
      assert.equal(exporter.pending, 0)
    })

    behaves('is busy', 'waits for a backend that is busy, loses nothing, and says both', async () => {
      const { exporter, said } = run()
      const items = spans(5)
      pushAll(exporter, items)
      await until('said', () => said.length > 0)
      assert.match(said[0]!, variable)
      assert.equal(exporter.pending, 5)
      assert.equal(lostOf(exporter), 0)
      backend.behave('accepts')
      await until('delivered', () => exporter.pending === 0)
      assert.deepEqual(backend.accepted().sort(), idsOf(items))
      assert.match(said.at(-1)!, /answers again; nothing was lost/)
      assert.equal(said.length, 2, said.join('\n'))
    })

    behaves('is busy', 'drops what finds no room meanwhile, and counts it', async () => {
      const { exporter } = run({ OTEL_BSP_MAX_QUEUE_SIZE: '50', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' })
      for (let i = 0; i < 30; i++) {
        pushAll(exporter, spans(10))
        await sleep(2)
        assertBalanced(exporter)
      }
      assert.ok((exporter.counts.lost.get('queue full') ?? 0) > 0)
      backend.behave('accepts')
      await exporter.stop(5000)
      assertBalanced(exporter)
      assert.equal(exporter.pending, 0)
      assert.equal(backend.accepted().length, exporter.counts.sent)
    })

    behaves('refuses', 'does not repeat what is refused: it counts it and says why once', async () => {
      const { exporter, said } = run({ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5' })
      pushAll(exporter, spans(20))
      await exporter.flush()
      assert.equal(lostOf(exporter), 20)
      assert.equal(exporter.pending, 0)
      assert.equal(said.length, 1, said.join('\n'))
      assert.match(said[0]!, /lost; /)
      assert.match(said[0]!, variable)
      backend.behave('accepts')
      pushAll(exporter, spans(1))
      await exporter.flush()
      assert.equal(exporter.counts.sent, 1)
    })

    behaves('hangs', 'gives up what is not answered in time, and counts it', async () => {
      const { exporter, said } = run({ OTEL_BSP_EXPORT_TIMEOUT: '700' })
      pushAll(exporter, spans(4))
      const started = performance.now()
      await exporter.stop(3000)
      assert.ok(performance.now() - started < 2500)
      assert.equal(lostOf(exporter), 4)
      assert.match(said.join('\n'), /in time/)
    })

    behaves('hangs', 'stops within the time that it is given', async () => {
      const { exporter } = run({ OTEL_BSP_EXPORT_TIMEOUT: '60000' })
      pushAll(exporter, spans(4))
      const started = performance.now()
      await exporter.stop(100)
      assert.ok(performance.now() - started < 1500)
      assertBalanced(exporter)
      assert.equal(exporter.pending, 0)
    })

    behaves('breaks off', 'tries again when the connection breaks', async () => {
      const { exporter } = run({ OTEL_BSP_EXPORT_TIMEOUT: '3000' })
      const items = spans(4)
      pushAll(exporter, items)
      setTimeout(() => backend.behave('accepts'), 150)
      await exporter.flush()
      assert.deepEqual(backend.accepted().sort(), idsOf(items))
      assert.equal(exporter.counts.sent, 4)
    })

    behaves('talks nonsense', 'counts what was answered with nonsense as lost, and says what came', async () => {
      const { exporter, said } = run()
      pushAll(exporter, spans(4))
      await exporter.stop(3000)
      assert.equal(exporter.counts.sent, 0)
      assert.equal(lostOf(exporter), 4)
      assert.match(said[0]!, variable)
    })

    if (nowhere !== undefined) {
      it('without a backend keeps spans until the end, then counts them with the reason', async () => {
        const { exporter, said } = run(nowhere)
        pushAll(exporter, spans(4))
        await until('said', () => said.length > 0)
        assert.equal(exporter.pending, 4)
        await exporter.stop(200)
        assert.equal(lostOf(exporter), 4)
        assert.equal(exporter.pending, 0)
        assert.match(said[0]!, variable)
        // How many of them one line tells depends on how many spans a message has.
        assert.match(said.at(-1)!, /[1-4] spans? lost/)
      })
    }
  })
}
