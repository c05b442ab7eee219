/** A configuration file of OpenTelemetry (schema 1.x), as far as it speaks of traces, in the terms of the table of options. */

import { PROPAGATORS } from '../names'
import type { OptionName } from '../options'
import { namesOf } from '../types'
import { type Tree, Unusable } from './document'
import { type Processor, readProcessors } from './exporters'
import { readInstrumentation } from './instrumentation'
import { type Fields, Place, type Report } from './place'
import { readResource } from './resource'
import { readSampler } from './sampler'
import { Settings } from './settings'

/** What a file says. */
export interface Translated {
  readonly settings: Settings
  readonly processors: readonly Processor[]
  /** Detectors by the names of the variable, and `service`, which reads `OTEL_SERVICE_NAME`. */
  readonly detectors: ReadonlySet<string>
}

/** The newest minor version of the schema whose keys are known here. */
const NEWEST_MINOR = 2

const OTHER_SIGNALS = ['meter_provider', 'logger_provider', 'distribution']

export function translate(tree: Tree, report: Report): Translated {
  const root = new Place(tree, '', report)
  if (!(tree instanceof Map)) throw new Unusable('it is no mapping')
  const fields = root.map({
    known: [
      'file_format',
      'disabled',
      'log_level',
      'attribute_limits',
      'propagator',
      'tracer_provider',
      'resource',
      'instrumentation/development',
    ],
    silent: key => OTHER_SIGNALS.includes(key.replace(/\/development$/, '')),
  })
  checkFormat(fields.at('file_format'), root)
  const settings = new Settings()
  settings.read('disabled', fields.at('disabled'))
  readLogLevel(fields.at('log_level'), settings)
  readLimits(fields.at('attribute_limits'), settings, GENERAL_LIMITS)
  readPropagators(fields.at('propagator'), root, settings)
  const processors = readTracerProvider(fields.at('tracer_provider'), root, settings)
  const resource = fields.at('resource')
  const detectors = resource === undefined ? new Set<string>() : readResource(resource, settings)
  // Detection is what is asked for, and nothing else.
  if (resource === undefined) settings.set('resourceDetectors', new Place(tree, 'resource', report), [])
  const instrumentation = fields.at('instrumentation/development')
  if (instrumentation !== undefined) readInstrumentation(instrumentation, settings)
  return { settings, processors, detectors }
}

/** Another major version means something else by the same words. Release candidates of 1.0 mean nearly the same. */
function checkFormat(place: Place | undefined, root: Place): void {
  const text = place?.scalar('"1.0"')?.text.trim() ?? ''
  if (text === '') {
    new Place(root.tree, 'file_format', root.report).say('is missing: expected "1.0"; using 1.0', '"1.0"')
    return
  }
  const match = /^(\d+)(?:\.(\d+))?(?:\.\d+)?(?:-[\w.]+)?$/.exec(text)
  if (match === null || match[1] !== '1') {
    throw new Unusable(
      `its file_format is ${match === null ? 'no version' : `${match[1]}.${match[2] ?? 0}`}, expected "1.0"`,
    )
  }
  if (Number(match[2] ?? 0) > NEWEST_MINOR) {
    place!.say(`is newer than 1.${NEWEST_MINOR}: keys that are not known here change nothing`)
  }
}

/** The severities of the log data model, of which each has four numbers, and the values of the variable. */
function readLogLevel(place: Place | undefined, settings: Settings): void {
  if (place === undefined) return
  const text = place.scalar('one of debug, info, warn, error')?.text.trim().toLowerCase() ?? ''
  const severity = /^(trace|debug|info|warn|error|fatal)[1-4]?$/.exec(text)?.[1]
  const level = severity === 'trace' ? 'debug' : severity === 'fatal' ? 'error' : (severity ?? text)
  if (level !== '') settings.parse('logLevel', place, level)
}

const GENERAL_LIMITS: Readonly<Record<string, readonly OptionName[]>> = {
  attribute_value_length_limit: ['attributeValueLength'],
  attribute_count_limit: ['attributeCount', 'eventAttributeCount', 'linkAttributeCount'],
}
const SPAN_LIMITS: Readonly<Record<string, readonly OptionName[]>> = {
  attribute_value_length_limit: ['attributeValueLength'],
  attribute_count_limit: ['attributeCount'],
  event_count_limit: ['eventCount'],
  link_count_limit: ['linkCount'],
  event_attribute_count_limit: ['eventAttributeCount'],
  link_attribute_count_limit: ['linkAttributeCount'],
}

function readLimits(
  place: Place | undefined,
  settings: Settings,
  limits: Readonly<Record<string, readonly OptionName[]>>,
): void {
  const fields = place?.map({ known: Object.keys(limits) })
  for (const [key, [first, ...others]] of Object.entries(limits)) {
    const own = fields?.at(key)
    if (own === undefined) continue
    const before = settings.values.get(first!)
    settings.read(first!, own)
    const now = settings.values.get(first!)
    if (now === undefined || now === before) continue
    for (const other of others) settings.set(other, own, now.value)
  }
}

const propagators = namesOf(PROPAGATORS)

/** `composite`, then what `composite_list` adds. Without any of it there are none. */
function readPropagators(place: Place | undefined, root: Place, settings: Settings): void {
  if (place === undefined) {
    const missing = new Place(root.tree, 'propagator', root.report)
    missing.say(
      'is missing: no trace is taken over from a caller or passed on; propagator: {composite_list: none} says that this is meant',
    )
    settings.set('propagators', missing, [])
    return
  }
  const fields = place.map({ known: ['composite', 'composite_list'] })
  const names: string[] = []
  for (const item of fields.at('composite')?.list() ?? []) {
    const choice = item.choice(PROPAGATORS.join(', '))
    if (choice === undefined) continue
    const parsed = propagators.parse(choice[0])
    if (parsed.value === undefined) item.unknown(choice[0], PROPAGATORS)
    else names.push(...parsed.value)
  }
  const list = new Settings()
  list.read('propagators', fields.at('composite_list'))
  names.push(...((list.values.get('propagators')?.value ?? []) as readonly string[]))
  settings.set('propagators', place, Object.freeze([...new Set(names)]))
}

function readTracerProvider(place: Place | undefined, root: Place, settings: Settings): readonly Processor[] {
  if (place === undefined || place.isNull) {
    const missing = place ?? new Place(root.tree, 'tracer_provider', root.report)
    missing.say('is missing: spans are sent nowhere')
    settings.set('exporters', missing, [])
    return []
  }
  const fields = place.map({
    known: ['processors', 'limits', 'sampler', 'id_generator/development'],
    unsupported: ['tracer_configurator/development'],
  })
  readLimits(fields.at('limits'), settings, SPAN_LIMITS)
  const sampler = fields.at('sampler')
  const chosen = sampler === undefined || sampler.isNull ? undefined : readSampler(sampler)
  if (sampler !== undefined && chosen !== undefined) {
    settings.set('sampler', sampler, chosen.name)
    settings.set('samplerArg', sampler, chosen.argument)
  }
  readIdGenerator(fields, settings)
  const processors = fields.at('processors')
  const read = processors === undefined ? [] : readProcessors(processors)
  if (processors === undefined) place.say('has no processors: spans are sent nowhere')
  settings.set('exporters', processors ?? place, Object.freeze([...new Set(read.map(({ exporter }) => exporter))]))
  return read
}

function readIdGenerator(fields: Fields, settings: Settings): void {
  const choice = fields.at('id_generator/development')?.choice('random, xray')
  if (choice !== undefined) settings.parse('traceIds', choice[1], choice[0])
}
