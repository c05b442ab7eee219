/** `instrumentation/development`: what instrumentations write down, and which of them are used. */
import { INSTRUMENTATIONS } from '../names'
import type { OptionName } from '../options'
import { flag } from '../types'
import type { Fields, Place } from './place'
import { readScalar, type Settings } from './settings'

const LANGUAGES = 'cpp dotnet erlang go java php python ruby rust swift'.split(' ')
const DOMAINS = ['code', 'db', 'gen_ai', 'messaging']

export function readInstrumentation(place: Place, settings: Settings): void {
  const fields = place.map({ known: ['general', 'js'], silent: key => LANGUAGES.includes(key) })
  const general = fields.at('general')
  if (general !== undefined) readGeneral(general, settings)
  const js = fields.at('js')
  if (js !== undefined) readJs(js, settings)
}

function readGeneral(place: Place, settings: Settings): void {
  const fields = place.map({
    known: ['http', 'rpc', 'sanitization', 'stability_opt_in_list'],
    unsupported: ['peer', 'service'],
    silent: key => DOMAINS.includes(key),
  })
  settings.read('stabilityOptIn', fields.at('stability_opt_in_list'))
  const http = fields.at('http')?.map({ known: ['client', 'server', 'semconv'] })
  if (http !== undefined) {
    readHttp(http, settings)
    readConventions('http', http.at('semconv'), settings)
  }
  readConventions(
    'rpc',
    fields
      .at('rpc')
      ?.map({ known: ['semconv'] })
      .at('semconv'),
    settings,
  )
  const sanitized = fields
    .at('sanitization')
    ?.map({ known: ['url'] })
    .at('url')
  const parameters = sanitized?.map({ known: ['sensitive_query_parameters'] }).at('sensitive_query_parameters')
  if (parameters !== undefined) readNames('redactQuery', parameters, settings)
}

function readHttp(http: Fields, settings: Settings): void {
  const known = ['request_captured_headers', 'response_captured_headers', 'known_methods']
  const methods: Place[] = []
  for (const side of ['client', 'server'] as const) {
    const fields = http.at(side)?.map({ known })
    const request = fields?.at('request_captured_headers')
    const response = fields?.at('response_captured_headers')
    if (request !== undefined) readNames(`${side}RequestHeaders`, request, settings)
    if (response !== undefined) readNames(`${side}ResponseHeaders`, response, settings)
    const own = fields?.at('known_methods')
    if (own !== undefined) methods.push(own)
  }
  // There is one list for both sides.
  for (const place of methods) {
    const before = settings.values.get('knownMethods')
    readNames('knownMethods', place, settings)
    const after = settings.values.get('knownMethods')
    if (before === undefined || after === undefined || before === after) continue
    if (String(before.value) === String(after.value)) continue
    const both = [...new Set([...(before.value as string[]), ...(after.value as string[])])]
    settings.set('knownMethods', place, Object.freeze(both))
    place.say(`differs from ${before.place}, and there is one list for both; using ${both.join(',')}`)
  }
}

/** A list of names, as the variable has them with commas between. */
function readNames(option: OptionName, place: Place, settings: Settings): void {
  const names: string[] = []
  for (const item of place.list()) {
    const text = item.scalar('text')?.text.trim()
    if (text === undefined || text === '') continue
    if (text.includes(',')) item.say('expected one name; using nothing', 'one name')
    else names.push(text)
  }
  if (names.length > 0) settings.parse(option, place, names.join(','))
}

/** `semconv.dual_emit` says for one domain what `http/dup` says in the list, and wins over it. */
function readConventions(domain: 'http' | 'rpc', place: Place | undefined, settings: Settings): void {
  if (place === undefined) return
  const fields = place.map({ known: ['dual_emit'], silent: key => key === 'version' || key === 'experimental' })
  const dual = readScalar(flag, fields.at('dual_emit'), 'false')
  if (dual === undefined) return
  const listed = (settings.values.get('stabilityOptIn')?.value ?? []) as readonly string[]
  const others = listed.filter(name => name !== domain && name !== `${domain}/dup`)
  settings.set('stabilityOptIn', place, Object.freeze([...others, dual ? `${domain}/dup` : domain]))
}

/** Instrumentations by their names. Those of other agents are configured here, too. */
function readJs(place: Place, settings: Settings): void {
  const disabled: string[] = []
  const names: readonly string[] = INSTRUMENTATIONS
  for (const [name, own] of place.entries()) {
    if (!names.includes(name)) continue
    const isGrpc = name === 'grpc'
    const fields = own.map({ known: isGrpc ? ['enabled', 'client', 'server'] : ['enabled'] })
    if (readScalar(flag, fields.at('enabled'), 'true') === false) disabled.push(name)
    if (isGrpc) readGrpc(fields, settings)
  }
  if (disabled.length > 0) settings.set('disabledInstrumentations', place, Object.freeze(disabled))
}

function readGrpc(grpc: Fields, settings: Settings): void {
  const known = ['request_captured_metadata', 'response_captured_metadata']
  for (const [side, request, response] of [
    ['client', 'grpcClientRequestMetadata', 'grpcClientResponseMetadata'],
    ['server', 'grpcServerRequestMetadata', 'grpcServerResponseMetadata'],
  ] as const) {
    const fields = grpc.at(side)?.map({ known })
    const asked = fields?.at(known[0]!)
    const answered = fields?.at(known[1]!)
    if (asked !== undefined) readNames(request, asked, settings)
    if (answered !== undefined) readNames(response, answered, settings)
  }
}
