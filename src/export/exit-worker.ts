/**
 * The thread that sends what the program left unsent, while the thread that exits waits (see lastgasp.ts).
 * One attempt for each message: there is no time for a second one.
 */
import { workerData } from 'node:worker_threads'
import type { Transport, TransportSpec, Unsent } from './contract'
import { type LastGaspData, REASON_BYTES, SLOT_LOST, SLOT_REASON_LENGTH, SLOT_SENT, SLOT_STATE } from './lastgasp'

const { messages, slots, reason } = workerData as LastGaspData
const transports = new Map<string, Transport>()

function transportFor(spec: TransportSpec): Transport {
  const key = `${spec.file} ${JSON.stringify(spec.options)}`
  let transport = transports.get(key)
  if (transport === undefined) {
    transport = require(`./transports/${spec.file}`).create(spec.options) as Transport
    transports.set(key, transport)
  }
  return transport
}

async function send(message: Unsent): Promise<void> {
  try {
    const reply = await transportFor(message.transport).send(message.body, message.mediaType)
    if (reply.ok) Atomics.add(slots, SLOT_SENT, message.spans)
    else lose(message.spans, reply.reason)
  } catch (error) {
    lose(message.spans, String(error))
  }
}

/** The first reason is the one that is told. */
function lose(spans: number, why: string): void {
  if (Atomics.add(slots, SLOT_LOST, spans) > 0) return
  const text = Buffer.from(why).subarray(0, REASON_BYTES)
  reason.set(text)
  Atomics.store(slots, SLOT_REASON_LENGTH, text.length)
}

void Promise.all(messages.map(send)).then(() => {
  Atomics.store(slots, SLOT_STATE, 1)
  Atomics.notify(slots, SLOT_STATE)
})
