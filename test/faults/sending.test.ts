import assert from 'node:assert/strict'
import { runBare } from '../kit/agent'

interface Sweep {
  /** Functions of the agent that were met, by what it was done against. */
  places: Record<string, string[]>
  /** Times that an injected fault was met. */
  faulty: number
  wrong: { name: string; place?: string; kind?: string; problems: string[] }[]
}

describe('a fault in what sockets, threads and timers of the agent call back', () => {
  it('reaches no program and is told, whatever the other side does', async function () {
    this.timeout(300_000)
    const { stdout, stderr } = await runBare('fixtures/faults/sending.cjs', { timeoutMs: 290_000 })
    assert.match(stdout, /^\{.*\}\n$/, stderr)
    const { places, faulty, wrong } = JSON.parse(stdout) as Sweep
    assert.deepEqual(wrong, [])
    // What is called back has its places, which are found in the sources.
    for (const place of [
      /grpc:onClose:/,
      /grpc:onTimeout:/,
      /ending:look:/,
      /wire:onPacked:/,
      /retry:wake:/,
      /udp:onSent:/,
      /udp:settle:/,
      /kafka:onMessage:/,
      /file:append:/,
      /stdout:onWritten:/,
      /http-client:onAnswer:/,
      /http-client:onBroken:/,
      /http-client:onGone:/,
      /http-client:onTimeout:/,
      /aws-region:metadata:/,
      /ask:ask:/,
      /cloud:onMessage:/,
      /cloud:onTime:/,
    ]) {
      assert.ok(
        Object.values(places).some(met => met.some(name => place.test(name))),
        `${place} in ${JSON.stringify(places)}`,
      )
    }
    assert.ok(faulty > 500, `${faulty} faults`)
  })
})
