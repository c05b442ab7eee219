import { OPTIONS } from './options'
import type { Problem } from './problem'
import type { Row } from './row'
import { nearest } from './suggest'

/** A variable that others read and this agent does not. */
interface Noted {
  /** Why it changes nothing here. */
  readonly doc: string
  /** True when the user must hear it: something that was asked for does not happen. */
  warns?(value: string): boolean
}

const always = () => true
const OTHER_SIGNAL = 'This agent makes traces only.'
const XRAY_SDK = 'For the X-Ray SDK only.'

/** Variables of the standard and of the X-Ray SDK that are known and change nothing. */
export const NOTED: Readonly<Record<string, Noted>> = {
  OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: {
    doc: 'Exceptions stay events of spans, with logs and logs/dup, too: this agent makes no logs that could hold them.',
    warns: always,
  },
  OTEL_SERVICE_VERSION: {
    doc: 'No variable of the standard: set OTEL_RESOURCE_ATTRIBUTES=service.version=….',
    warns: always,
  },
  OTEL_METRICS_EXPORTER: { doc: OTHER_SIGNAL },
  OTEL_LOGS_EXPORTER: { doc: OTHER_SIGNAL },
  OTEL_NODE_EXPERIMENTAL_SDK_METRICS: { doc: OTHER_SIGNAL },
  OTEL_POD_IP: { doc: 'Set by the operator; becomes k8s.pod.ip.' },
  OTEL_NODE_IP: { doc: 'Set by the operator for use in other variables.' },
  AWS_XRAY_CONTEXT_MISSING: { doc: XRAY_SDK },
  AWS_XRAY_DEBUG_MODE: { doc: XRAY_SDK },
  AWS_XRAY_LOG_LEVEL: { doc: XRAY_SDK },
  AWS_XRAY_MANUAL_MODE: { doc: XRAY_SDK },
  AWS_XRAY_COLLECT_SQL_QUERIES: { doc: XRAY_SDK },
  AWS_XRAY_SDK_ENABLED: { doc: XRAY_SDK },
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
  const known = new Map<string, string>()
  for (const { aliases = [], env, fallbacks = [] } of Object.values(OPTIONS as Record<string, Row<unknown>>)) {
    for (const variable of [env, ...fallbacks]) known.set(variable, variable)
    for (const alias of aliases) known.set(alias, env)
  }
  const problems: Problem[] = []
  const unknown: string[] = []
  for (const variable of variables) {
    if (Object.hasOwn(NOTED, variable)) {
      const { doc, warns } = NOTED[variable]!
      if (warns?.(read(variable) ?? '')) problems.push(problem(variable, `${variable} changes nothing. ${doc}`))
      continue
    }
    const foreign = FOREIGN.some(prefix => variable.startsWith(prefix))
    const meant = nearest(variable, known.keys(), foreign ? 1 : Math.max(2, Math.floor(variable.length / 5)))
    if (meant !== undefined) {
      problems.push(
        problem(variable, `${variable} is not known and changes nothing; did you mean ${known.get(meant)}?`),
      )
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
