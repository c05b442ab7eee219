/** Messages to a topic of Kafka, through the optional package `@platformatic/kafka`. */
import type { Reply, Transport } from '../contract'
import { loadPeer } from './peer'

/** Zipkin's reporter keeps to half of what a broker takes by default (1 MB). */
const MAX_MESSAGE_BYTES = 500_000
const PACKAGE = '@platformatic/kafka'

export interface KafkaOptions {
  /** `host:port`. */
  readonly brokers: readonly string[]
  readonly topic: string
}

/** What is used of the package. */
interface Producer {
  send(request: { acks: number; messages: { topic: string; value: Buffer }[] }): Promise<unknown>
  close(force?: boolean): Promise<void>
}

export function create({ brokers, topic }: KafkaOptions): Transport {
  let producer: Promise<Producer> | undefined

  return {
    accepts: ['application/json'],
    maxBytes: MAX_MESSAGE_BYTES,
    target: `kafka://${brokers.join(',')}/${topic}`,
    async send(body, _mediaType, timeoutMs = Infinity): Promise<Reply> {
      try {
        producer ??= connect(brokers, timeoutMs)
        // The leader's word is enough: a trace is not worth a wait for all replicas.
        await (await producer).send({ acks: 1, messages: [{ topic, value: Buffer.from(body) }] })
        return { ok: true }
      } catch (error) {
        // A client that never came up is made anew for the next message.
        if (producer !== undefined && !(await isUp(producer))) producer = undefined
        return { ok: false, reason: describe(error as Error), retry: false }
      }
    },
    async close() {
      const open = await producer?.catch(() => undefined)
      producer = undefined
      await open?.close(true).catch(() => undefined)
    },
  }
}

async function connect(brokers: readonly string[], timeoutMs: number): Promise<Producer> {
  const library: { Producer: new (options: object) => Producer } = await loadPeer(PACKAGE)
  return new library.Producer({
    clientId: 'tracing-agent',
    bootstrapBrokers: [...brokers],
    autocreateTopics: true,
    timeout: Number.isFinite(timeoutMs) ? Math.max(Math.round(timeoutMs), 1) : undefined,
  })
}

function isUp(producer: Promise<Producer>): Promise<boolean> {
  return producer.then(
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
