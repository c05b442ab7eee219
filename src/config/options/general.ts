import { LOG_LEVELS } from '../../log'
import { FOREIGN_INSTRUMENTATIONS, INSTRUMENTATIONS } from '../names'
import { option } from '../row'
import { flag, millis, namesOf, oneOf, text } from '../types'

export const GENERAL = {
  disabled: option({
    env: 'OTEL_SDK_DISABLED',
    type: flag,
    default: false,
    doc: 'No spans are made or sent. The headers of a caller are still passed on to the services that are called.',
  }),
  logLevel: option({
    env: 'OTEL_LOG_LEVEL',
    type: oneOf(LOG_LEVELS, { verbose: 'debug', all: 'debug' }),
    default: 'warn',
    doc: 'What the agent says on stderr: warn tells problems, info adds what is used and, at exit, what was sent and lost, debug adds what was patched. verbose and all mean debug.',
  }),
  configFile: option({
    env: 'OTEL_CONFIG_FILE',
    aliases: ['OTEL_EXPERIMENTAL_CONFIG_FILE'],
    type: text,
    default: '',
    doc: 'A YAML file of the OpenTelemetry configuration schema, which then holds the whole configuration: all other OTEL_* variables are ignored unless it refers to them as ${NAME}. Relative to the working directory.',
  }),
  envFile: option({
    env: 'TRACING_AGENT_ENV_FILE',
    type: text,
    default: '.env',
    doc: 'File with more of these variables; the real environment wins. Relative to the working directory. Set but empty: none is read.',
  }),
  enabledInstrumentations: option<readonly string[]>({
    env: 'OTEL_NODE_ENABLED_INSTRUMENTATIONS',
    type: namesOf([...INSTRUMENTATIONS, 'none'], FOREIGN_INSTRUMENTATIONS, 'not part of this agent'),
    default: INSTRUMENTATIONS,
    defaultText: 'all',
    doc: 'The only instrumentations to use.',
  }),
  disabledInstrumentations: option<readonly string[]>({
    env: 'OTEL_NODE_DISABLED_INSTRUMENTATIONS',
    type: namesOf([...INSTRUMENTATIONS, 'none'], FOREIGN_INSTRUMENTATIONS),
    default: [],
    doc: 'Instrumentations to leave out.',
  }),
  exitTimeoutMs: option({
    env: 'TRACING_AGENT_EXIT_TIMEOUT',
    type: millis,
    default: 2000,
    doc: 'Longest time that the end of the process is put off to send the last spans. 0 never puts it off.',
  }),
}
