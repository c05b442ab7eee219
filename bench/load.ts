/**
 * Puts load on an HTTP server over kept connections, with as little work of its own as may be: prepared requests on plain
 * sockets, answers told apart by their length. Driven by lines of JSON on standard input, answers with lines of JSON.
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface LoadCommand {
  port: number
  path: string
  /** How many numbers stand for `{n}` in the path, in turn. */
  paths?: number
  requests: number
  connections: number
  /**
   * Requests a second, at equal distances, started at their time whether or not earlier ones were answered. Left out: as
   * fast as may be.
   */
  perSecond?: number
}

export interface LoadResult {
  seconds: number
  perSecond: number
  p50Micros: number
  /**
   * At a given rate the median over the seconds of the run: a pause of the machine is in one of them. Left out is what was under
   * way while this process did not run, because the receiver of spans had the core: that is not the program's.
   */
  p99Micros: number
  failed: number
}

/** Between two turns of the event loop with nothing to do there are some microseconds. */
const PAUSE_MS = 0.3

/** Knows when this process was kept from running while it had nothing else to do. */
class PauseWatch {
  /** The time at which the last work ended. */
  private idleSince = performance.now()

  /** Work begins. @returns milliseconds of a pause before it, or 0 */
  begin(): number {
    const pauseMs = performance.now() - this.idleSince
    return pauseMs > PAUSE_MS ? pauseMs : 0
  }

  end(): void {
    this.idleSince = performance.now()
  }
}

class Connection {
  /** How long the answer took cannot be told. */
  isSpoilt = false
  private startedAt = 0
  private left = 0
  private buffer = ''
  busy = false

  constructor(
    private readonly socket: Socket,
    private readonly nextRequest: () => Buffer,
    private readonly onAnswer: (micros: number, ok: boolean, connection: Connection) => void,
    onData: (read: () => void) => void,
  ) {
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: unknown) => onData(() => this.read(chunk as string)))
    socket.on('error', () => this.onAnswer(0, false, this))
  }

  /** @param dueAt when the request should have started: waiting for a free connection counts as latency */
  send(dueAt = performance.now()): void {
    this.busy = true
    this.isSpoilt = false
    this.startedAt = dueAt
    this.socket.write(this.nextRequest())
  }

  close(): void {
    this.socket.destroy()
  }

  private read(chunk: string): void {
    if (this.left === 0) {
      this.buffer += chunk
      const end = this.buffer.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = /content-length: (\d+)/i.exec(this.buffer)
      if (length === null) throw new Error(`no content-length in ${this.buffer}`)
      this.left = end + 4 + Number(length[1]) - this.buffer.length
      this.buffer = ''
    } else this.left -= chunk.length
    if (this.left > 0) return
    this.left = 0
    this.busy = false
    this.onAnswer((performance.now() - this.startedAt) * 1000, true, this)
  }
}

/** @param latencies in the order of the requests @returns the median of what each part of that many requests had */
function percentile(latencies: Float64Array, share: number, part: number): number {
  const parts: number[] = []
  const length = Math.min(part, latencies.length)
  for (let from = 0; from + length <= latencies.length; from += length) {
    const sorted = latencies.slice(from, from + length).sort()
    parts.push(sorted[Math.floor(length * share)]!)
  }
  parts.sort((a, b) => a - b)
  return parts[parts.length >> 1]!
}

function run({ port, path, paths = 1, requests, connections, perSecond }: LoadCommand): Promise<LoadResult> {
  return new Promise(resolve => {
    const prepared = Array.from({ length: paths }, (_, n) =>
      Buffer.from(
        `GET ${path.replace('{n}', String(n))} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nuser-agent: bench\r\n\r\n`,
      ),
    )
    let turn = 0
    const nextRequest = () => prepared[turn++ % paths]!
    const latencies = new Float64Array(requests)
    let measured = 0
    let sent = 0
    let done = 0
    let failed = 0
    const waiting: number[] = []
    const idle: Connection[] = []
    const all: Connection[] = []
    let startedAt = performance.now()
    const second = perSecond === undefined ? requests : Math.floor(perSecond)

    const finish = () => {
      for (const connection of all) connection.close()
      const seconds = (performance.now() - startedAt) / 1000
      resolve({
        seconds,
        perSecond: requests / seconds,
        p50Micros: percentile(latencies.subarray(0, measured), 0.5, second),
        p99Micros: percentile(latencies.subarray(0, measured), 0.99, second),
        failed,
      })
    }
    const onAnswer = (micros: number, ok: boolean, connection: Connection) => {
      if (!ok) failed++
      if (!connection.isSpoilt) latencies[measured++] = micros
      if (++done === requests) finish()
      else if (perSecond === undefined) {
        if (sent < requests) {
          sent++
          connection.send()
        }
      } else if (waiting.length > 0) connection.send(waiting.shift())
      else idle.push(connection)
    }
    const watch = new PauseWatch()
    const work = (act: () => void) => {
      const pauseMs = watch.begin()
      if (pauseMs > 0) {
        for (const connection of all) connection.isSpoilt = connection.busy
        // What was due meanwhile is not made up for: nobody would send so many at once.
        startedAt += pauseMs
        for (let i = 0; i < waiting.length; i++) waiting[i]! += pauseMs
      }
      act()
      watch.end()
    }
    const onData = perSecond === undefined ? (read: () => void) => read() : work
    for (let i = 0; i < connections; i++) {
      all.push(new Connection(connect(port, '127.0.0.1'), nextRequest, onAnswer, onData))
    }
    if (perSecond === undefined) {
      for (const connection of all.slice(0, requests)) {
        sent++
        connection.send()
      }
      return
    }
    idle.push(...all)
    // It turns without a rest: a timer would start the requests of a whole millisecond at once.
    const send = () => {
      const now = performance.now()
      for (; sent < requests && startedAt + (sent * 1000) / perSecond <= now; sent++) {
        const dueAt = startedAt + (sent * 1000) / perSecond
        const connection = idle.pop()
        if (connection === undefined) waiting.push(dueAt)
        else connection.send(dueAt)
      }
    }
    const tick = () => {
      work(send)
      if (done < requests) setImmediate(tick)
    }
    tick()
  })
}

createInterface({ input: process.stdin }).on('line', line => {
  run(JSON.parse(line) as LoadCommand).then(result => console.log(JSON.stringify(result)))
})
console.log('port 0')
