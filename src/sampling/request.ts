import type { AttributeList } from '../trace/data'
import { CLIENT, type Kind } from '../trace/data'

/** What the attributes of a starting span say of a request, in the words in which rules speak of it. */
export interface RequestFacts {
  /** As it was sent, also when it is none of the known ones. Undefined: not HTTP. */
  method: string | undefined
  /** Path without query. */
  path: string | undefined
  host: string | undefined
  port: number | undefined
  userAgent: string | undefined
  /** `package.Service/Method` as it was called, also when there is none of that name. Undefined: not gRPC. */
  rpcMethod: string | undefined
}

/** The facts, from the attributes that the semantic conventions demand at the start of a span. */
export function readRequest(kind: Kind, attributes: AttributeList): RequestFacts {
  const facts: RequestFacts = {
    method: undefined,
    path: undefined,
    host: undefined,
    port: undefined,
    userAgent: undefined,
    rpcMethod: undefined,
  }
  let method: string | undefined
  let original: string | undefined
  let rpcMethod: string | undefined
  for (let i = 0; i < attributes.length; i += 2) {
    const value = attributes[i + 1]
    switch (attributes[i]) {
      case 'http.request.method':
        method = text(value)
        break
      case 'http.request.method_original':
        original = text(value)
        break
      case 'url.path':
        facts.path = text(value)
        break
      case 'url.full':
        if (kind === CLIENT && facts.path === undefined) facts.path = pathOf(text(value))
        break
      case 'server.address':
        facts.host = text(value)
        break
      case 'server.port':
        facts.port = typeof value === 'number' ? value : undefined
        break
      case 'user_agent.original':
        facts.userAgent = text(value)
        break
      case 'rpc.method':
        rpcMethod = text(value)
        break
      case 'rpc.method_original':
        facts.rpcMethod = text(value)
        break
    }
  }
  facts.method = original ?? method
  facts.rpcMethod ??= rpcMethod
  return facts
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Of an absolute URL, without parsing the rest of it. */
function pathOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  const scheme = url.indexOf('://')
  if (scheme === -1) return undefined
  const slash = url.indexOf('/', scheme + 3)
  let end = url.length
  for (const mark of ['?', '#']) {
    const at = url.indexOf(mark, scheme + 3)
    if (at !== -1 && at < end) end = at
  }
  return slash === -1 || slash > end ? '/' : url.slice(slash, end)
}
