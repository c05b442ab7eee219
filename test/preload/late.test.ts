/** What is loaded when: HTTP is traced from when a program loads it, and not loaded for those who do not. */
import assert from 'node:assert/strict'
import { Channel, channel, subscribe } from 'node:diagnostics_channel'
import { isChannelMade, whenChannelIsMade } from '../../src/channels'
import { runAgent } from '../kit/agent'

describe('a builtin that is loaded late', () => {
  for (const how of ['require', 'import', 'getBuiltinModule']) {
    it(`is traced when it comes by ${how}, and leaves no mark on channels`, async () => {
      const { stdout, stderr, spans } = await runAgent('fixtures/preload/http-late.cjs', {
        how: 'require',
        args: [how],
        // To count coverage loads HTTP.
        coverage: false,
      })
      assert.equal(stderr, '')
      const { before, active, names, after } = JSON.parse(stdout)
      assert.equal(before, false, 'nothing of HTTP is loaded before')
      assert.equal(after, true)
      assert.equal(active, true, "a subscriber of the program's own is called with the span of the request")
      assert.equal(names, false)
      assert.deepEqual(spans.map(({ kind }) => kind).sort(), ['CLIENT', 'SERVER'])
    })
  }
})

describe('the making of a channel', () => {
  const prototypeKeys = () => Reflect.ownKeys(Channel.prototype)

  it('is noticed once, while it is made; other channels can be subscribed to in there', () => {
    const before = prototypeKeys()
    const heard: unknown[] = []
    let calls = 0
    whenChannelIsMade('late test: first', () => {
      calls++
      subscribe('late test: other', message => void heard.push(message))
    })
    const made = channel('late test: first')
    assert.equal(calls, 1)
    assert.equal(made.name, 'late test: first')
    assert.equal(channel('late test: first'), made)
    channel('late test: other').publish(1)
    assert.deepEqual(heard, [1])
    assert.deepEqual(prototypeKeys(), before)
  })

  it('is not noticed when nobody waits any more', () => {
    const before = prototypeKeys()
    const stop = whenChannelIsMade('late test: second', () => assert.fail())
    stop()
    assert.deepEqual(prototypeKeys(), before)
    assert.equal(channel('late test: second').name, 'late test: second')
  })

  it('can be asked for without making it', () => {
    const before = prototypeKeys()
    assert.equal(isChannelMade('late test: third'), false)
    assert.equal(isChannelMade('late test: third'), false)
    const made = channel('late test: third')
    assert.equal(isChannelMade('late test: third'), true)
    assert.deepEqual(prototypeKeys(), before)
    assert.equal(made.hasSubscribers, false)
  })

  it('gives a channel the keys that it would have, in their order', () => {
    const before = Object.entries(Object.getOwnPropertyDescriptors(channel('late test: fourth')))
    const stop = whenChannelIsMade('late test: never', () => {})
    const during = Object.entries(Object.getOwnPropertyDescriptors(channel('late test: fifth')))
    stop()
    const shape = (entries: typeof before) => entries.map(([key, { value, ...attributes }]) => [key, attributes])
    assert.deepEqual(shape(during), shape(before))
  })
})
