/** The exporter `otlp` over its three protocols. */
import { type Backend, type Behaviour, describeExporter } from '../conformance/exporter'
import { type Answer, type Protocol, startCollector } from '../kit/collector'

async function start(protocol: Protocol): Promise<Backend> {
  const collector = await startCollector({ grpc: protocol === 'grpc' })
  const grpc = protocol === 'grpc'
  const accepted: string[] = []
  let taken = 0
  const answers: Record<Behaviour, Answer> = {
    accepts: {},
    'is busy': grpc ? { grpcStatus: 14, message: 'no room' } : { status: 503, message: 'no room' },
    refuses: grpc ? { grpcStatus: 3, message: 'bad field' } : { status: 400, message: 'bad field' },
    hangs: { hang: true },
    'breaks off': { reset: true },
    'talks nonsense': { body: '<html>It works!</html>', headers: { 'content-type': 'text/html' } },
  }
  const collect = () => {
    for (; taken < collector.requests.length; taken++) {
      const { answer, spans } = collector.requests[taken]!
      const refused = (answer.status ?? 200) !== 200 || (answer.grpcStatus ?? 0) !== 0
      if (!refused && !answer.hang && !answer.reset) accepted.push(...spans.map(({ spanId }) => spanId))
    }
  }
  return {
    env: { OTEL_EXPORTER: 'otlp', ...collector.env(protocol) },
    accepted() {
      collect()
      return [...accepted]
    },
    behave: how => collector.answerAlways(answers[how]),
    async close() {
      await collector.takeAll()
      await collector.close()
    },
  }
}

for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
  describeExporter({
    name: `otlp over ${protocol}`,
    start: () => start(protocol),
    nowhere: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' },
    variable: /OTEL_EXPORTER_OTLP_ENDPOINT/,
    skips:
      protocol === 'grpc'
        ? { 'breaks off': 'tested with bare sockets', 'talks nonsense': 'tested with bare sockets' }
        : {},
  })
}
