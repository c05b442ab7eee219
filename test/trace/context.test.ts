import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createContextKey, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import {
  AgentContextManager,
  activeContext,
  currentPlace,
  enterContextAt,
  ROOT,
  runInContext,
  toAgentContext,
} from '../../src/trace/context'
import { NonRecordingSpan } from '../../src/trace/nonrecording'

const SPAN = new NonRecordingSpan({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 })
const KEY = createContextKey('mine')
const SUPPRESS = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
const inside = ROOT.withSpan(SPAN)

describe('a context', () => {
  it('carries span, baggage, suppression and values of the program through the functions of the API', () => {
    const baggage = propagation.createBaggage({ tenant: { value: 't' } })
    const context = propagation.setBaggage(trace.setSpan(ROOT, SPAN), baggage).setValue(KEY, 5).setValue(SUPPRESS, true)
    assert.equal(trace.getSpan(context), SPAN)
    assert.equal(propagation.getBaggage(context), baggage)
    assert.equal(context.getValue(KEY), 5)
    assert.equal(toAgentContext(context).suppressed, true)
    assert.equal(trace.getSpan(trace.deleteSpan(context)), undefined)
    assert.equal(propagation.getBaggage(propagation.deleteBaggage(context)), undefined)
    assert.equal(context.deleteValue(KEY).getValue(KEY), undefined)
    assert.equal(context.deleteValue(SUPPRESS).getValue(SUPPRESS), undefined)
    assert.equal(context.getValue(KEY), 5, 'it is immutable')
  })

  it('takes over a context that the API or another library made', () => {
    const foreign = trace.setSpan(ROOT_CONTEXT, SPAN).setValue(KEY, 7).setValue(SUPPRESS, true)
    const own = toAgentContext(foreign)
    assert.deepEqual([own.span, own.getValue(KEY), own.suppressed], [SPAN, 7, true])
    assert.equal(toAgentContext(ROOT_CONTEXT), ROOT)
    assert.equal(toAgentContext(own), own)
  })
})

describe('the context manager', () => {
  const manager = new AgentContextManager()

  it('runs a function in a context with this and arguments, and restores the context after a throw', () => {
    const result = manager.with(
      inside,
      function (this: unknown, ...args: number[]) {
        assert.equal(manager.active(), inside)
        return [this, ...args]
      } as any,
      'self' as any,
      1,
      2,
    )
    assert.deepEqual(result, ['self', 1, 2])
    assert.throws(() =>
      manager.with(inside, () => {
        throw new Error('x')
      }),
    )
    assert.equal(manager.active(), ROOT)
  })

  it('follows promises, timers, ticks and microtasks', async () => {
    const seen: unknown[] = []
    await runInContext<Promise<void>>(
      inside,
      async () => {
        await null
        seen.push(activeContext())
        for (const later of [setImmediate, process.nextTick, (fn: () => void) => setTimeout(fn, 1)]) {
          await new Promise<void>(resolve =>
            later(() => {
              seen.push(activeContext())
              resolve()
            }),
          )
        }
        queueMicrotask(() => seen.push(activeContext()))
        await null
      },
      undefined,
      [],
    )
    assert.deepEqual(
      seen.map(context => context === inside),
      [true, true, true, true, true],
    )
    assert.equal(activeContext(), ROOT)
  })

  it('keeps contexts that interleave apart', async () => {
    const run = (id: number) =>
      runInContext<Promise<unknown>>(
        toAgentContext(ROOT.setValue(KEY, id)),
        async () => {
          for (let i = 0; i < 5; i++) await new Promise(resolve => setTimeout(resolve, Math.random() * 3))
          return activeContext().getValue(KEY)
        },
        undefined,
        [],
      )
    const ids = Array.from({ length: 50 }, (_, id) => id)
    assert.deepEqual(await Promise.all(ids.map(run)), ids)
  })

  it('binds a function: this, arguments, result, name and length stay', () => {
    const bound = manager.bind(inside, function named(this: any, a: number, b: number) {
      return [this?.x, a, b, activeContext()]
    })
    assert.deepEqual([bound.name, bound.length], ['named', 2])
    assert.deepEqual(bound.call({ x: 1 }, 2, 3), [1, 2, 3, inside])
    assert.equal(activeContext(), ROOT)
  })

  it('binds an emitter: listeners run in the context and stay the functions that were added', () => {
    const emitter = new EventEmitter()
    assert.equal(manager.bind(inside, emitter), emitter)
    const seen: unknown[] = []
    const listener = () => seen.push(activeContext())
    emitter.on('e', listener).once('e', listener)
    assert.equal(emitter.emit('e'), true)
    assert.equal(emitter.emit('other'), false)
    assert.deepEqual(
      seen.map(context => context === inside),
      [true, true],
    )
    assert.deepEqual(emitter.listeners('e'), [listener])
    emitter.off('e', listener)
    assert.equal(emitter.listenerCount('e'), 0)
    assert.deepEqual(Object.keys(emitter).includes('emit'), false)
  })

  it('gives back whatever else it is asked to bind', () => {
    for (const target of [null, undefined, 5, 'x', {}, Object.freeze(new EventEmitter())]) {
      assert.equal(manager.bind(inside, target), target)
    }
  })

  it('enters a context for the rest of an asynchronous execution', async () => {
    await new Promise<void>(resolve => {
      setImmediate(() => {
        enterContextAt(currentPlace(), inside)
        setTimeout(() => {
          assert.equal(activeContext(), inside)
          resolve()
        }, 1)
      })
    })
    assert.equal(activeContext(), ROOT)
  })
})
