/** Every parser of what strangers send, with what breaks parsers: it neither throws, nor takes quadratic time, nor keeps much. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { readForwarded, splitHost } from '../instrumentations/_http-forwarded'
import { redactPath, redactUrl } from '../instrumentations/_http-semantics'
import { decodeMessage, parseHostPort, parseTarget, parseTimeoutMs } from '../instrumentations/grpc-semantics'
import { headerInLines } from '../instrumentations/undici-request'
import { readEnvFile } from '../src/config/dotenv'
import { loadConfig } from '../src/config/load'
import { readError, readReply } from '../src/export/encodings/otlp'
import { xrayApi } from '../src/export/encodings/xray'
import { retryInfoMs } from '../src/export/transports/grpc'
import { globMatches } from '../src/glob'
import { createLog } from '../src/log'
import { PROPAGATOR_NAMES } from '../src/propagation/index'
import { containerId } from '../src/resource/container'
import { parseStrategies } from '../src/sampling/jaeger-strategies'
import { readRequest } from '../src/sampling/request'
import { parseRules } from '../src/sampling/rule-language'
import { parseTargets, parseRules as parseXRayRules } from '../src/sampling/xray-api'
import { XRayLocalSampler } from '../src/sampling/xray-local'
import { XRayRule } from '../src/sampling/xray-rule'
import { createSettings } from '../src/settings'
import { ROOT } from '../src/trace/context'
import { CLIENT, INTERNAL, SERVER } from '../src/trace/data'
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

const SILENT = createLog('none')
const FOLDER = mkdtempSync(join(tmpdir(), 'tracing-agent-hostile-'))
const SERVICE = { name: 'service', type: undefined, arn: undefined }

/** A rule of X-Ray all of whose patterns are this text, and a request all of whose parts are. */
function matchXRayRule(text: string): void {
  const texts = Object.fromEntries(
    ['Host', 'HTTPMethod', 'URLPath', 'ServiceName', 'ServiceType', 'ResourceARN'].map(key => [key, text]),
  )
  const rule = { Version: 1, RuleName: text, FixedRate: 1, Priority: 1, ReservoirSize: 1, ...texts }
  for (const Attributes of [{}, { [text]: text }, text, [text]]) {
    for (const record of parseXRayRules({ SamplingRuleRecords: [{ SamplingRule: { ...rule, Attributes } }] })) {
      const list = requestAttributes(text)
      new XRayRule(record).matches(readRequest(SERVER, list), list, { ...SERVICE, name: text })
    }
  }
}

function requestAttributes(text: string): (string | string[])[] {
  const keys = ['http.request.method', 'http.request.method_original', 'url.path', 'url.full', 'server.address']
  return [...keys, 'server.port', 'user_agent.original', 'rpc.method', text].flatMap(key => [key, text])
}

/** A file of settings with this text in the places of a name and of a value, and as the whole of it. */
function readAsEnvFile(text: string): void {
  const path = join(FOLDER, 'hostile.env')
  for (const content of [text, `OTEL_SERVICE_NAME=${text}`, `OTEL_SERVICE_NAME="${text}"\n${text}=1\n`]) {
    writeFileSync(path, content)
    const file = readEnvFile({ TRACING_AGENT_ENV_FILE: path })
    assert.equal(file.problem, undefined)
    loadConfig({}, {}, file)
  }
}

function readAsLocalRules(text: string): void {
  const path = join(FOLDER, 'rules.json')
  const rule = { host: text, http_method: text, url_path: text, fixed_target: 1, rate: 1 }
  const whole = JSON.stringify({ version: 2, default: { fixed_target: 1, rate: 1 }, rules: [rule] })
  for (const content of [text, whole]) {
    writeFileSync(path, content)
    const sampler = XRayLocalSampler.fromFile(path, SILENT, () => 0)
    sampler.shouldSample(undefined, 'a'.repeat(32), text, SERVER, requestAttributes(text))
  }
}

/** What it says of the other side is the only thing that it may throw. */
function unlessRefused(parse: (answer: any) => unknown): (answer: unknown) => void {
  return answer => {
    try {
      parse(answer)
    } catch (error) {
      assert.match((error as Error).message, /^answered without sampling/)
    }
  }
}

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
  'a rule of X-Ray and a request': matchXRayRule,
  'sampling rules of X-Ray': text => unlessRefused(parseXRayRules)(json(text)),
  'sampling targets of X-Ray': text => unlessRefused(parseTargets)(json(text)),
  'local sampling rules of X-Ray': readAsLocalRules,
  'a .env file': readAsEnvFile,
  'the attributes of a request': text => {
    for (const kind of [SERVER, CLIENT, INTERNAL] as const) readRequest(kind, requestAttributes(text))
  },
  'an answer over OTLP in JSON': text => readReply(Buffer.from(text), 'application/json'),
  'an answer over OTLP in protobuf': text => readReply(Buffer.from(text, 'latin1'), 'application/x-protobuf'),
  'an error over OTLP in JSON': text => readError(Buffer.from(text), 'application/json'),
  'an error over OTLP in protobuf': text => readError(Buffer.from(text, 'latin1'), 'application/x-protobuf'),
  'an answer of the API of X-Ray': readAsAnswerOfXRay,
  'the details of a gRPC status': text => {
    retryInfoMs(text)
    retryInfoMs(Buffer.from(text, 'latin1').toString('base64'))
  },
  'a container’s files': text => containerId(text, text),
  ...Object.fromEntries(LISTS.map(name => [name, (text: string) => loadConfig({ [name]: text }, {}, NO_FILE)])),
}

function readAsAnswerOfXRay(text: string): void {
  const { readReply, readError } = xrayApi({ annotations: [], serviceName: '', warn: () => {} })
  const value = json(text)
  const parts = [value, [value], [{ ErrorCode: value, Message: { toString: value } }]]
  const bodies = parts.map(part => JSON.stringify({ UnprocessedTraceSegments: part, message: part }))
  for (const body of [text, ...bodies]) {
    readReply!(Buffer.from(body), 'application/json')
    readError!(Buffer.from(body), 'application/json')
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

describe('a parser of what strangers send', () => {
  after(() => rmSync(FOLDER, { recursive: true }))

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
        for (let i = 0; i < 10 && ratio > 9; i++) {
          const [before, after] = [cpuMs(parse, short), cpuMs(parse, long)]
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

describe('an answer of X-Ray', () => {
  const leaf = fc.oneof(fc.constantFrom(...NASTY), fc.double(), fc.integer(), fc.boolean(), fc.constant(null))
  const anything = fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.constantFrom(...NASTY, 'a'), leaf))
  const shaped = (keys: readonly string[]) =>
    fc.dictionary(fc.constantFrom(...keys), anything, { maxKeys: keys.length })
  const RULE = ['RuleName', 'Version', 'FixedRate', 'Priority', 'ReservoirSize', 'Host', 'URLPath', 'Attributes']
  const TARGET = ['RuleName', 'FixedRate', 'ReservoirQuota', 'ReservoirQuotaTTL', 'Interval']

  it('gives rules that can be asked, whatever is in them', () => {
    const list = requestAttributes('/a')
    const record = fc.oneof(anything, fc.record({ SamplingRule: fc.oneof(anything, shaped(RULE)) }))
    const valid = { Version: 1, RuleName: 'a', FixedRate: 0.5, Priority: 1 }
    const changed = shaped(RULE).map(changes => ({ SamplingRule: { ...valid, ...changes } }))
    fc.assert(
      fc.property(fc.array(fc.oneof(record, changed)), records => {
        for (const rule of parseXRayRules({ SamplingRuleRecords: records })) {
          assert.ok(rule.fixedRate >= 0 && rule.fixedRate <= 1 && rule.reservoirSize >= 0 && rule.priority >= 0)
          const asked = new XRayRule(rule)
          asked.matches(readRequest(SERVER, list), list, SERVICE)
          asked.reserve(1)
          asked.report(1)
        }
      }),
    )
  })

  it('gives targets whose numbers can be used, whatever is in them', () => {
    const targets = fc.array(fc.oneof(anything, shaped(TARGET)))
    const answer = fc.record({
      SamplingTargetDocuments: targets,
      LastRuleModification: anything,
      UnprocessedStatistics: fc.oneof(anything, targets),
    })
    fc.assert(
      fc.property(answer, reply => {
        const { byRule, lastRuleModification } = parseTargets(reply)
        assert.ok(!Number.isNaN(lastRuleModification))
        for (const { fixedRate = 0, quota = 0, intervalSeconds = 0 } of byRule.values()) {
          assert.ok(fixedRate >= 0 && fixedRate <= 1 && quota >= 0 && intervalSeconds >= 0)
        }
      }),
    )
    assert.equal(({} as any).polluted, undefined)
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

/** Of this process, which a busy machine does not stretch as it does that of the clock. */
function cpuMs(parse: (text: string) => unknown, text: string): number {
  const started = process.cpuUsage()
  parse(text)
  const { system, user } = process.cpuUsage(started)
  return (system + user) / 1000
}

function timeMs(parse: (text: string) => unknown, text: string): number {
  const started = performance.now()
  parse(text)
  return performance.now() - started
}
