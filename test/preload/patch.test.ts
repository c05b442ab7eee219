import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { createLog } from '../../src/log'
import { Patches } from '../../src/patch'

function createPatches() {
  const lines: string[] = []
  return { lines, patches: new Patches(createLog('warn', line => lines.push(line))) }
}

const passThrough = (original: Function) =>
  function (this: unknown, ...args: unknown[]) {
    return Reflect.apply(original, this, args)
  }

describe('wrap', () => {
  it('keeps name, length, own properties and prototype of the function', () => {
    const { patches } = createPatches()
    class Base {}
    function original(_a: unknown, _b: unknown): string {
      return 'result'
    }
    Object.setPrototypeOf(original, Base)
    Object.defineProperty(original, 'hidden', { value: 1, enumerable: false })
    const custom = () => Promise.resolve('promised')
    Object.assign(original, { shown: 2, [promisify.custom]: custom })
    const target = { original }
    const keys = Reflect.ownKeys(original)
    patches.wrap(target, 'original', passThrough)
    const wrapped = target.original as any
    assert.notEqual(wrapped, original)
    assert.equal(wrapped.name, 'original')
    assert.equal(wrapped.length, 2)
    assert.deepEqual(Reflect.ownKeys(wrapped).sort(by), keys.sort(by))
    assert.equal(Object.getPrototypeOf(wrapped), Base)
    assert.equal(wrapped.prototype, original.prototype)
    assert.deepEqual(Object.getOwnPropertyDescriptor(wrapped, 'hidden'), {
      value: 1,
      enumerable: false,
      configurable: false,
      writable: false,
    })
    assert.equal(wrapped[promisify.custom], custom)
    assert.ok(new wrapped() instanceof (original as any))
    assert.equal(wrapped(), 'result')
  })

  it('leaves a function of the same name and length as fast to look up and to bind as the original', () => {
    setFlagsFromString('--allow-natives-syntax')
    const hasFastProperties = new Function('value', 'return %HasFastProperties(value)') as (value: unknown) => boolean
    const { patches } = createPatches()
    const target = { named(_a: unknown) {}, unnamed: (() => function () {})() }
    patches.wrap(
      target,
      'named',
      original => ({ named: (a: unknown) => Reflect.apply(original, undefined, [a]) }).named,
    )
    patches.wrap(target, 'unnamed', passThrough)
    assert.ok(hasFastProperties(target.named))
    assert.ok(hasFastProperties(target.unnamed))
  })

  it('keeps the attributes of the property, and undo restores it as it was', () => {
    for (const attributes of [
      { configurable: true, enumerable: true, writable: true },
      { configurable: true, enumerable: false, writable: true },
      { configurable: true, enumerable: false, writable: false },
    ]) {
      const { patches } = createPatches()
      const target = Object.defineProperty({}, 'key', { ...attributes, value: () => 1 }) as any
      const before = Object.getOwnPropertyDescriptor(target, 'key')!
      patches.wrap(target, 'key', passThrough)
      const during = Object.getOwnPropertyDescriptor(target, 'key')!
      assert.notEqual(during.value, before.value)
      assert.deepEqual({ ...during, value: undefined }, { ...before, value: undefined })
      patches.undo()
      assert.deepEqual(Object.getOwnPropertyDescriptor(target, 'key'), before)
    }
  })

  it('leaves an object without own property without one after undo', () => {
    const { patches } = createPatches()
    class Server {
      listen() {
        return 'listening'
      }
    }
    const server = new Server()
    patches.wrap(server, 'listen', () => () => 'wrapped')
    assert.equal(server.listen(), 'wrapped')
    assert.deepEqual(Object.keys(server), [])
    patches.undo()
    assert.equal(server.listen(), 'listening')
    assert.deepEqual(Reflect.ownKeys(server), [])
  })

  it('wraps a function once, whoever asks', () => {
    const first = createPatches()
    const second = createPatches()
    const target = { add: (n: number) => n }
    const plusOne = (original: Function) => (n: number) => original(n) + 1
    first.patches.wrap(target, 'add', plusOne)
    first.patches.wrap(target, 'add', plusOne)
    second.patches.wrap(target, 'add', plusOne)
    const alias = { add: target.add }
    second.patches.wrap(alias, 'add', plusOne)
    assert.equal(target.add(1), 2)
    assert.equal(alias.add(1), 2)
  })

  it('leaves alone what the program wrapped again, and takes back the rest', () => {
    const { patches } = createPatches()
    const target = { one: () => 'one', two: () => 'two' }
    const { two } = target
    patches.wrap(target, 'one', passThrough)
    patches.wrap(target, 'two', passThrough)
    const ours = target.one
    target.one = () => `mine ${ours()}`
    patches.undo()
    assert.equal(target.one(), 'mine one')
    assert.equal(target.two, two)
  })

  it('says what it cannot wrap, and changes nothing', () => {
    const { lines, patches } = createPatches()
    const target: Record<string, unknown> = { text: 'no function', nothing: null }
    for (const key of ['text', 'nothing', 'missing']) patches.wrap(target, key as never, passThrough)
    assert.deepEqual(target, { text: 'no function', nothing: null })
    assert.deepEqual(lines, [
      'tracing-agent: cannot trace text: it is string, not a function\n',
      'tracing-agent: cannot trace nothing: it is null, not a function\n',
      'tracing-agent: cannot trace missing: it is undefined, not a function\n',
    ])
  })
})

describe('guard', () => {
  it('passes this and arguments, and says an exception once, in one line with its place', () => {
    const { lines, patches } = createPatches()
    const calls: unknown[] = []
    const guarded = patches.guard(function (this: unknown, ...args: unknown[]) {
      calls.push([this, ...args])
      throw new TypeError('broken\nin two')
    }, 'a test')
    const self = {}
    guarded.call(self, 1, 2)
    guarded.call(self, 3)
    assert.deepEqual(calls, [
      [self, 1, 2],
      [self, 3],
    ])
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /^tracing-agent: fault in a test.*TypeError: broken.*\n$/)
  })

  it('survives errors that cannot be read', () => {
    const { lines, patches } = createPatches()
    const hostile = new Proxy(new Error('x'), {
      get() {
        throw new Error('from the getter')
      },
    })
    for (const error of [hostile, undefined, null, 'text', Symbol('s'), Object.create(null), { stack: 1 }]) {
      patches.guard(() => {
        throw error
      }, `place ${lines.length}`)()
    }
    assert.equal(lines.length, 7)
  })
})

describe('subscribe', () => {
  it('guards the listener and ends with undo', () => {
    const { lines, patches } = createPatches()
    const seen: unknown[] = []
    patches.subscribe('tracing-agent:test', message => {
      seen.push(message)
      throw new Error('in a listener')
    })
    channel('tracing-agent:test').publish(1)
    patches.undo()
    channel('tracing-agent:test').publish(2)
    assert.deepEqual(seen, [1])
    assert.match(lines.join(''), /fault in channel tracing-agent:test.*in a listener/)
  })
})

describe('finish and undo', () => {
  it('go on where one of their parts throws', () => {
    const { lines, patches } = createPatches()
    const done: string[] = []
    const fail = () => {
      throw new Error('no')
    }
    patches.atExit(fail)
    patches.atExit(() => done.push('finished'))
    patches.onUndo(() => done.push('undone'))
    patches.onUndo(fail)
    patches.finish()
    patches.undo()
    assert.deepEqual(done, ['finished', 'undone'])
    assert.equal(lines.length, 2)
  })
})

function by(a: string | symbol, b: string | symbol): number {
  return String(a) < String(b) ? -1 : 1
}
