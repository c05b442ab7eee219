/** Servers that break the rules, and an exporter that sends to them. */
import type http2 from 'node:http2'
import net, { type AddressInfo, type Socket } from 'node:net'
import { pushAll, type Rig, rig, spans } from './rig'

const FAST = { OTEL_BSP_EXPORT_TIMEOUT: '1500' }

/** Four spans, and what came of them. */
export async function send(env: Record<string, string>): Promise<Rig> {
  const result = rig({ ...FAST, ...env })
  pushAll(result.exporter, spans(4))
  await result.exporter.flush()
  return result
}

export async function listen(server: net.Server | http2.Http2Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A server of bare sockets: what it does with the first bytes of each connection. */
export async function bare(
  onData: (socket: Socket, call: number) => void,
): Promise<{ port: number; calls(): number; close(): void }> {
  const sockets = new Set<Socket>()
  let calls = 0
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => onData(socket, ++calls))
  })
  const port = await listen(server)
  return {
    port,
    calls: () => calls,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
