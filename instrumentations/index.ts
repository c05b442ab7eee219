import type { InstrumentationRow } from '../src/instrumentation'

/** All instrumentations, in the order in which they are listed for the user. */
export const INSTRUMENTATIONS: readonly InstrumentationRow[] = [
  {
    name: 'grpc',
    module: '@grpc/grpc-js',
    versions: ['1.0.0', '2.0.0'],
    files: ['build/src/client-interceptors.js', 'build/src/client.js', 'build/src/server.js'],
    doc: 'gRPC calls made and served with @grpc/grpc-js, of all four kinds.',
    load: () => require('./grpc'),
  },
]
