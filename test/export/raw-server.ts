/** A server of bare sockets that knows where a request ends, and writes whatever a test says. */
import net, { type AddressInfo, type Socket } from 'node:net'

export interface RawRequest {
  /** The lines of the head as they came. */
  readonly head: string[]
  readonly body: Buffer
  /** Of the server, from 1. */
  readonly serial: number
  /** Of its connection, from 1. */
  readonly connection: number
  /** Events of the socket that it took. */
  readonly pieces: number
}

export type OnRequest = (socket: Socket, request: RawRequest) => void

export class RawServer {
  readonly requests: RawRequest[] = []
  /** Connections, in the order in which they were made. */
  readonly sockets: Socket[] = []
  private readonly server: net.Server

  private constructor(private readonly onRequest: OnRequest) {
    this.server = net.createServer(socket => this.accept(socket))
  }

  static async start(onRequest: OnRequest): Promise<RawServer> {
    const server = new RawServer(onRequest)
    await new Promise<void>(resolve => server.server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }

  private accept(socket: Socket): void {
    const connection = this.sockets.push(socket)
    socket.on('error', () => {})
    let bytes = Buffer.alloc(0)
    let pieces = 0
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
      pieces++
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = bytes.toString('latin1', 0, end).split('\r\n')
      const length = Number(head.find(line => /^content-length:/i.test(line))?.split(':')[1] ?? 0)
      if (bytes.length < end + 4 + length) return
      const body = bytes.subarray(end + 4, end + 4 + length)
      bytes = bytes.subarray(end + 4 + length)
      const request = { head, body, serial: this.requests.length + 1, connection, pieces }
      pieces = 0
      this.requests.push(request)
      this.onRequest(socket, request)
    })
  }
}
