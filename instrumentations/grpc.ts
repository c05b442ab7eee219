/**
 * gRPC for Node.js (@grpc/grpc-js): which file of the package is patched by what.
 *
 * The files are inner ones, each patched as soon as it is evaluated and before the next one loads: client.js calls
 * client-interceptors.js through its exports, and make-client.js copies what client.js defines.
 */
import type { Tools } from '../src/instrumentation'
import { patchCalls, patchClient } from './grpc-client'
import { patchServer } from './grpc-server'

export function patch(loaded: any, tools: Tools, file: string): void {
  if (file === 'build/src/client-interceptors.js') patchCalls(loaded, tools)
  else if (file === 'build/src/client.js') patchClient(loaded, tools)
  else if (file === 'build/src/server.js') patchServer(loaded, tools)
}
