import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A port on which connections are neither accepted nor refused: the queue of its listener is full. */
export class SilentPort {
  private readonly fillers: net.Socket[] = []
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async open(): Promise<SilentPort> {
    const program = `const server = require('net').createServer()
      server.listen(0, '127.0.0.1', 1, () => {
        require('fs').writeSync(1, String(server.address().port))
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30000)
      })`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [text] = await once(child.stdout!, 'data')
    const silent = new SilentPort(Number(text), child)
    for (let i = 0; i < 6; i++) silent.fillers.push(net.connect(silent.port, '127.0.0.1').on('error', () => {}))
    await sleep(100)
    return silent
  }

  /** Whether it is silent: systems differ in what they do when the queue is full. */
  async isSilent(): Promise<boolean> {
    const probe = net.connect(this.port, '127.0.0.1').on('error', () => {})
    this.fillers.push(probe)
    const connected = await Promise.race([once(probe, 'connect').then(() => true), sleep(300, false)])
    return !connected && !probe.destroyed
  }

  close(): void {
    for (const socket of this.fillers) socket.destroy()
    this.child.kill('SIGKILL')
  }
}
