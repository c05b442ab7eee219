import type { InstrumentationRow } from '../src/instrumentation'

/** All instrumentations, in the order in which they are listed for the user. */
export const INSTRUMENTATIONS: readonly InstrumentationRow[] = [
  {
    name: 'http',
    module: 'http',
    builtin: true,
    // The last one of node:_http_server, after all that is patched of the server; https loads that before its client.
    channel: 'http.server.response.finish',
    doc: 'Requests over HTTP/1 made and served with the builtin modules http and https, WebSocket handshakes and CONNECT included.',
    load: () => require('./http'),
  },
  {
    name: 'undici',
    module: 'diagnostics_channel',
    builtin: true,
    doc: 'Requests of the builtin fetch and of the package undici from version 5 on, each redirect and retry by itself.',
    load: () => require('./undici-start'),
  },
  {
    name: 'grpc',
    module: '@grpc/grpc-js',
    versions: ['1.0.0', '2.0.0'],
    files: ['build/src/client-interceptors.js', 'build/src/client.js', 'build/src/server.js'],
    doc: 'gRPC calls made and served with @grpc/grpc-js, of all four kinds.',
    load: () => require('./grpc'),
  },
  {
    name: 'express',
    module: 'express',
    versions: ['4.6.0', '6.0.0'],
    files: ['lib/router/layer.js', 'lib/router/index.js'],
    doc: 'Routes of Express 4 in http.route, and spans of its handlers, routers and middleware.',
    load: () => require('./express'),
  },
  {
    name: 'express',
    module: 'router',
    versions: ['2.0.0', '3.0.0'],
    files: ['lib/layer.js', 'index.js'],
    doc: 'The same for Express 5, whose routes and layers are in the package router.',
    load: () => require('./express'),
  },
]
