/** What is said of mistakes in a configuration file, and what counts then. */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { loadConfig } from '../../src/config/load'
import { EXPORTER, exported, FILE, HEAD, instrumented, load, traces } from './config-file'

describe('a mistake in a configuration file', () => {
  /** A document with a mistake, and what is said of it. */
  const MISTAKES: [yaml: string, said: RegExp][] = [
    [`${traces('')}\ndisabled: yes`, /^disabled="yes": expected true or false; using false$/],
    [
      `${HEAD}tracer_provider: {processors: [{batch: {schedule_delay: soon, exporter: {console: }}}]}`,
      /^tracer_provider\.processors\[0\]\.batch\.schedule_delay="soon": expected milliseconds, .*; using 5000$/,
    ],
    [
      exported('{otlp_http: {timeout: [1]}}'),
      /^tracer_provider\.processors\[0\]\.batch\.exporter\.otlp_http\.timeout: expected milliseconds.*; using nothing$/,
    ],
    [
      exported('{otlp_http: {endpint: "http://h"}}'),
      /otlp_http\.endpint is not known and changes nothing; did you mean endpoint\?$/,
    ],
    [
      exported('{otlp_htp: }'),
      /^tracer_provider\.processors\[0\]\.batch\.exporter\.otlp_htp is not known and changes nothing; did you mean otlp_http\?$/,
    ],
    [exported('{otlp: }'), /exporter\.otlp is not known and changes nothing/],
    [exported('{otlp_http: {encoding: xml}}'), /encoding="xml": expected one of protobuf, json; using protobuf$/],
    [exported('{otlp_http: {compression: zstd}}'), /compression="zstd": expected one of none, gzip; using none$/],
    [exported('{otlp_http: {headers: {a: b}}}'), /otlp_http\.headers: expected a list; using nothing$/],
    [exported('{otlp_http: {headers: [{value: b}]}}'), /otlp_http\.headers\[0\] has no name/],
    [
      exported('{otlp_http: {tls: {ca_file: /no/such.pem}}}'),
      /tls\.ca_file="\/no\/such\.pem": expected the path of a PEM file \(ENOENT\)/,
    ],
    [
      exported('{otlp_file/development: {output_stream: "s3://x"}}'),
      /output_stream: expected stdout, or file:\/\/ and an absolute path; using stdout$/,
    ],
    [exported('[]'), /exporter: expected one of otlp_http, .*; using nothing$/],
    [exported('{console: , zipkin: }'), /exporter: expected one of otlp_http, .*; using nothing$/],
    [`${HEAD}tracer_provider: {processors: [{batch: }]}`, /processors\[0\]\.batch has no exporter/],
    [
      `${HEAD}tracer_provider: {processors: [{bach: {exporter: {console: }}}]}`,
      /processors\[0\]\.bach is not known.*did you mean batch\?$/,
    ],
    [
      `${HEAD}tracer_provider: {processors: {batch: }}`,
      /^tracer_provider\.processors: expected a list; using nothing$/,
    ],
    [`${HEAD}tracer_provider: {sampler: {always_on: }}`, /^tracer_provider has no processors: spans are sent nowhere$/],
    [HEAD, /^tracer_provider is missing: spans are sent nowhere$/],
    [`file_format: "1.0"\ntracer_provider: {${EXPORTER}}`, /^propagator is missing: no trace is taken over/],
    [
      `propagator: {composite_list: none}\ntracer_provider: {${EXPORTER}}`,
      /^file_format is missing: expected "1\.0"; using 1\.0$/,
    ],
    [
      traces('').replace('1.0', '1.9'),
      /^file_format is newer than 1\.\d: keys that are not known here change nothing$/,
    ],
    [
      traces('smapler: {always_on: }'),
      /^tracer_provider\.smapler is not known and changes nothing; did you mean sampler\?$/,
    ],
    [
      traces('tracer_configurator/development: {}'),
      /^tracer_provider\.tracer_configurator\/development is not supported and changes nothing$/,
    ],
    [traces('sampler: {always_onn: }'), /sampler\.always_onn is not known.*did you mean always_on\?$/],
    [traces('sampler: {trace_id_ratio_based: {ratio: 2}}'), /ratio="2": expected a number from 0 to 1; using 1$/],
    [
      traces('sampler: {composite/development: {rule_based: {rules: []}}}'),
      /rule_based is not supported.*using parentbased_always_on$/,
    ],
    [
      traces('sampler: {jaeger_remote/development: {endpoint: x, initial_sampler: {always_on: }}}'),
      /endpoint="x": expected a URL/,
    ],
    [traces('limits: {event_count_limit: -1}'), /limits\.event_count_limit="-1": expected a whole number/],
    [
      `file_format: "1.0"\npropagator: {composite: [{b33: }]}\ntracer_provider: {${EXPORTER}}`,
      /composite\[0\]\.b33 is not known.*did you mean b3\?$/,
    ],
    [`${traces('')}\nresource: {attributes: [{value: x}]}`, /^resource\.attributes\[0\] has no name/],
    [
      `${traces('')}\nresource: {attributes: [{name: a, value: x, type: int}]}`,
      /attributes\[0\]\.value: expected a value of the type int; using nothing$/,
    ],
    [
      `${traces('')}\nresource: {attributes: [{name: a, value: x, type: integer}]}`,
      /type="integer": expected one of string, /,
    ],
    [
      `${traces('')}\nresource: {detectors: [{host: }]}`,
      /^resource\.detectors is not known and changes nothing; did you mean detection\/development\?$/,
    ],
    [
      `${traces('')}\nresource: {detection/development: {detectors: [{hots: }]}}`,
      /detectors\[0\]\.hots is not known.*did you mean host\?$/,
    ],
    [
      `${traces('')}\nresource: {detection/development: {attributes: {included: [a]}}}`,
      /detection\/development\.attributes is not supported/,
    ],
    [instrumented('{generl: {}}'), /^instrumentation\/development\.generl is not known.*did you mean general\?$/],
    [
      instrumented('{general: {http: {server: {request_captured_headers: [cookie]}}}}'),
      /request_captured_headers="cookie": expected .* no credentials/,
    ],
    [instrumented('{js: {express: {enabld: false}}}'), /js\.express\.enabld is not known.*did you mean enabled\?$/],
    [instrumented('{general: {peer: {service_mapping: []}}}'), /general\.peer is not supported and changes nothing$/],
    [`${traces('')}\nresorce: {}`, /^resorce is not known and changes nothing; did you mean resource\?$/],
  ]

  for (const [yaml, expected] of MISTAKES) {
    it(`is answered in one line: ${yaml.replace(HEAD, '').replaceAll('\n', ' ')}`, () => {
      const { said, problems } = load(yaml)
      assert.equal(said.length, 1, said.join('\n'))
      assert.match(said[0]!, expected)
      assert.ok(problems[0]!.message.startsWith(`${FILE}: `))
    })
  }
})

describe('a configuration file that cannot be used', () => {
  const unusable: [yaml: string, reason: RegExp][] = [
    ['a: [', /\(line 1, column \d+: [^)]+\)/],
    ['key: "hunter2', /\(line 1, column \d+: Missing closing\)/],
    ['a: b\n c: hunter2: d', /\(line \d, column \d+: [^)]*\)/],
    ['- a', /\(it is no mapping\)/],
    ['', /\(it is no mapping\)/],
    ['file_format: "0.4"', /\(its file_format is 0\.4, expected "1\.0"\)/],
    ['file_format: "2.0"', /\(its file_format is 2\.0, expected "1\.0"\)/],
    ['file_format: new', /\(its file_format is no version, expected "1\.0"\)/],
    [`${HEAD}x: \${1hunter2}`, /\(line 3, column 4: a reference to a variable that is malformed, expected /],
    [`${HEAD}x: *nothing`, /an alias without an anchor before it|Unresolved alias/],
    [`${HEAD}x: 1\nx: 2`, /a key that is there already/],
    [`${HEAD}? [a]\n: b`, /a key that is no text/],
    ['a: b\n---\nc: d', /Source contains multiple documents/],
    [`x: ${'['.repeat(60)}${']'.repeat(60)}`, /nested more than 50 levels deep/],
    ['x: '.padEnd(256_001, 'x'), /larger than 256000 bytes/],
  ]
  for (const [yaml, reason] of unusable) {
    it(`makes no spans, passes headers on, and is said: ${JSON.stringify(yaml.slice(0, 40))}`, () => {
      const { config, origins, said } = load(yaml, { OTEL_TRACES_EXPORTER: 'console', OTEL_LOG_LEVEL: 'error' })
      assert.equal(config.disabled, true)
      assert.equal(origins.disabled.from, 'implied')
      assert.deepEqual(config.propagators, ['tracecontext', 'baggage'])
      assert.equal(config.logLevel, 'error')
      assert.equal(said.length, 1)
      assert.match(
        said[0]!,
        /^OTEL_CONFIG_FILE="FILE": expected a readable YAML file of the OpenTelemetry configuration schema \(/,
      )
      assert.match(said[0]!, reason)
      assert.match(said[0]!, /; using nothing: no spans are made, the headers of callers are passed on$/)
      assert.ok(!said[0]!.includes('hunter2'))
    })
  }

  it('may be a folder, or missing', () => {
    for (const [path, reason] of [
      [tmpdir(), /not a file/],
      ['/no/such/file.yaml', /no such file/],
    ] as const) {
      const { config, problems } = loadConfig({ OTEL_CONFIG_FILE: path }, {}, { path: '', variables: {} })
      assert.equal(config.disabled, true)
      assert.match(problems[0]!.message, reason)
    }
  })
})
