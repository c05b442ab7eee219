import type { HttpClient } from '../net/http-client'

/** A sampling service answers at once or not at all; the next try comes soon. */
const TIMEOUT_MS = 5000

/** Asks a sampling service: untraced, with a connection that keeps no process alive. */
export class SamplingService {
  private readonly client: HttpClient

  constructor(origin: URL) {
    const { HttpClient } = require('../net/http-client') as typeof import('../net/http-client')
    this.client = new HttpClient(origin, TIMEOUT_MS)
  }

  /**
   * @param message JSON for a POST; undefined for a GET
   * @returns the JSON of the answer; rejects with a message for the user
   */
  async ask(path: string, message?: string): Promise<unknown> {
    const accept = 'application/json'
    const { answer, body } =
      message === undefined
        ? await this.client.ask('GET', path, { accept })
        : await this.client.ask('POST', path, { accept, 'content-type': accept }, message)
    if (answer.code !== 200) throw new Error(`answered ${answer.code} ${answer.words}`.trimEnd())
    try {
      return JSON.parse(String(body))
    } catch {
      throw new Error('answered with something that is not JSON')
    }
  }

  /** Ends the questions under way; their promises reject. */
  close(): void {
    this.client.close()
  }
}
