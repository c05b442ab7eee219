/** A sampling service for tests, and the clocks and timers of the samplers that ask it. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SamplerParts } from '../../src/sampling/index'
import { TLS } from '../kit/peer'

export interface Asked {
  method: string
  url: string
  headers: Record<string, unknown>
  body: string
}

/** An answer: JSON with status 200, or status and text. */
export type Answer = object | [status: number, text: string] | 'hang' | 'reset'

export class FakeService {
  readonly asked: Asked[] = []
  answer: (request: Asked) => Answer = () => [404, '']
  private waiting: { count: number; done: () => void }[] = []

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param secure with TLS and a certificate that nobody knows */
  static async start(secure = false): Promise<FakeService> {
    let service: FakeService | undefined
    const onRequest: RequestListener = (request, response) => {
      let body = ''
      request.setEncoding('utf8')
      request.on('data', text => {
        body += text
      })
      request.on('end', () => {
        const asked = { method: request.method!, url: request.url!, headers: request.headers, body }
        service!.asked.push(asked)
        const answer = service!.answer(asked)
        if (answer === 'reset') request.socket.destroy()
        else if (Array.isArray(answer)) response.writeHead(answer[0]).end(answer[1])
        else if (answer !== 'hang')
          response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
        service!.notify()
      })
    }
    const server = secure ? createSecureServer({ key: TLS.key, cert: TLS.cert }, onRequest) : createServer(onRequest)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    service = new FakeService(server, (server.address() as AddressInfo).port)
    return service
  }

  /** Resolves when so many requests came in all. */
  async heard(count: number): Promise<void> {
    if (this.asked.length < count) await new Promise<void>(done => void this.waiting.push({ count, done }))
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise(resolve => this.server.close(resolve))
  }

  private notify(): void {
    for (const { count, done } of this.waiting) if (this.asked.length >= count) done()
  }
}

/** Time that goes on when the test says so. */
export class FakeTime {
  nowMs = 1_700_000_000_000
  readonly timers: { ms: number; work: () => void; stopped: boolean }[] = []

  readonly parts: Pick<SamplerParts, 'nowMs' | 'wallMs' | 'every'> = {
    nowMs: () => this.nowMs,
    wallMs: () => this.nowMs,
    every: (ms, work) => {
      const timer = { ms, work, stopped: false }
      this.timers.push(timer)
      return () => {
        timer.stopped = true
      }
    },
  }
}

/** Waits until `condition` holds, for what happens just after an answer was sent. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 5000
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(`never happened: ${condition}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}
