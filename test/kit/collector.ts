/** An OTLP backend on loopback, whose answers a test chooses. It fails a test that leaves a span unread. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import * as grpc from '@grpc/grpc-js'
import type { PartialSuccess, ReceivedSpan } from './otlp'
import { decodeJson, decodeProtobuf, encodeErrorBody, encodeReply, encodeRetryInfo } from './otlp'

export type { ReceivedSpan } from './otlp'
export type Protocol = 'http/protobuf' | 'http/json' | 'grpc'

/** What the next request gets. Left out: 200, or gRPC status OK. */
export interface Answer {
  /** HTTP status. */
  status?: number
  /** gRPC status code. */
  grpcStatus?: number
  /** Words in the error body (google.rpc.Status) or the gRPC details. */
  message?: string
  /** A body as it is, instead of a protocol message. */
  body?: string | Uint8Array
  headers?: http.OutgoingHttpHeaders
  /** Seconds or a date, as it stands in the header. */
  retryAfter?: string
  /** gRPC: RetryInfo in the status details. */
  retryDelayMs?: number
  partialSuccess?: PartialSuccess
  /** Answers that late. */
  delayMs?: number
  /** Never answers and keeps the connection. */
  hang?: boolean
  /** Breaks the connection: with a TCP reset, at once (`true`) or in the middle of the answer's body (`'mid-body'`). */
  reset?: boolean | 'mid-body'
}

export interface ReceivedRequest {
  protocol: Protocol
  path: string
  headers: http.IncomingHttpHeaders
  /** The body after decompression. */
  body: Buffer
  /** Bytes on the wire. */
  wireBytes: number
  spans: ReceivedSpan[]
  answer: Answer
  atMs: number
}

export interface CollectorOptions {
  /** Opens the gRPC port as well. */
  grpc?: boolean
  /** HTTPS, and TLS on the gRPC port. */
  tls?: { key: string | Buffer; cert: string | Buffer; ca?: string | Buffer; requestCert?: boolean }
  /** A fixed port for HTTP, to come back where another collector was. */
  port?: number
}

const live = new Set<Collector>()

export async function startCollector(options: CollectorOptions = {}): Promise<Collector> {
  const collector = new Collector(options)
  await collector.start()
  live.add(collector)
  return collector
}

export class Collector {
  /** Every request, whatever it was answered. */
  readonly requests: ReceivedRequest[] = []
  /** Messages that broke the protocol. */
  readonly faults: string[] = []
  httpPort = 0
  grpcPort = 0
  private readonly unread: ReceivedSpan[] = []
  private readonly planned: Answer[] = []
  private always: Answer = {}
  private inHand = 0
  private readonly sockets = new Set<Socket>()
  private readonly server: http.Server
  private grpcServer: grpc.Server | undefined

  constructor(private readonly options: CollectorOptions) {
    const listener = (request: http.IncomingMessage, response: http.ServerResponse) => this.onRequest(request, response)
    this.server = options.tls
      ? https.createServer({ ...options.tls, rejectUnauthorized: options.tls.requestCert ?? false }, listener)
      : http.createServer(listener)
    this.server.on('connection', socket => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  async start(): Promise<void> {
    this.server.listen(this.options.port ?? 0, '127.0.0.1')
    await once(this.server, 'listening')
    this.httpPort = (this.server.address() as AddressInfo).port
    if (this.options.grpc) await this.startGrpc()
  }

  /** The value of OTEL_EXPORTER_OTLP_ENDPOINT. */
  get httpUrl(): string {
    return `${this.options.tls ? 'https' : 'http'}://127.0.0.1:${this.httpPort}`
  }

  get grpcUrl(): string {
    assert.ok(this.grpcServer, 'startCollector({ grpc: true }) opens the gRPC port')
    return `${this.options.tls ? 'https' : 'http'}://127.0.0.1:${this.grpcPort}`
  }

  /** The variables that point an agent here. */
  env(protocol: Protocol = 'http/protobuf'): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: protocol === 'grpc' ? this.grpcUrl : this.httpUrl,
    }
  }

  /** The next requests get these, one each; the ones after them are accepted. */
  answer(...answers: Answer[]): void {
    this.planned.push(...answers)
  }

  /** Every request without a planned answer gets this one. */
  answerAlways(answer: Answer): void {
    this.always = answer
  }

  /**
   * The first `count` accepted spans that nobody took yet, by start time; waits for them.
   * @throws if they did not come in time: the message lists those that did
   */
  async take(count: number, timeoutMs = 20_000): Promise<ReceivedSpan[]> {
    const deadline = Date.now() + timeoutMs
    while (this.unread.length < count) {
      if (Date.now() > deadline) {
        assert.fail(`${count} spans expected within ${timeoutMs} ms, ${this.unread.length} came${list(this.unread)}`)
      }
      await sleep(5)
    }
    return byStart(this.unread.splice(0, count))
  }

  /** All accepted spans that nobody took yet, once no request is under way. */
  async takeAll(): Promise<ReceivedSpan[]> {
    while (this.inHand > 0) await sleep(5)
    return byStart(this.unread.splice(0))
  }

  /** Waits until that many requests came, accepted or not. */
  async waitForRequests(count: number, timeoutMs = 5000): Promise<ReceivedRequest[]> {
    const deadline = Date.now() + timeoutMs
    while (this.requests.length < count) {
      if (Date.now() > deadline) assert.fail(`${count} requests expected, ${this.requests.length} came`)
      await sleep(5)
    }
    return this.requests
  }

  assertNoneLeft(): void {
    const left = this.unread.splice(0)
    assert.equal(left.length, 0, `spans that nobody expected${list(left)}`)
    assert.deepEqual(this.faults.splice(0), [], 'messages that break OTLP')
  }

  async close(): Promise<void> {
    live.delete(this)
    for (const socket of this.sockets) socket.destroy()
    this.grpcServer?.forceShutdown()
    if (this.server.listening) await new Promise(done => this.server.close(done))
    this.assertNoneLeft()
  }

  private async onRequest(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.inHand++
    try {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      await this.accept(request, response, Buffer.concat(chunks))
    } catch (error) {
      // The client went away in the middle: it will not read an answer.
      if (!request.destroyed) this.faults.push(String(error))
    } finally {
      this.inHand--
    }
  }

  private async accept(request: http.IncomingMessage, response: http.ServerResponse, wire: Buffer): Promise<void> {
    const json = request.headers['content-type'] === 'application/json'
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(wire) : wire
    if (!json && request.headers['content-type'] !== 'application/x-protobuf') {
      this.faults.push(`content-type ${request.headers['content-type']}`)
    }
    if (request.method !== 'POST') this.faults.push(`method ${request.method}`)
    const spans = this.decode(() => (json ? decodeJson(body) : decodeProtobuf(body)))
    const answer = this.planned.shift() ?? this.always
    const { url: path = '', headers } = request
    const protocol = json ? 'http/json' : 'http/protobuf'
    this.requests.push({ protocol, path, headers, body, wireBytes: wire.length, spans, answer, atMs: Date.now() })
    if (answer.delayMs) await sleep(answer.delayMs)
    if (answer.hang) return
    if (answer.reset === true) {
      request.socket.resetAndDestroy()
      return
    }
    const status = answer.status ?? 200
    if (status < 300) this.unread.push(...spans)
    const reply =
      answer.body ?? (status < 300 ? encodeReply(answer.partialSuccess, json) : this.errorBody(answer, json))
    response.writeHead(status, {
      'content-type': json ? 'application/json' : 'application/x-protobuf',
      ...(answer.retryAfter === undefined ? {} : { 'retry-after': answer.retryAfter }),
      ...(answer.reset === 'mid-body' ? { 'content-length': reply.length + 10 } : {}),
      ...answer.headers,
    })
    if (answer.reset === 'mid-body') response.write(reply.length ? reply : 'x', () => request.socket.resetAndDestroy())
    else response.end(reply)
  }

  private errorBody(answer: Answer, json: boolean): Buffer {
    return answer.message === undefined ? Buffer.alloc(0) : encodeErrorBody(answer.message, json)
  }

  private decode(read: () => ReceivedSpan[]): ReceivedSpan[] {
    try {
      return read()
    } catch (error) {
      this.faults.push(String(error))
      return []
    }
  }

  private async startGrpc(): Promise<void> {
    const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 })
    const service = {
      Export: {
        path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
        requestStream: false,
        responseStream: false,
        requestDeserialize: (bytes: Buffer) => bytes,
        requestSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
      },
    }
    server.addService(service, { Export: (call: any, reply: any) => this.onExport(call, reply) })
    const { tls } = this.options
    const credentials = tls
      ? grpc.ServerCredentials.createSsl(
          tls.ca ? Buffer.from(tls.ca) : null,
          [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }],
          tls.requestCert ?? false,
        )
      : grpc.ServerCredentials.createInsecure()
    this.grpcPort = await new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)))
    })
    this.grpcServer = server
  }

  private async onExport(call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>): Promise<void> {
    this.inHand++
    const body = call.request
    const spans = this.decode(() => decodeProtobuf(body))
    const answer = this.planned.shift() ?? this.always
    const headers = call.metadata.getMap() as unknown as http.IncomingHttpHeaders
    const path = call.getPath()
    this.requests.push({
      protocol: 'grpc',
      path,
      headers,
      body,
      wireBytes: body.length,
      spans,
      answer,
      atMs: Date.now(),
    })
    this.inHand--
    if (answer.delayMs) await sleep(answer.delayMs)
    if (answer.hang) return
    const code = answer.grpcStatus ?? 0
    if (code === 0) {
      this.unread.push(...spans)
      reply(null, encodeReply(answer.partialSuccess, false))
      return
    }
    const metadata = new grpc.Metadata()
    const details = answer.message ?? ''
    if (answer.retryDelayMs !== undefined) {
      metadata.set('grpc-status-details-bin', encodeRetryInfo(code, details, answer.retryDelayMs))
    }
    reply({ code, details, metadata })
  }
}

function byStart(spans: ReceivedSpan[]): ReceivedSpan[] {
  return spans.sort((a, b) => a.startMicros - b.startMicros)
}

function list(spans: ReceivedSpan[]): string {
  return spans.map(span => `\n  ${span.kind} ${span.name} ${JSON.stringify(span.attributes)}`).join('')
}

// Registered once for the whole run: no test can forget to look.
if (typeof afterEach === 'function') {
  afterEach('no span is left unread', function () {
    // A test that failed left its spans where it stopped: what comes late to its collector is not the next test's fault.
    if (this.currentTest?.state === 'failed') live.clear()
    for (const collector of live) collector.assertNoneLeft()
  })
}
