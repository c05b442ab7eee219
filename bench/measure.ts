/** One run of one program under one agent. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentRow } from './agents'
import type { Case } from './cases'
import { Child, MEASURED_CORE, OTHER_CORE } from './child'
import type { LoadCommand, LoadResult } from './load'
import { PROGRAMS, ROOT } from './place'
import { scratchOf } from './scratch'

/** Longest wait for spans that are still in a queue. */
const FLUSH_MS = 7000
/** All agents send what they have every two seconds at least. */
const QUIET_MS = 2400

export interface Sample {
  /** Of the measured process, export included. */
  cpuMicrosPerRequest: number
  perSecond: number
  p50Micros: number
  p99Micros: number
  memoryMb: number
  spansPerRequest: number
  bytesPerSpan: number
  failed: number
}

/** The processes beside the measured one: receiver, load, and the server that programs call. */
export class Bench {
  private constructor(
    private readonly receiver: Child,
    private readonly load: Child,
    private readonly backend: Child,
    private readonly grpcBackend: Child,
    private readonly ports: { receiver: string; backend: string; grpc: string },
  ) {}

  static async start(): Promise<Bench> {
    const receiver = new Child(OTHER_CORE, [`${ROOT}/build/bench/receiver.js`])
    const load = new Child(OTHER_CORE, [`${ROOT}/build/bench/load.js`])
    const backend = new Child(OTHER_CORE, [`${PROGRAMS}/plain.cjs`])
    const grpcBackend = new Child(OTHER_CORE, [`${PROGRAMS}/grpc-server.cjs`])
    await load.line('port ')
    const ports = {
      receiver: await receiver.line('port '),
      backend: await backend.line('port '),
      grpc: await grpcBackend.line('port '),
    }
    return new Bench(receiver, load, backend, grpcBackend, ports)
  }

  async stop(): Promise<void> {
    await Promise.all([this.receiver, this.load, this.backend, this.grpcBackend].map(child => child.stop()))
  }

  /** @param perSecond a fixed load, for latencies; left out: as much as it bears */
  async measure(of: Case, agent: AgentRow, perSecond?: number): Promise<Sample> {
    const [sample] = await this.measureAfter([of.warmUp], of, agent, perSecond)
    return sample!
  }

  /**
   * Several samples of one run.
   *
   * @param requests how many the program has answered when each begins
   */
  async measureAfter(requests: readonly number[], of: Case, agent: AgentRow, perSecond?: number): Promise<Sample[]> {
    const receiverUrl = `http://127.0.0.1:${this.ports.receiver}`
    const folder = scratchOf(agent)
    const env = {
      ...agent.env(receiverUrl),
      BENCH_BACKEND: `http://127.0.0.1:${this.ports.backend}`,
      BENCH_GRPC: `127.0.0.1:${this.ports.grpc}`,
    }
    const program = new Child(
      MEASURED_CORE,
      [...agent.flags(folder), `${PROGRAMS}/${of.program}`],
      { ...env, ...of.env },
      ROOT,
    )
    const samples: Sample[] = []
    let caller: Child | undefined
    try {
      const port = Number(await program.line('port '))
      // One connection from the warm-up on: from the first full collection on its table of streams makes those of the
      // young generation many times dearer, and a fresh connection would begin without that.
      if (of.drive === 'grpc') {
        caller = new Child(OTHER_CORE, [`${PROGRAMS}/grpc-client.cjs`], { BENCH_GRPC: `127.0.0.1:${port}` }, ROOT)
        await caller.line('port ')
      }
      let answered = 0
      for (const before of requests) {
        if (before > answered) await this.drive(of, caller ?? program, port, before - answered)
        await sleep(300)
        await this.settle(0)
        await fetch(`${receiverUrl}/reset`)
        const cpuBefore = program.cpuMicros()
        const result = await this.drive(of, caller ?? program, port, of.requests, perSecond)
        // The bare program as well: what Node does while it is idle counts for all.
        await this.settle(of.requests)
        const cpuMicros = program.cpuMicros() - cpuBefore
        const counts = (await (await fetch(`${receiverUrl}/count`)).json()) as { spans: number; bytes: number }
        samples.push({
          ...result,
          cpuMicrosPerRequest: cpuMicros / of.requests,
          memoryMb: program.memoryMb(),
          spansPerRequest: counts.spans / of.requests,
          bytesPerSpan: counts.spans === 0 ? 0 : counts.bytes / counts.spans,
        })
        answered = before + of.requests
      }
      return samples
    } finally {
      await caller?.stop()
      await program.stop()
    }
  }

  /** @param driver takes lines "go N", in the cases that are driven so */
  private async drive(
    of: Case,
    driver: Child,
    port: number,
    requests: number,
    perSecond?: number,
  ): Promise<LoadResult> {
    if (of.drive === undefined) {
      const command: LoadCommand = {
        port,
        path: of.path,
        requests,
        connections: of.connections,
        perSecond,
        paths: of.paths,
      }
      this.load.write(JSON.stringify(command))
      return JSON.parse(await this.load.line('{').then(rest => `{${rest}`)) as LoadResult
    }
    const start = performance.now()
    driver.write(`go ${requests}`)
    await driver.line('done')
    const seconds = (performance.now() - start) / 1000
    return { seconds, perSecond: requests / seconds, p50Micros: 0, p99Micros: 0, failed: 0 }
  }

  /** Waits until the receiver has got nothing new for a while: what is queued belongs to the cost. */
  private async settle(requests: number): Promise<void> {
    const url = `http://127.0.0.1:${this.ports.receiver}/count`
    const deadline = Date.now() + FLUSH_MS
    let last = -1
    let quietSince = Date.now()
    while (Date.now() < deadline) {
      const { bytes } = (await (await fetch(url)).json()) as { bytes: number }
      if (bytes !== last) quietSince = Date.now()
      last = bytes
      if (requests === 0 && Date.now() - quietSince > 500) return
      if (Date.now() - quietSince > QUIET_MS) return
      await sleep(200)
    }
  }
}
