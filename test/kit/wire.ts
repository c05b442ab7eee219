/** A proxy for TCP that remembers every byte that passes, in both directions. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** The bytes of one connection, as latin1. */
export interface Conversation {
  sent: string
  received: string
}

export interface Wire {
  readonly url: string
  readonly port: number
  readonly conversations: Conversation[]
  close(): Promise<void>
}

/** @param port of loopback, where the bytes go */
export async function recordWire(port: number): Promise<Wire> {
  const conversations: Conversation[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, near => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const conversation: Conversation = { sent: '', received: '' }
    conversations.push(conversation)
    pass(near, far, text => {
      conversation.sent += text
    })
    pass(far, near, text => {
      conversation.received += text
    })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('close', () => sockets.delete(socket))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: own } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${own}`,
    port: own,
    conversations,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(done => server.close(done))
    },
  }
}

function pass(from: Socket, to: Socket, note: (text: string) => void): void {
  from.on('data', chunk => {
    note(chunk.toString('latin1'))
    to.write(chunk)
  })
  from.on('end', () => to.end())
  from.on('error', () => to.destroy())
  from.on('close', hadError => {
    if (hadError) to.resetAndDestroy()
    else to.destroySoon()
  })
}

/** Sends bytes to a server and collects what it answers, until it closes the connection or the time is over. */
export async function talk(port: number, pieces: readonly string[], untilMs: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let reply = ''
  socket.setEncoding('latin1').on('data', data => {
    reply += data
  })
  const closed = new Promise<void>(done => {
    socket.on('close', () => done())
    socket.on('error', () => done())
  })
  const timer = setTimeout(() => socket.destroy(), untilMs)
  for (const piece of pieces) {
    socket.write(piece, 'latin1')
    await new Promise(done => setTimeout(done, 10))
  }
  await closed
  clearTimeout(timer)
  return reply
}
