// An OTLP backend as small as it can be: it takes what the agents send (http/json) and keeps it in memory.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const { renderTraces } = createRequire(import.meta.url)('../build/src/export/encodings/console-tree.js')

export class Receiver {
  /** Finished spans of all services. */
  spans = []
  #server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    this.#add(JSON.parse(body))
    response.setHeader('content-type', 'application/json').end('{}')
  })

  /** @returns the value of OTEL_EXPORTER_OTLP_ENDPOINT */
  async start() {
    await new Promise(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${this.#server.address().port}`
  }

  stop() {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  /** All traces as trees, oldest first. */
  render(colours) {
    const spans = this.spans.sort((a, b) => a.startMicros - b.startMicros)
    return renderTraces(spans, { colours }).join('\n')
  }

  #add({ resourceSpans = [] }) {
    for (const { resource, scopeSpans = [] } of resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''
      for (const { spans = [] } of scopeSpans) this.spans.push(...spans.map(span => read(span, service)))
    }
  }
}

function read({ traceId, spanId, parentSpanId = '', name, kind, status, ...span }, service) {
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    // OTLP counts from "unspecified", the API from "internal".
    kind: Math.max(kind - 1, 0),
    startMicros: Number(span.startTimeUnixNano) / 1000,
    endMicros: Number(span.endTimeUnixNano) / 1000,
    attributes: readAttributes(span.attributes),
    events: (span.events ?? []).map(event => ({
      name: event.name,
      timeMicros: Number(event.timeUnixNano) / 1000,
      attributes: readAttributes(event.attributes),
      droppedAttributes: 0,
    })),
    status: { code: status?.code ?? 0, message: status?.message },
    service,
  }
}

/** Keys and values in turn. */
function readAttributes(attributes = []) {
  return attributes.flatMap(({ key, value }) => [key, readValue(value)])
}

function readValue(value) {
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(readValue)
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue)
}
