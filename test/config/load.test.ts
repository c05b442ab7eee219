/** The parse rules of the specification, and what problems say. */
import assert from 'node:assert/strict'
import { loadConfig } from '../../src/config/load'
import { createLog } from '../../src/log'

const NO_FILE = { path: '', variables: {} }

function load(env: Record<string, string>, overrides = {}) {
  const { config, origins, problems } = loadConfig(env, overrides, NO_FILE)
  return { config, origins, said: problems.map(({ message }) => message) }
}

describe('loadConfig', () => {
  it('says nothing about an empty environment, and returns a frozen value for every row', () => {
    const { config, said } = load({})
    assert.deepEqual(said, [])
    assert.ok(Object.isFrozen(config))
    assert.equal(config.sampler, 'parentbased_always_on')
    assert.deepEqual(config.exporters, ['otlp'])
    assert.deepEqual(config.propagators, ['tracecontext', 'baggage'])
    assert.equal(config.attributeValueLength, Infinity)
  })

  it('leaves the environment as it is', () => {
    const env = Object.freeze({ OTEL_SERVICE_NAME: ' a ', OTEL_TRACES_SAMPLR: 'x' })
    loadConfig(env, {}, NO_FILE)
    assert.deepEqual(env, { OTEL_SERVICE_NAME: ' a ', OTEL_TRACES_SAMPLR: 'x' })
  })

  it('names the variable, the value, what was expected and what is used', () => {
    assert.deepEqual(load({ OTEL_BSP_SCHEDULE_DELAY: 'soon' }).said, [
      'OTEL_BSP_SCHEDULE_DELAY="soon": expected milliseconds, a whole number from 0 to 2147483647; using 5000',
    ])
  })

  it('asks what was meant by a name that is nearly one', () => {
    const [said] = load({ OTEL_TRACES_SAMPLER: 'parentbased_alwayson' }).said
    assert.match(said!, /did you mean parentbased_always_on\?; using parentbased_always_on$/)
  })

  it('keeps the good part of a list and says which part is not', () => {
    const { config, said } = load({ OTEL_TRACES_EXPORTER: 'consol,otlp' })
    assert.deepEqual(config.exporters, ['otlp'])
    assert.equal(said.length, 1)
    assert.match(
      said[0]!,
      /^OTEL_TRACES_EXPORTER="consol,otlp": "consol" is refused, .*did you mean console\?; using otlp$/,
    )
  })

  it('takes list entries once, without empty ones', () => {
    assert.deepEqual(load({ OTEL_PROPAGATORS: 'baggage,, BAGGAGE ,tracecontext,baggage' }).config.propagators, [
      'baggage',
      'tracecontext',
    ])
  })

  it('takes none for the empty list, and not beside others', () => {
    assert.deepEqual(load({ OTEL_TRACES_EXPORTER: 'None' }).config.exporters, [])
    const { config, said } = load({ OTEL_PROPAGATORS: 'none,baggage' })
    assert.deepEqual(config.propagators, ['baggage'])
    assert.match(said[0]!, /none stands alone/)
  })

  it('refuses numbers that are not whole, decimal and within their range', () => {
    for (const wrong of ['-1', '1.5', '0x10', '1e3', '2147483648', '99999999999999999999', 'NaN', '１２']) {
      const { config, said } = load({ OTEL_SPAN_EVENT_COUNT_LIMIT: wrong })
      assert.equal(config.eventCount, 128, wrong)
      assert.equal(said.length, 1, wrong)
    }
    assert.equal(load({ OTEL_SPAN_EVENT_COUNT_LIMIT: '2147483647' }).config.eventCount, 2147483647)
    assert.equal(load({ OTEL_SPAN_EVENT_COUNT_LIMIT: '0' }).config.eventCount, 0)
  })

  it('takes only true for true', () => {
    for (const [value, warns] of [
      ['true', 0],
      ['True', 0],
      ['false', 0],
      ['1', 1],
      ['yes', 1],
    ] as const) {
      const { config, said } = load({ OTEL_SDK_DISABLED: value })
      assert.equal(config.disabled, value.toLowerCase() === 'true')
      assert.equal(said.length, warns)
    }
  })

  it('understands every value that the specification has for the log level, in any case', () => {
    const levels = ['none', 'ERROR', 'Warn', 'info', 'DEBUG', 'verbose', 'ALL']
    assert.deepEqual(
      levels.map(OTEL_LOG_LEVEL => load({ OTEL_LOG_LEVEL }).config.logLevel),
      ['none', 'error', 'warn', 'info', 'debug', 'debug', 'debug'],
    )
  })

  it('decodes resource attributes and discards the whole list on an error', () => {
    const { config } = load({ OTEL_RESOURCE_ATTRIBUTES: ' a = b%20c ,d=e=f, g=%2C ,a=2, __proto__=x, empty=' })
    assert.deepEqual(config.resourceAttributes, [
      ['a', '2'],
      ['d', 'e=f'],
      ['g', ','],
      ['__proto__', 'x'],
      ['empty', ''],
    ])
    for (const wrong of ['a=1,b', 'a=1,=2', 'a=%E0%A4%A', 'a=1,b=%zz']) {
      const { config, said } = load({ OTEL_RESOURCE_ATTRIBUTES: wrong })
      assert.deepEqual(config.resourceAttributes, [])
      assert.match(said[0]!, /the mistake is in ".*"\); using nothing$/)
    }
  })

  it('prefers the narrow variable to the wide one, and falls back when the narrow one is refused', () => {
    const wide = { OTEL_EXPORTER_OTLP_TIMEOUT: '1' }
    assert.equal(load({ ...wide, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '2' }).config.otlpTimeoutMs, 2)
    const { config, said } = load({ ...wide, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 'x' })
    assert.equal(config.otlpTimeoutMs, 1)
    assert.match(said[0]!, /^OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="x".*using 1$/)
  })

  it('says once what is wrong with a variable that several settings fall back to', () => {
    assert.equal(load({ OTEL_ATTRIBUTE_COUNT_LIMIT: 'x' }).said.length, 1)
  })

  it('says when two names of one thing are set and differ', () => {
    const { config, said } = load({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER: 'console' })
    assert.deepEqual(config.exporters, ['otlp'])
    assert.deepEqual(said, [
      'OTEL_EXPORTER="console" is passed over: OTEL_TRACES_EXPORTER is set, too, and is used instead',
    ])
    assert.deepEqual(load({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER: 'otlp' }).said, [])
  })

  it('makes a batch no larger than the queue', () => {
    const { config, said } = load({ OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '20' })
    assert.equal(config.maxBatchSize, 10)
    assert.match(said[0]!, /^OTEL_BSP_MAX_EXPORT_BATCH_SIZE="20": expected at most .* 10; using 10$/)
    const implied = load({ OTEL_BSP_MAX_QUEUE_SIZE: '10' })
    assert.equal(implied.config.maxBatchSize, 10)
    assert.deepEqual(implied.said, [])
  })

  it('takes a bare host for an endpoint with gRPC only', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'backend:4317' }
    assert.deepEqual(load({ ...env, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }).said, [])
    const { config, said } = load(env)
    assert.equal(config.otlpEndpoint, 'http://backend:4317')
    assert.match(said[0]!, /the protocol is http\/protobuf; using http:\/\/backend:4317$/)
  })

  it('lets code win over variables, and names an option that does not exist', () => {
    const { config, origins, said } = load({ OTEL_SERVICE_NAME: 'a' }, { serviceName: 'b', servicename: 'c' })
    assert.equal(config.serviceName, 'b')
    assert.equal(origins.serviceName.from, 'code')
    assert.deepEqual(said, [
      'the option servicename that was set in code is not known and changes nothing; did you mean serviceName?',
    ])
  })

  it('adds the header and the ids of X-Ray for an exporter of X-Ray, unless they are chosen', () => {
    for (const exporter of ['xray', 'xray-api', 'otlp,xray']) {
      const { config, origins } = load({ OTEL_EXPORTER: exporter })
      assert.deepEqual(config.propagators, ['tracecontext', 'baggage', 'xray'])
      assert.equal(config.traceIds, 'xray')
      assert.equal(origins.propagators.from, 'implied')
    }
    const chosen = load({ OTEL_EXPORTER: 'xray', OTEL_PROPAGATORS: 'b3', TRACING_AGENT_TRACE_IDS: 'random' }).config
    assert.deepEqual(chosen.propagators, ['b3'])
    assert.equal(chosen.traceIds, 'random')
    assert.equal(load({ OTEL_TRACES_SAMPLER: 'xray' }).config.traceIds, 'xray')
    assert.equal(load({ OTEL_PROPAGATORS: 'xray-lambda' }).config.traceIds, 'xray')
    assert.equal(load({}).config.traceIds, 'random')
  })

  it('honours an instrumentation list that names nothing of ours', () => {
    const only = load({ OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'pg' })
    assert.deepEqual(only.config.enabledInstrumentations, [])
    assert.match(only.said[0]!, /not part of this agent\); using none$/)
    const without = load({ OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'fs,dns' })
    assert.deepEqual(without.config.disabledInstrumentations, [])
    assert.deepEqual(without.said, [])
  })
})

describe('a name that is not known', () => {
  it('is answered by the one that was meant', () => {
    for (const [wrong, meant] of [
      ['OTEL_SERVICENAME', 'OTEL_SERVICE_NAME'],
      ['OTEL_TRACE_SAMPLER', 'OTEL_TRACES_SAMPLER'],
      ['OTEL_TRACES_SAMPLR', 'OTEL_TRACES_SAMPLER'],
      ['OTEL_EXPORTR', 'OTEL_TRACES_EXPORTER'],
      ['OTEL_PROPAGATION', 'OTEL_PROPAGATORS'],
      ['OTEL_EXPORTER_OTLP_ENPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
      ['OTEL_EXPORTER_OTLP_TRACE_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
      ['AWS_XRAY_DAEMON_ADRESS', 'AWS_XRAY_DAEMON_ADDRESS'],
      ['TRACING_AGENT_EXPRES_SPANS', 'TRACING_AGENT_EXPRESS_SPANS'],
      [
        'OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADER',
        'OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS',
      ],
    ]) {
      assert.deepEqual(load({ [wrong!]: 'secret-value' }).said, [
        `${wrong} is not known and changes nothing; did you mean ${meant}?`,
      ])
    }
  })

  it('is listed when nothing is near, without its value', () => {
    assert.deepEqual(load({ OTEL_FOO: 'secret-value', TRACING_AGENT_XYZZY: '1' }).said, [
      'OTEL_FOO, TRACING_AGENT_XYZZY are not known and change nothing',
    ])
  })

  it('is left alone when it belongs to another signal, another language or the operator', () => {
    const foreign = [
      'OTEL_METRICS_EXPORTER',
      'OTEL_LOGS_EXPORTER',
      'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
      'OTEL_EXPORTER_OTLP_LOGS_HEADERS',
      'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
      'OTEL_METRIC_EXPORT_INTERVAL',
      'OTEL_BLRP_SCHEDULE_DELAY',
      'OTEL_BLRP_MAX_QUEUE_SIZE',
      'OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT',
      'OTEL_POD_IP',
      'OTEL_NODE_IP',
      'OTEL_RESOURCE_ATTRIBUTES_POD_NAME',
      'OTEL_RESOURCE_ATTRIBUTES_POD_UID',
      'OTEL_RESOURCE_ATTRIBUTES_NODE_NAME',
      'OTEL_PYTHON_EXCLUDED_URLS',
      'OTEL_JAVAAGENT_DEBUG',
      'OTEL_DOTNET_AUTO_HOME',
      'OTEL_GO_AUTO_TARGET_EXE',
      'OTEL_INSTRUMENTATION_JDBC_ENABLED',
      'OTEL_INSTRUMENTATION_KAFKA_EXPERIMENTAL_SPAN_ATTRIBUTES',
      'OTEL_AWS_APPLICATION_SIGNALS_ENABLED',
      'OTEL_NODE_EXPERIMENTAL_SDK_METRICS',
      'OTEL_SEMCONV_STABILITY_OPT_IN',
      'AWS_XRAY_CONTEXT_MISSING',
      'AWS_REGION_OF_SOMETHING',
      'OTELCOL_VERSION',
    ]
    assert.deepEqual(load(Object.fromEntries(foreign.map(name => [name, 'http']))).said, [])
  })

  it('is answered with what does the same, where something does', () => {
    assert.match(load({ OTEL_SERVICE_VERSION: '1' }).said[0]!, /service\.version=/)
    assert.match(load({ OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: 'logs' }).said[0]!, /stay events of spans/)
  })
})

describe('problems in the log', () => {
  it('are one line each, whatever is in the value', () => {
    const lines: string[] = []
    const log = createLog('warn', line => lines.push(line))
    for (const message of load({ OTEL_TRACES_SAMPLER: 'a\nb\u001b[31m\u2028c' }).said) log.warn(message)
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /^tracing-agent: OTEL_TRACES_SAMPLER="a\\x0ab\\x1b\[31m\\x2028c":[^\n]*\n$/)
  })

  it('do not repeat a long value to its end', () => {
    assert.ok(load({ OTEL_TRACES_SAMPLER: 'x'.repeat(1e6) }).said[0]!.length < 1000)
  })
})
