/**
 * The other side of the programs under test: an HTTP, HTTPS and socket server, untraced, that does what clients fear and
 * remembers what reached it.
 */
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT_FOLDER } from './agent'

export interface SeenRequest {
  method: string
  url: string
  headers: http.IncomingHttpHeaders
  /** Names and values in turn, as they stood on the wire. */
  rawHeaders: string[]
}

const TLS_FOLDER = join(ROOT_FOLDER, 'test/kit/tls')
/** A self-signed certificate for localhost and 127.0.0.1. */
export const TLS = {
  keyFile: join(TLS_FOLDER, 'localhost.key'),
  certFile: join(TLS_FOLDER, 'localhost.crt'),
  get key() {
    return readFileSync(this.keyFile, 'utf8')
  },
  get cert() {
    return readFileSync(this.certFile, 'utf8')
  },
}

/** Headers that the agent may add: an echo leaves them out, so that a traced program prints what a bare one prints. */
const PROPAGATION = ['traceparent', 'tracestate', 'baggage']

export async function startPeer(): Promise<Peer> {
  const peer = new Peer()
  await peer.start()
  return peer
}

export class Peer {
  readonly seen: SeenRequest[] = []
  url = ''
  httpsUrl = ''
  /** Nobody listens on that port of loopback. */
  closedPort = 0
  /** Not by the number of the process: what one left behind that was killed would be in the way of a later one. */
  readonly socketPath = join(tmpdir(), `tracing-agent-peer-${randomUUID()}.sock`)
  private readonly servers: http.Server[] = []
  private readonly sockets = new Set<Socket>()

  async start(): Promise<void> {
    const plain = http.createServer({ keepAliveTimeout: 1000 })
    const secure = https.createServer({ key: TLS.key, cert: TLS.cert })
    const unix = http.createServer()
    for (const server of [plain, secure, unix]) this.serve(server as http.Server)
    await listen(plain, 0)
    await listen(secure as http.Server, 0)
    await listen(unix, this.socketPath)
    this.url = `http://127.0.0.1:${(plain.address() as AddressInfo).port}`
    this.httpsUrl = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`
    const closed = createServer()
    await listen(closed, 0)
    this.closedPort = (closed.address() as AddressInfo).port
    await new Promise(done => closed.close(done))
  }

  /** The trace id and span id that reached the peer with its requests, in their order; undefined where none came. */
  get parents(): ({ traceId: string; spanId: string; flags: string } | undefined)[] {
    return this.seen.map(({ headers }) => {
      const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(String(headers['traceparent']))
      return match ? { traceId: match[1]!, spanId: match[2]!, flags: match[3]! } : undefined
    })
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await Promise.all(this.servers.map(server => new Promise(done => server.close(done))))
    rmSync(this.socketPath, { force: true })
  }

  private serve(server: http.Server): void {
    this.servers.push(server)
    const remember = ({ method = '', url = '', headers, rawHeaders }: http.IncomingMessage) =>
      this.seen.push({ method, url, headers, rawHeaders })
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.sockets.delete(socket))
    })
    server.on('request', (request, response) => {
      remember(request)
      answer(request, response).catch(() => response.destroy())
    })
    server.on('checkContinue', (request, response) => {
      response.writeContinue()
      server.emit('request', request, response)
    })
    server.on('connect', (request, socket) => {
      remember(request)
      socket.write('HTTP/1.1 200 Connected\r\n\r\n')
      socket.pipe(socket)
    })
    server.on('upgrade', (request, socket) => {
      remember(request)
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
      socket.pipe(socket)
    })
  }
}

async function listen(server: { listen: Function; once: Function }, where: number | string): Promise<void> {
  if (typeof where === 'number') server.listen(where, '127.0.0.1')
  else server.listen(where)
  await once(server as any, 'listening')
}

/** What each path does; the last segment may be a number: `/status/404`, `/slow/100`, `/bytes/1000`. */
async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const [path = ''] = (request.url ?? '').split('?')
  const [, what, argument] = path.split('/')
  const number = Number(argument)
  switch (what) {
    case 'status':
      response.writeHead(number).end()
      return
    case 'slow':
      await sleep(number)
      response.end('slow')
      return
    case 'bytes':
      response.end(Buffer.alloc(number, 'x'))
      return
    case 'drip':
      for (let i = 0; i < number; i++) {
        response.write(`${i}\n`)
        await sleep(30)
      }
      response.end()
      return
    case 'endless':
      while (!response.destroyed) {
        response.write('x'.repeat(1000))
        await sleep(5)
      }
      return
    case 'break':
      request.socket.destroy()
      return
    case 'truncate':
      response.writeHead(200, { 'content-length': 1000 })
      response.write('only this', () => setTimeout(() => request.socket.destroy(), 20))
      return
    case 'never':
      return
    case 'garbage':
      request.socket.end('HTTP/1.1 2x0 what\r\n\r\n')
      return
    case 'hints':
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.end('hints'))
      return
    case 'headers':
      response.setHeader('x-answer', ['one', 'two'])
      response.end()
      return
    case 'redirect':
      response.writeHead(302, { location: argument ? `/${argument}` : '/final' }).end('moved')
      return
    case 'upload': {
      const hash = createHash('sha256')
      let length = 0
      for await (const chunk of request) {
        hash.update(chunk)
        length += chunk.length
      }
      response.end(JSON.stringify({ length, sha256: hash.digest('hex') }))
      return
    }
    default: {
      let body = ''
      for await (const chunk of request) body += chunk
      const headers = Object.fromEntries(
        Object.entries(request.headers).filter(([name]) => !PROPAGATION.includes(name) && name !== 'host'),
      )
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ method: request.method, url: request.url, headers, body }))
    }
  }
}
