/** Waits for the first request of undici: what traces it is loaded only then. */
import type { Tools } from '../src/instrumentation'
import type { UndiciClient } from './undici'
import type { UndiciRequest } from './undici-request'

export function watch(subscribe: Tools['subscribe'], tools: () => Tools): void {
  let client: UndiciClient | undefined
  subscribe('undici:request:create', ({ request }: { request: UndiciRequest }) => {
    client ??= createClient(tools())
    client.onCreate(request)
  })
}

function createClient(tools: Tools): UndiciClient {
  const { UndiciClient } = require('./undici') as typeof import('./undici')
  const client = new UndiciClient(tools)
  client.subscribe()
  return client
}
