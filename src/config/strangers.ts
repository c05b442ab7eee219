import { OPTIONS } from './options'
import type { Problem } from './problem'
import type { Row } from './row'
import { nearest } from './suggest'

/** Variables of the standard that this agent knows and does not use: what to say of a value, or nothing. */
export const NOTED: Readonly<Record<string, (value: string) => string | undefined>> = {
  OTEL_CONFIG_FILE: () => 'declarative configuration is not read: use variables',
  OTEL_EXPERIMENTAL_CONFIG_FILE: () => 'declarative configuration is not read: use variables',
  OTEL_SEMCONV_STABILITY_OPT_IN: value =>
    value.includes('/dup')
      ? 'only the stable conventions of HTTP and RPC are written, never the old ones beside them'
      : undefined,
  OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: () => 'exceptions are span events: this agent makes no logs',
  OTEL_SERVICE_VERSION: value =>
    `not a variable of the standard: set OTEL_RESOURCE_ATTRIBUTES=service.version=${value}`,
  OTEL_ENTITIES: () => undefined,
  OTEL_METRICS_EXPORTER: () => undefined,
  OTEL_LOGS_EXPORTER: () => undefined,
  OTEL_POD_IP: () => undefined,
  OTEL_NODE_IP: () => undefined,
  AWS_XRAY_CONTEXT_MISSING: () => undefined,
  AWS_XRAY_DEBUG_MODE: () => undefined,
  AWS_XRAY_LOG_LEVEL: () => undefined,
  AWS_XRAY_MANUAL_MODE: () => undefined,
  AWS_XRAY_COLLECT_SQL_QUERIES: () => undefined,
  AWS_XRAY_SDK_ENABLED: () => undefined,
}

/** Families of variables for other signals, languages and libraries, and the operator's: none of our business. */
const FOREIGN = [
  'OTEL_METRIC_',
  'OTEL_METRICS_',
  'OTEL_LOGS_',
  'OTEL_LOGRECORD_',
  'OTEL_BLRP_',
  'OTEL_PROFILES_',
  'OTEL_EXPORTER_OTLP_METRICS_',
  'OTEL_EXPORTER_OTLP_LOGS_',
  'OTEL_EXPORTER_OTLP_PROFILES_',
  'OTEL_EXPORTER_PROMETHEUS_',
  'OTEL_RESOURCE_ATTRIBUTES_',
  'OTEL_INSTRUMENTATION_',
  'OTEL_INJECTOR_',
  'OTEL_OPERATOR_',
  'OTEL_NODE_EXPERIMENTAL_',
  'OTEL_EXPERIMENTAL_',
  'OTEL_AWS_',
  'OTEL_JAVA',
  'OTEL_DOTNET_',
  'OTEL_PYTHON_',
  'OTEL_PHP_',
  'OTEL_RUBY_',
  'OTEL_GO_',
  'OTEL_EBPF_',
  'OTEL_RUST_',
  'OTEL_ERLANG_',
]

/** What to say of variables that begin like ours and are in no row. Their values are never repeated. */
export function strangers(variables: readonly string[], read: (variable: string) => string | undefined): Problem[] {
  const known = Object.values(OPTIONS as Record<string, Row<unknown>>).flatMap(row => [
    row.env,
    ...(row.aliases ?? []),
    ...(row.fallbacks ?? []),
  ])
  const problems: Problem[] = []
  const unknown: string[] = []
  for (const variable of variables) {
    if (Object.hasOwn(NOTED, variable)) {
      const note = NOTED[variable](read(variable) ?? '')
      if (note !== undefined) problems.push(problem(variable, `${variable} changes nothing: ${note}`))
      continue
    }
    const foreign = FOREIGN.some(prefix => variable.startsWith(prefix))
    const meant = nearest(variable, known, foreign ? 1 : Math.max(2, Math.floor(variable.length / 5)))
    if (meant !== undefined) {
      problems.push(problem(variable, `${variable} is not known and changes nothing; did you mean ${meant}?`))
    } else if (!foreign) unknown.push(variable)
  }
  if (unknown.length > 0) {
    const are = unknown.length === 1 ? 'is not known and changes' : 'are not known and change'
    problems.push(problem(unknown.join(', '), `${unknown.join(', ')} ${are} nothing`))
  }
  return problems
}

function problem(variable: string, message: string): Problem {
  return { variable, value: '', expected: 'a variable of this agent', used: 'nothing', message }
}
