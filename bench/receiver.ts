/**
 * Takes in what any agent posts and answers success as fast as it can, so that what is measured is the agent. Counts the
 * spans of OTLP messages (protobuf, by their field numbers) and all bytes. `GET /count` tells both as JSON.
 */
import http from 'node:http'
import { gunzipSync } from 'node:zlib'

const counts = { spans: 0, bytes: 0, posts: 0 }

/** Calls `visit` for each length-delimited field with this number in a protobuf message. */
function eachField(bytes: Buffer, number: number, visit: (part: Buffer) => void): void {
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const type = key & 7
    if (type === 2) {
      const end = varint() + at
      if (key >>> 3 === number) visit(bytes.subarray(at, end))
      at = end
    } else if (type === 0) varint()
    else at += type === 1 ? 8 : 4
  }
}

/** ExportTraceServiceRequest.resource_spans = 1, ResourceSpans.scope_spans = 2, ScopeSpans.spans = 2. */
function countSpans(body: Buffer): number {
  let spans = 0
  eachField(body, 1, resource => eachField(resource, 2, scope => eachField(scope, 2, () => spans++)))
  return spans
}

http
  .createServer((request, response) => {
    if (request.url === '/count') {
      response.end(JSON.stringify(counts))
      return
    }
    if (request.url === '/reset') {
      counts.spans = counts.bytes = counts.posts = 0
      response.end()
      return
    }
    if (request.method !== 'POST' && request.method !== 'PUT') {
      response.end('{}')
      return
    }
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const wire = Buffer.concat(chunks)
      counts.posts++
      counts.bytes += wire.length
      if (request.url === '/v1/traces') {
        counts.spans += countSpans(request.headers['content-encoding'] === 'gzip' ? gunzipSync(wire) : wire)
      }
      response.end(request.url === '/v1/traces' ? undefined : '{}')
    })
  })
  .listen(0, '127.0.0.1', function (this: http.Server) {
    console.log(`port ${(this.address() as { port: number }).port}`)
  })
