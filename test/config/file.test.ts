/** Configuration files: what each key does, and what is said of mistakes. */
import assert from 'node:assert/strict'
import { describePipelines, describeVariables } from '../../src/config/describe'
import type { OptionName } from '../../src/config/load'
import { createExporters } from '../../src/export/index'
import { createLog } from '../../src/log'
import { createResource } from '../../src/resource'
import { createSampler } from '../../src/sampling/index'
import { toObject } from '../../src/trace/data'
import { EXPORTER, exported, HEAD, instrumented, load, PEM, traces } from './config-file'

describe('a configuration file', () => {
  /** A document, the options that it sets and to what. */
  const CASES: [yaml: string, expected: Partial<Record<OptionName, unknown>>][] = [
    [`${traces('')}\ndisabled: true`, { disabled: true }],
    [`${traces('')}\nlog_level: DEBUG`, { logLevel: 'debug' }],
    [`${traces('')}\nlog_level: trace3`, { logLevel: 'debug' }],
    [`${traces('')}\nlog_level: fatal`, { logLevel: 'error' }],
    [
      `${traces('limits: {attribute_count_limit: 7, event_count_limit: 1, link_count_limit: 2}')}\nattribute_limits: {attribute_count_limit: 5, attribute_value_length_limit: 6}`,
      {
        attributeCount: 7,
        attributeValueLength: 6,
        eventCount: 1,
        linkCount: 2,
        eventAttributeCount: 5,
        linkAttributeCount: 5,
      },
    ],
    [
      traces(
        'limits: {event_attribute_count_limit: 3, link_attribute_count_limit: 4, attribute_value_length_limit: 9}',
      ),
      { eventAttributeCount: 3, linkAttributeCount: 4, attributeValueLength: 9, attributeCount: 128 },
    ],
    [traces('id_generator/development: {xray: }'), { traceIds: 'xray' }],
    [
      `file_format: "1.0"\npropagator: {composite: [{tracecontext: }, {xray: {}}], composite_list: "baggage,xray"}\ntracer_provider: {${EXPORTER}}`,
      { propagators: ['tracecontext', 'xray', 'baggage'] },
    ],
    [traces('sampler: {always_off: }'), { sampler: 'always_off', samplerArg: '' }],
    [traces('sampler: {always_on: {}}'), { sampler: 'always_on' }],
    [traces('sampler: {trace_id_ratio_based: {ratio: 0.25}}'), { sampler: 'traceidratio', samplerArg: '0.25' }],
    [traces('sampler: {probability/development: {ratio: 1e-3}}'), { sampler: 'traceidratio', samplerArg: '0.001' }],
    [traces('sampler: {parent_based: }'), { sampler: 'parentbased_always_on' }],
    [
      traces(
        'sampler: {parent_based: {root: {trace_id_ratio_based: {ratio: 0.5}}, local_parent_sampled: {always_on: }}}',
      ),
      { sampler: 'parentbased_traceidratio', samplerArg: '0.5' },
    ],
    [
      traces(
        'sampler: {parent_based: {root: {always_off: }, remote_parent_not_sampled: {trace_id_ratio_based: {ratio: 0.1}}}}',
      ),
      { sampler: 'parentbased', samplerArg: 'root=always_off; remote_parent_not_sampled=traceidratio(0.1)' },
    ],
    [
      traces(
        'sampler: {jaeger_remote/development: {endpoint: "http://j:5778/sampling", interval: 1000, initial_sampler: {trace_id_ratio_based: {ratio: 0.5}}}}',
      ),
      {
        sampler: 'jaeger_remote',
        samplerArg: 'endpoint=http://j:5778/sampling,pollingIntervalMs=1000,initialSamplingRate=0.5',
      },
    ],
    [
      traces('sampler: {composite/development: {parent_threshold: {root: {probability: {ratio: 0.5}}}}}'),
      { sampler: 'parentbased_traceidratio', samplerArg: '0.5' },
    ],
    [
      traces('sampler: {rules: {argument: "@health=off; *=0.5"}}'),
      { sampler: 'rules', samplerArg: '@health=off; *=0.5' },
    ],
    [
      `${HEAD}tracer_provider: {processors: [{batch: {schedule_delay: 1, export_timeout: 0, max_queue_size: 30, max_export_batch_size: 4, exporter: {console: }}}]}`,
      { exporters: ['console'], batchDelayMs: 1, batchTimeoutMs: 0, maxQueueSize: 30, maxBatchSize: 4 },
    ],
    [exported('{otlp_http: }'), { exporters: ['otlp'], otlpTracesEndpoint: 'http://localhost:4318/v1/traces' }],
    [
      exported(
        `{otlp_http: {endpoint: "http://h/x", encoding: json, compression: gzip, timeout: 5, headers: [{name: A, value: "b,c%"}, {name: d, value: }], headers_list: "e=f", tls: {ca_file: ${PEM}, key_file: ${PEM}, cert_file: ${PEM}}}}`,
      ),
      {
        otlpTracesEndpoint: 'http://h/x',
        otlpProtocol: 'http/json',
        otlpCompression: 'gzip',
        otlpTimeoutMs: 5,
        otlpHeaders: [['e', 'f']],
        otlpTracesHeaders: [['A', 'b,c%']],
        otlpCertificate: PEM,
        otlpClientKey: PEM,
        otlpClientCertificate: PEM,
      },
    ],
    [
      exported('{otlp_grpc: {endpoint: "h:1", tls: {insecure: true}}}'),
      { otlpProtocol: 'grpc', otlpTracesEndpoint: 'h:1', otlpInsecure: true },
    ],
    [exported('{otlp_file/development: }'), { exporters: ['otlp/stdout'] }],
    [exported('{otlp_file/development: {output_stream: stdout}}'), { exporters: ['otlp/stdout'] }],
    [
      exported('{otlp_file/development: {output_stream: "file:///tmp/a%20b-%p.jsonl"}}'),
      { exporters: ['file'], filePath: '/tmp/a b-%p.jsonl' },
    ],
    [
      exported('{zipkin: {endpoint: "http://z/", timeout: 9}}'),
      { exporters: ['zipkin'], zipkinEndpoint: 'http://z/', zipkinTimeoutMs: 9 },
    ],
    [
      exported('{jaeger: {protocol: udp/thrift.compact, agent_host: j, agent_port: 1}}'),
      { exporters: ['jaeger'], jaegerProtocol: 'udp/thrift.compact', jaegerAgentHost: 'j', jaegerAgentPort: 1 },
    ],
    [
      exported('{xray: {endpoint: "h:1"}}'),
      { exporters: ['xray'], xrayDaemon: { udp: 'h:1', tcp: 'h:1' }, traceIds: 'xray', propagators: [] },
    ],
    [
      instrumented(
        '{general: {http: {client: {request_captured_headers: [A], response_captured_headers: [b]}, server: {request_captured_headers: [c, d], response_captured_headers: [e], known_methods: [GET, FOO]}}}, java: {x: 1}}',
      ),
      {
        clientRequestHeaders: ['a'],
        clientResponseHeaders: ['b'],
        serverRequestHeaders: ['c', 'd'],
        serverResponseHeaders: ['e'],
        knownMethods: ['GET', 'FOO'],
      },
    ],
    [instrumented('{general: {stability_opt_in_list: "http/dup,database"}}'), { stabilityOptIn: ['http/dup'] }],
    [
      instrumented(
        '{general: {stability_opt_in_list: http/dup, http: {semconv: {version: 1}}, rpc: {semconv: {dual_emit: true}}}}',
      ),
      { stabilityOptIn: ['http/dup', 'rpc/dup'] },
    ],
    [
      instrumented('{general: {stability_opt_in_list: http/dup, http: {semconv: {dual_emit: false}}}}'),
      { stabilityOptIn: ['http'] },
    ],
    [instrumented('{general: {sanitization: {url: {sensitive_query_parameters: [key]}}}}'), { redactQuery: ['key'] }],
    [
      instrumented('{js: {express: {enabled: false}, grpc: {enabled: true}, pg: }}'),
      { disabledInstrumentations: ['express'] },
    ],
    [
      instrumented(
        '{js: {grpc: {client: {request_captured_metadata: [a]}, server: {response_captured_metadata: [b]}}}}',
      ),
      { grpcClientRequestMetadata: ['a'], grpcServerResponseMetadata: ['b'] },
    ],
    [
      `${traces('')}\nresource: {attributes_list: "a=1,b=2", attributes: [{name: b, value: x}, {name: i, value: 3, type: int}, {name: f, value: 1, type: double}, {name: t, value: "true", type: bool}, {name: l, value: [1, 2], type: int_array}, {name: n, value: }, {name: v, value: 1.10}]}`,
      {
        resourceAttributes: [
          ['a', '1'],
          ['b', 'x'],
          ['i', 3],
          ['f', 1],
          ['t', true],
          ['l', [1, 2]],
          ['v', '1.10'],
        ],
        resourceDetectors: [],
      },
    ],
    [
      `${traces('')}\nresource: {schema_url: "https://x/", detection/development: {detectors: [{container: }, {host: }, {process: }, {service: }, {aws: }]}}`,
      { resourceDetectors: ['container', 'host', 'os', 'process', 'serviceinstance', 'aws'] },
    ],
  ]

  for (const [yaml, expected] of CASES) {
    it(`sets ${Object.keys(expected).join(', ')} and says nothing: ${yaml.replace(HEAD, '').replaceAll('\n', ' ')}`, () => {
      const { config, origins, said } = load(yaml)
      assert.deepEqual(said, [])
      for (const [name, value] of Object.entries(expected) as [OptionName, unknown][]) {
        assert.deepEqual(config[name], value, name)
        if (String(value) === 'xray' || ['attributeCount', 'eventAttributeCount'].includes(name)) continue
        assert.equal(origins[name].from, 'config file', name)
        assert.match(origins[name].variable!, /otel\.yaml: [a-z_/]+/)
      }
    })
  }

  it('says nothing of other signals, other languages and other libraries', () => {
    const { said } = load(
      `${instrumented('{general: {db: {}}, python: {}, js: {pg: {a: 1}}}')}\nmeter_provider: {readers: [{x: 1}]}\nlogger_provider: {}`,
    )
    assert.deepEqual(said, [])
  })

  it('may have several exporters of one kind, each with settings of its own', () => {
    const { config, origins, pipelines, said } = load(`${HEAD}tracer_provider:
  processors:
    - batch: {max_queue_size: 10, schedule_delay: 1, exporter: {otlp_http: {endpoint: "http://a/x", headers: [{name: k, value: v}]}}}
    - batch: {exporter: {otlp_http: {endpoint: "http://b/y", compression: gzip}}}
    - simple: {exporter: {otlp_grpc: }}`)
    assert.deepEqual(said, [])
    assert.deepEqual(config.exporters, ['otlp'])
    assert.deepEqual(
      pipelines!.map(({ config: own }) => [
        own.otlpTracesEndpoint,
        own.otlpProtocol,
        own.otlpCompression,
        own.maxQueueSize,
        own.maxBatchSize,
        own.batchDelayMs,
        own.otlpTracesHeaders.length,
      ]),
      [
        ['http://a/x', 'http/protobuf', 'none', 10, 10, 1, 1],
        ['http://b/y', 'http/protobuf', 'gzip', 2048, 512, 5000, 0],
        ['http://localhost:4317', 'grpc', 'none', 2048, 512, 0, 0],
      ],
    )
    const made = createExporters(
      { config, origins, pipelines, log: createLog('none'), version: '1' },
      { attributes: [] },
    )
    assert.deepEqual(
      made.map(({ target }) => target),
      ['http://a/x', 'http://b/y', 'http://localhost:4317'],
    )
  })

  it('says that a batch is larger than the queue, by their places', () => {
    const { said } = load(
      `${HEAD}tracer_provider: {processors: [{batch: {max_queue_size: 5, max_export_batch_size: 6, exporter: {console: }}}]}`,
    )
    assert.deepEqual(said, [
      'tracer_provider.processors[0].batch.max_export_batch_size="6": expected at most tracer_provider.processors[0].batch.max_queue_size, which is 5; using 5',
    ])
  })

  it("takes the place of the variables of the standard, which are said to change nothing, but not of the agent's own", () => {
    const env = {
      OTEL_TRACES_SAMPLER: 'always_off',
      OTEL_SERVICE_NAME: 'x',
      OTEL_TRACES_SAMPLR: 'y',
      OTEL_SDK_DISABLED: 'true',
      TRACING_AGENT_EXPRESS_SPANS: 'all',
    }
    const { config, said } = load(`${traces('')}\ndisabled: \${OTEL_SDK_DISABLED:-false}`, env)
    assert.equal(config.sampler, 'parentbased_always_on')
    assert.equal(config.serviceName, '')
    assert.equal(config.disabled, true)
    assert.equal(config.expressSpans, 'all')
    assert.deepEqual(said, [
      'OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME change nothing: OTEL_CONFIG_FILE is set, and its file does not refer to ${OTEL_TRACES_SAMPLER}',
    ])
  })

  it('wins over a variable of the agent, and says so where they differ', () => {
    const yaml = instrumented('{general: {sanitization: {url: {sensitive_query_parameters: [a]}}}}')
    const { config, said } = load(yaml, { TRACING_AGENT_REDACT_QUERY: 'b' })
    assert.deepEqual(config.redactQuery, ['a'])
    assert.match(
      said[0]!,
      /^TRACING_AGENT_REDACT_QUERY is passed over: .*sensitive_query_parameters is set, too, and is used instead$/,
    )
    assert.deepEqual(load(yaml, { TRACING_AGENT_REDACT_QUERY: 'a' }).said, [])
  })

  it('loses against code', () => {
    const { config, pipelines } = load(
      exported('{otlp_http: {endpoint: "http://a/"}}'),
      {},
      {
        otlpTracesEndpoint: 'http://code/',
        disabled: false,
      },
    )
    assert.equal(config.otlpTracesEndpoint, 'http://code/')
    assert.equal(pipelines![0]!.config.otlpTracesEndpoint, 'http://code/')
    assert.equal(load(exported('{console: }'), {}, { exporters: ['zipkin'] }).pipelines, undefined)
  })

  it('reads the variables of a detector that exists for them', () => {
    const env = { OTEL_SERVICE_NAME: 'shop', OTEL_RESOURCE_ATTRIBUTES: 'a=b' }
    const detect = (name: string) => `${traces('')}\nresource: {detection/development: {detectors: [{${name}: }]}}`
    assert.equal(load(detect('service'), env).config.serviceName, 'shop')
    assert.deepEqual(load(detect('env'), env).config.resourceAttributes, [['a', 'b']])
    assert.equal(load(detect('env'), env).config.serviceName, '')
  })

  it('puts typed attributes into the resource', () => {
    const { config } = load(
      `${traces('')}\nresource: {attributes: [{name: service.name, value: shop}, {name: n, value: 3, type: int}, {name: l, value: [true], type: bool_array}]}`,
    )
    const attributes = toObject(createResource(config, createLog('none'), '1').attributes)
    assert.equal(attributes['service.name'], 'shop')
    assert.equal(attributes['n'], 3)
    assert.deepEqual(attributes['l'], [true])
    assert.equal(attributes['host.name'], undefined)
  })

  it('makes a sampler for each child of parent_based', () => {
    const { config } = load(
      traces(
        'sampler: {parent_based: {root: {rules: {argument: "GET /a(b)=off; *=on"}}, remote_parent_sampled: {always_off: }}}',
      ),
    )
    const sampler = createSampler(config.sampler, config.samplerArg, { log: createLog('none'), serviceName: '' })
    assert.match(
      sampler.toString(),
      /^ParentBased\{root=Rules\{GET \/a\(b\)=off; \*=on\}, remoteParentSampled=AlwaysOffSampler, /,
    )
  })

  it('is shown with the place of each value, and exporter by exporter', () => {
    const loaded = load(`${HEAD}tracer_provider:
  processors: [{batch: {exporter: {otlp_http: {timeout: 7}}}}, {batch: {exporter: {otlp_http: {timeout: 8}}}}]`)
    const timeout = describeVariables(loaded).find(({ name }) => name === 'otlpTimeoutMs')!
    assert.equal(timeout.value, '7')
    assert.equal(timeout.from, 'config file')
    assert.match(timeout.set!, /otel\.yaml: tracer_provider\.processors\[0\]\.batch\.exporter\.otlp_http\.timeout$/)
    assert.deepEqual(
      describePipelines(loaded).map(({ settings }) => settings.find(({ name }) => name === 'otlpTimeoutMs')?.value),
      ['7', '8'],
    )
  })

  it('does not lose its credentials to anybody who looks', () => {
    const loaded = load(
      `${HEAD}tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "http://me:hunter2@h/?k=hunter2", headers: [{name: k, value: hunter2}, {name: "a b", value: hunter2}], headers_list: "x=hunter2,=hunter2"}}}
    - batch: {exporter: {otlp_http: {endpoint: "htp://me:hunter2@h/?k=hunter2"}}}
    - batch: {exporter: {jaeger: {user: hunter2, password: hunter2}}}
resource: {attributes: [{name: api.key, value: hunter2}], attributes_list: "password=hunter2,b"}`,
      { PASSWORD: 'hunter2' },
    )
    assert.ok(loaded.said.length >= 3)
    const shown = JSON.stringify([loaded.problems, describeVariables(loaded), describePipelines(loaded)])
    assert.ok(!shown.includes('hunter2'), shown)
  })
})
