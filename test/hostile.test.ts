/** Every parser of what strangers send, with what breaks parsers: it neither throws, nor takes quadratic time, nor keeps much. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readForwarded, splitHost } from '../instrumentations/_http-forwarded'
import { redactPath, redactUrl } from '../instrumentations/_http-semantics'
import { decodeMessage, parseHostPort, parseTarget, parseTimeoutMs } from '../instrumentations/grpc-semantics'
import { headerInLines } from '../instrumentations/undici-request'
import { loadConfig } from '../src/config/load'
import { readError, readReply } from '../src/export/encodings/otlp'
import { globMatches } from '../src/glob'
import { createLog } from '../src/log'
import { PROPAGATOR_NAMES } from '../src/propagation/index'
import { containerId } from '../src/resource/container'
import { parseStrategies } from '../src/sampling/jaeger-strategies'
import { parseRules } from '../src/sampling/rule-language'
import { createSettings } from '../src/settings'
import { ROOT } from '../src/trace/context'
import { getter, type Headers, propagator, setter } from './conformance/propagator'
import { NASTY, REPEATED } from './kit/nasty'

const NO_FILE = { path: '', variables: {} }
const CONFIG = loadConfig({}, {}, NO_FILE).config
const SETTINGS = createSettings({ ...CONFIG, redactQuery: ['token'] })
const LISTS = [
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_PROPAGATORS',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
]

/** A header that the format reads, with whatever value; what was read is written again. */
function passOn(name: (typeof PROPAGATOR_NAMES)[number]) {
  const format = propagator(name)
  const read = [
    ...PROPAGATORS_FIELDS,
    ...format.injectedHeaders,
    'uberctx-a',
    'ot-baggage-a',
    'x-md-global-a',
    'x-md-service-name',
  ]
  return (text: string) => {
    const alone: Headers[] = read.map(header => ({ [header]: text }))
    const carriers: Headers[] = [...alone, Object.fromEntries(read.map(header => [header, [text, text]]))]
    for (const carrier of carriers) {
      const context = format.extract(ROOT, carrier, getter)
      const sent: Headers = {}
      format.inject(context, sent, setter)
      for (const [header, value] of Object.entries(sent)) {
        assert.doesNotMatch(header + String(value), /[\r\n\0]/, `${header}: what came goes on as another header`)
      }
    }
  }
}

const PROPAGATORS_FIELDS = ['traceparent', 'tracestate', 'baggage', 'b3', 'uber-trace-id', 'x-amzn-trace-id']

const PARSERS: Record<string, (text: string) => unknown> = {
  ...Object.fromEntries(PROPAGATOR_NAMES.map(name => [`the headers of ${name}`, passOn(name)])),
  'Forwarded and its kin': text =>
    readForwarded({ forwarded: text, 'x-forwarded-for': text, 'x-forwarded-proto': text, 'x-forwarded-host': text }),
  'a host': splitHost,
  'a URL to redact': text => redactUrl(SETTINGS, text),
  'a path to redact': text => redactPath(SETTINGS, text),
  'a query to redact': text => SETTINGS.redactQuery(text),
  'a gRPC target': parseTarget,
  'a gRPC peer': parseHostPort,
  'grpc-timeout': parseTimeoutMs,
  'grpc-message': decodeMessage,
  'header lines of undici': text => headerInLines(text, 'x-a'),
  'the rules language': parseRules,
  'strategies of Jaeger': text => parseStrategies(json(text)),
  'an answer over OTLP in JSON': text => readReply(Buffer.from(text), 'application/json'),
  'an answer over OTLP in protobuf': text => readReply(Buffer.from(text, 'latin1'), 'application/x-protobuf'),
  'an error over OTLP in JSON': text => readError(Buffer.from(text), 'application/json'),
  'an error over OTLP in protobuf': text => readError(Buffer.from(text, 'latin1'), 'application/x-protobuf'),
  'a container’s files': text => containerId(text, text),
  ...Object.fromEntries(LISTS.map(name => [name, (text: string) => loadConfig({ [name]: text }, {}, NO_FILE)])),
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

describe('a parser of what strangers send', () => {
  for (const [name, parse] of Object.entries(PARSERS)) {
    it(`takes anything: ${name}`, () => {
      for (const text of NASTY) for (const around of ['', 'a=', 'x']) parse(around + text + around)
      const piece = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 20 }))
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 8 }), pieces => void parse(pieces.join(''))),
        { numRuns: 60 },
      )
      assert.equal(({} as any).polluted, undefined)
    })

    it(`takes time in proportion to the length, at most: ${name}`, () => {
      for (const unit of REPEATED) {
        const text = (length: number) => unit.repeat(Math.ceil(length / unit.length))
        const short = text(16 * 1024)
        const long = text(64 * 1024)
        // Four times as long may take four times as long; sixteen times is quadratic. A busy machine is not.
        let ratio = Infinity
        for (let i = 0; i < 5 && ratio > 9; i++) {
          const [before, after] = [timeMs(parse, short), timeMs(parse, long)]
          ratio = Math.min(ratio, after < 4 ? 0 : after / Math.max(before, 0.1))
        }
        assert.ok(ratio <= 9, `${JSON.stringify(unit)}: four times the length takes ${ratio.toFixed(1)} times as long`)
      }
    })
  }

  it('takes no time in proportion to a pattern times a text', () => {
    for (const pattern of ['*a'.repeat(30), '*?'.repeat(30), '**********b']) {
      assert.ok(timeMs(text => globMatches(pattern, text), 'a'.repeat(20_000)) < 200, pattern)
    }
  })

  it('keeps no more of a header of a megabyte than the specification allows', () => {
    for (const header of [
      'traceparent',
      'tracestate',
      'baggage',
      'b3',
      'uber-trace-id',
      'x-amzn-trace-id',
      'uberctx-a',
    ]) {
      for (const unit of ['a', 'a=b,', 'k=%41;p,', ' ']) {
        const format = propagator(PROPAGATOR_NAMES.filter(name => name !== 'none'))
        const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
        const carrier: Headers = { traceparent, [header]: unit.repeat(2 ** 20 / unit.length) }
        const sent: Headers = {}
        format.inject(format.extract(ROOT, carrier, getter), sent, setter)
        const length = Object.values(sent).join('').length
        assert.ok(length < 64 * 1024, `${header} of ${JSON.stringify(unit)}: ${length} characters go on`)
      }
    }
  })
})

describe('a line to the user', () => {
  it('is one line without control characters, whatever a stranger put into it', () => {
    const lines: string[] = []
    const log = createLog('debug', line => void lines.push(line))
    for (const text of NASTY) log.warn(`before ${text} after`)
    for (const text of NASTY) log.debug(`before ${text} after`)
    for (const line of lines) assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    assert.ok(lines.every(line => line.startsWith('tracing-agent: ') && line.endsWith('\n')))
  })
})

function timeMs(parse: (text: string) => unknown, text: string): number {
  const started = performance.now()
  parse(text)
  return performance.now() - started
}
