/** As much of a Kafka broker as a producer needs: one topic with one partition, whose leader it is. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

const PRODUCE = 0
const METADATA = 3
const API_VERSIONS = 18
/** One version of each, so that there is one form to write. */
const VERSIONS = [
  [PRODUCE, 7],
  [METADATA, 9],
  [API_VERSIONS, 3],
] as const

export interface KafkaBroker {
  readonly address: string
  /** The requests that held messages, not compressed, as Latin-1. */
  readonly produced: readonly string[]
  close(): Promise<void>
}

export async function startKafkaBroker(topic: string): Promise<KafkaBroker> {
  const produced: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    let rest = Buffer.alloc(0)
    socket.on('data', data => {
      rest = Buffer.concat([rest, data])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const length = rest.readInt32BE(0)
        socket.write(answer(rest.subarray(4, 4 + length)))
        rest = rest.subarray(4 + length)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  function answer(request: Buffer): Buffer {
    const key = request.readInt16BE(0)
    if (key === PRODUCE) produced.push(request.toString('latin1'))
    const body = key === PRODUCE ? acknowledgement(topic) : key === METADATA ? metadata(topic, port) : versions()
    const reply = Buffer.concat([request.subarray(4, 8), body])
    return Buffer.concat([int32(reply.length), reply])
  }

  return {
    address: `127.0.0.1:${port}`,
    produced,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function acknowledgement(topic: string): Buffer {
  const partition = [int32(0), int16(0), int64(0), int64(-1), int64(0)]
  return Buffer.concat([int32(1), int16(topic.length), Buffer.from(topic), int32(1), ...partition, int32(0)])
}

function metadata(topic: string, port: number): Buffer {
  const broker = [int32(1), compact('127.0.0.1'), int32(port), NULL, NO_TAGS]
  const partition = [int16(0), int32(0), int32(1), int32(0), ONE, int32(1), ONE, int32(1), NONE, NO_TAGS]
  const one = [int16(0), compact(topic), FALSE, ONE, ...partition, int32(0), NO_TAGS]
  const cluster = [compact('test'), int32(1)]
  return Buffer.concat([NO_TAGS, int32(0), ONE, ...broker, ...cluster, ONE, ...one, int32(0), NO_TAGS])
}

function versions(): Buffer {
  const rows = VERSIONS.flatMap(([key, version]) => [int16(key), int16(version), int16(version), NO_TAGS])
  return Buffer.concat([int16(0), Buffer.of(VERSIONS.length + 1), ...rows, int32(0), NO_TAGS])
}

/** Lengths of the compact form are one more than they say: 0 is null. */
const NULL = Buffer.of(0)
const NONE = Buffer.of(1)
const ONE = Buffer.of(2)
const NO_TAGS = Buffer.of(0)
const FALSE = Buffer.of(0)

function compact(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length + 1), Buffer.from(text)])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}
