import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { AgentContext } from '../trace/context'
import { PEER_SERVICE } from '../trace/tracer'
import type { HeaderFormat } from './contract'
import { isFieldText, onlyValue, trimOws } from './header'

const HEADER = 'x-md-service-name'
const MAX_LENGTH = 256

/**
 * Kratos (middleware/tracing, `Metadata`): the caller's service name, which becomes `peer.service` of the server span. It
 * carries no span; the headers for that are `tracecontext` and `baggage`.
 *
 *     x-md-service-name: {service.name of the sender}
 */
export function kratos(serviceName: string): HeaderFormat {
  const sendable = serviceName !== '' && isFieldText(serviceName)
  return {
    fields: sendable ? [HEADER] : [],

    extractBeside<C>(context: AgentContext, carrier: C, getter: TextMapGetter<C>): AgentContext {
      const name = trimOws(onlyValue(getter.get(carrier, HEADER)) ?? '')
      return name === '' || name.length > MAX_LENGTH ? context : context.setValue(PEER_SERVICE, name)
    },

    injectBeside<C>(_context: AgentContext, carrier: C, setter: TextMapSetter<C>): void {
      if (sendable) setter.set(carrier, HEADER, serviceName)
    },
  }
}
