import { BACKENDS } from './options/backends'
import { EXPORT } from './options/export'
import { GENERAL } from './options/general'
import { HTTP } from './options/http'
import { OTLP } from './options/otlp'
import { PROPAGATION } from './options/propagation'
import { RESOURCE } from './options/resource'
import { SPANS } from './options/spans'
import type { Row } from './row'

/** The groups in reading order, as the documentation shows them. */
export const GROUPS: Readonly<Record<string, Readonly<Record<string, Row<any>>>>> = {
  'In general': GENERAL,
  'This service': RESOURCE,
  'Traces and spans': SPANS,
  'Propagation between services': PROPAGATION,
  'Requests: what makes a span and what it holds': HTTP,
  Export: EXPORT,
  OTLP: OTLP,
  'AWS X-Ray, Zipkin, Jaeger': BACKENDS,
}

/** Every variable that the agent reads. All that is said about variables anywhere follows from these rows. */
export const OPTIONS = {
  ...GENERAL,
  ...RESOURCE,
  ...SPANS,
  ...PROPAGATION,
  ...HTTP,
  ...EXPORT,
  ...OTLP,
  ...BACKENDS,
}

type Options = typeof OPTIONS
export type OptionName = keyof Options

/** What the user chose: read once at start, never changed. */
export type Config = { readonly [K in OptionName]: Options[K] extends Row<infer T> ? T : never }
