/** A server under load, and a backend that counts. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type AgentResult, type Running, startAgent } from '../kit/agent'
import { startCollector } from '../kit/collector'
import { decodeProtobuf } from '../kit/otlp'

/** Counts spans and forgets them. */
export class Backend {
  readonly ids = new Set<string>()
  spans = 0
  port = 0
  private server: http.Server | undefined
  private readonly sockets = new Set<Socket>()

  /** @param keepsIds to see whether a span came twice */
  constructor(private readonly keepsIds = false) {}

  async open(): Promise<void> {
    const server = http.createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      for (const { spanId } of decodeProtobuf(Buffer.concat(chunks))) {
        this.spans++
        if (this.keepsIds) this.ids.add(spanId)
      }
      response.setHeader('content-type', 'application/x-protobuf')
      response.end()
    })
    server.on('connection', socket => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    this.port = (server.address() as AddressInfo).port
    this.server = server
  }

  /** As a backend that is stopped: what it has got it answers, and then nobody listens. */
  async close(): Promise<void> {
    const { server } = this
    this.server = undefined
    if (server === undefined) return
    const closed = new Promise(done => server.close(done))
    server.closeIdleConnections()
    setTimeout(() => {
      for (const socket of this.sockets) socket.destroy()
    }, 200).unref()
    await closed
  }
}

export interface Ended {
  served: number
  finished: number
  sent: number
  lost: number
  stderr: string
}

/** The program of test/fixtures/load under the agent. */
export class Server {
  port = 0
  private constructor(private readonly running: Running<AgentResult>) {}

  static async start(backend: Backend, env: Record<string, string> = {}): Promise<Server> {
    const collector = await startCollector()
    const running = await startAgent('fixtures/load/server.cjs', {
      keepInput: true,
      coverage: false,
      nodeArgs: ['--expose-gc'],
      collector,
      timeoutMs: 900_000,
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${backend.port}`,
        OTEL_LOG_LEVEL: 'info',
        OTEL_BSP_SCHEDULE_DELAY: '200',
        ...env,
      },
    })
    await collector.close()
    const server = new Server(running)
    server.port = Number(/listening (\d+)/.exec(await running.output(/listening \d+/))![1])
    return server
  }

  get(path: string, agent?: http.Agent): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port: this.port, path, agent: agent ?? false }, response => {
        let text = ''
        response.on('data', chunk => {
          text += chunk
        })
        response.on('end', () => resolve(text))
      })
      request.on('error', reject)
    })
  }

  async heapBytes(): Promise<number> {
    return Number(await this.get('/heap'))
  }

  /** As many requests as it serves, over 20 connections. @returns requests in a second */
  async load({ ms = Infinity, requests = Infinity }: { ms?: number; requests?: number }): Promise<number> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 })
    const started = performance.now()
    let done = 0
    let begun = 0
    const client = async () => {
      while (begun < requests && performance.now() - started < ms) {
        begun++
        await this.get('/', agent)
        done++
      }
    }
    await Promise.all(Array.from({ length: 20 }, client))
    agent.destroy()
    return (done * 1000) / (performance.now() - started)
  }

  /** Lets it end and reads what it says about its spans. */
  async end(): Promise<Ended> {
    this.running.endInput()
    const { stdout, stderr } = await this.running.finished
    const [, finished, sent] = /of (\d+) finished spans (\d+) sent/.exec(stderr) ?? []
    const lost = /, (\d+) lost/.exec(stderr)?.[1] ?? (/none lost/.test(stderr) ? '0' : 'NaN')
    return {
      served: Number(/served (\d+)/.exec(stdout)?.[1]),
      finished: Number(finished),
      sent: Number(sent),
      lost: Number(lost),
      stderr,
    }
  }
}
