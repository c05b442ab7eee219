import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import { alwaysOn } from '../../src/sampling/always'
import { activeContext, ROOT, runInContext } from '../../src/trace/context'
import { INTERNAL, type SpanData } from '../../src/trace/data'
import { newSpanId, newTraceId } from '../../src/trace/ids'
import { DEFAULT_LIMITS } from '../../src/trace/limits'
import { AgentTracerProvider } from '../../src/trace/tracer'

function collectGarbage(): void {
  v8.setFlagsFromString('--expose-gc')
  ;(vm.runInNewContext('gc') as () => void)()
}

/** Whether nothing holds it any more, within some turns of the event loop. */
async function isForgotten(ref: WeakRef<object>): Promise<boolean> {
  for (let i = 0; i < 20 && ref.deref() !== undefined; i++) {
    await turn()
    collectGarbage()
  }
  return ref.deref() === undefined
}

describe('a span that never ends', () => {
  const ended: SpanData[] = []
  const sink = { push: (span: SpanData) => void ended.push(span) }
  const parts = { sampler: alwaysOn, limits: DEFAULT_LIMITS, sink, newTraceId, newSpanId, rootFlags: 2 }
  const tracer = new AgentTracerProvider(parts).getTracer('test')

  /** Apart, so that no frame of the test holds what it made. */
  function begin(): { spans: WeakRef<object>[]; child: () => void } {
    const root = tracer.startSpan('never ends')
    const big = tracer.start('instrumented', INTERNAL, ROOT, () => ['text', 'x'.repeat(1000)], undefined)
    const inner = runInContext(ROOT.withSpan(root), () => tracer.startSpan('child'), undefined, []) as { end(): void }
    return { spans: [new WeakRef(root), new WeakRef(big)], child: () => inner.end() }
  }

  it('is forgotten as soon as the program forgets it', async () => {
    const { spans } = begin()
    for (const span of spans) assert.ok(await isForgotten(span))
  })

  it('is not held by a child that has ended and waits to be sent', async () => {
    const { spans, child } = begin()
    child()
    assert.equal(ended.at(-1)!.name, 'child')
    assert.ok(await isForgotten(spans[0]!))
    assert.equal(activeContext(), ROOT)
  })
})
