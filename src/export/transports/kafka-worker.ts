/** The thread in which the client of Kafka runs, from the optional package `@platformatic/kafka` (see kafka.ts). */
import { workerData } from 'node:worker_threads'
import type { Reply } from '../contract'
import type { KafkaAnswer, KafkaTask, KafkaThreadData } from './kafka'
import { loadPeer } from './peer'

const PACKAGE = '@platformatic/kafka'

/** What is used of the package. */
interface Producer {
  send(request: { acks: number; messages: { topic: string; value: Buffer }[] }): Promise<unknown>
}

const { brokers, topic, port } = workerData as KafkaThreadData
let producer: Promise<Producer> | undefined

port.on('message', ({ id, body, timeoutMs }: KafkaTask) => {
  void send(body, timeoutMs).then(reply => port.postMessage({ id, reply } satisfies KafkaAnswer))
})

async function send(body: Uint8Array, timeoutMs: number): Promise<Reply> {
  try {
    producer ??= connect(timeoutMs)
    // The leader's word is enough: a trace is not worth a wait for all replicas.
    await (await producer).send({ acks: 1, messages: [{ topic, value: Buffer.from(body) }] })
    return { ok: true }
  } catch (error) {
    // A client that never came up is made anew for the next message.
    if (producer !== undefined && !(await isUp(producer))) producer = undefined
    return { ok: false, reason: describe(error as Error), retry: false }
  }
}

async function connect(timeoutMs: number): Promise<Producer> {
  const library: { Producer: new (options: object) => Producer } = await loadPeer(PACKAGE)
  return new library.Producer({
    clientId: 'tracing-agent',
    bootstrapBrokers: [...brokers],
    autocreateTopics: true,
    timeout: Number.isFinite(timeoutMs) ? Math.max(Math.round(timeoutMs), 1) : undefined,
  })
}

function isUp(promise: Promise<Producer>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  )
}

/** The innermost of the errors that the client wraps says what happened. */
function describe(error: Error): string {
  const inner = (error as { errors?: Error[] }).errors?.[0] ?? (error.cause as Error | undefined)
  return inner instanceof Error ? `${firstLine(error)} (${describe(inner)})` : firstLine(error)
}

function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0]!
}
