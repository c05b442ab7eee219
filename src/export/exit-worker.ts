/**
 * The thread that sends what the program left unsent, while the thread that exits waits (see lastgasp.ts).
 * One attempt for each message: there is no time for a second one.
 */
import { workerData } from 'node:worker_threads'
import type { Reply, Transport, TransportSpec, Unsent } from './contract'
import type { Answer, LastGaspData } from './lastgasp'
import { createTransport } from './transports'

const { messages, port, answered } = workerData as LastGaspData
const transports = new Map<string, Transport>()

function transportFor(spec: TransportSpec): Transport {
  const key = `${spec.file} ${JSON.stringify(spec.options)}`
  let transport = transports.get(key)
  if (transport === undefined) {
    transport = createTransport(spec)
    transports.set(key, transport)
  }
  return transport
}

async function send(message: Unsent): Promise<Reply> {
  try {
    return await transportFor(message.transport).send(message.body, message.mediaType)
  } catch (error) {
    return { ok: false, reason: String(error), retry: false }
  }
}

// Transports let a process end while they wait for an answer; this thread is there to wait.
setInterval(() => {}, 60_000)
for (const [of, message] of messages.entries()) {
  void send(message).then(reply => {
    port.postMessage({ of, reply } satisfies Answer)
    Atomics.add(answered, 0, 1)
    Atomics.notify(answered, 0)
  })
}
