import {
  headerNames,
  hostPatterns,
  methods,
  parameterNames,
  pathPatterns,
  type StatusRange,
  statuses,
} from '../http-types'
import { option } from '../row'
import { oneOf } from '../types'

const NO_NAMES: readonly string[] = []

function captured(env: string, what: string) {
  return option<readonly string[]>({
    env,
    type: headerNames,
    default: NO_NAMES,
    doc: `${what} to record as attributes. Credentials such as authorization and cookie are never recorded.`,
  })
}

/** What makes a span, and what of a request is written into it. */
export const HTTP = {
  ignoreIncomingPaths: option<readonly string[]>({
    env: 'TRACING_AGENT_IGNORE_INCOMING_PATHS',
    type: pathPatterns,
    default: NO_NAMES,
    doc: 'Requests to this service that make no spans: paths without query, * and ? as wildcards, such as /healthz,/static/*. A gRPC method is /package.Service/Method. @health stands for the usual health checks.',
  }),
  ignoreIncomingHosts: option<readonly string[]>({
    env: 'TRACING_AGENT_IGNORE_INCOMING_HOSTS',
    type: hostPatterns,
    default: NO_NAMES,
    doc: 'Requests to this service under these host names make no spans.',
  }),
  ignoreOutgoingPaths: option<readonly string[]>({
    env: 'TRACING_AGENT_IGNORE_OUTGOING_PATHS',
    type: pathPatterns,
    default: NO_NAMES,
    doc: 'Calls of these paths make no spans.',
  }),
  ignoreOutgoingHosts: option<readonly string[]>({
    env: 'TRACING_AGENT_IGNORE_OUTGOING_HOSTS',
    type: hostPatterns,
    default: NO_NAMES,
    doc: 'Calls to these hosts make no spans: host or host:port, * and ? as wildcards.',
  }),
  knownMethods: option({
    env: 'OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS',
    type: methods,
    default: ['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE'],
    doc: 'Methods that keep their name, case-sensitive; all others become _OTHER. Replaces the default list.',
  }),
  serverErrorStatuses: option<readonly StatusRange[]>({
    env: 'TRACING_AGENT_SERVER_ERROR_STATUSES',
    type: statuses,
    default: [[500, 599]],
    doc: 'Statuses with which this service answers that make its span an error.',
  }),
  clientErrorStatuses: option<readonly StatusRange[]>({
    env: 'TRACING_AGENT_CLIENT_ERROR_STATUSES',
    type: statuses,
    default: [[400, 599]],
    doc: 'Statuses of answers to this service that make the span of the call an error.',
  }),
  redactQuery: option<readonly string[]>({
    env: 'TRACING_AGENT_REDACT_QUERY',
    type: parameterNames,
    default: NO_NAMES,
    doc: 'Query parameters whose values are replaced by REDACTED, in any case, besides X-Amz-Signature, X-Amz-Credential, X-Amz-Security-Token, AWSAccessKeyId, Signature, sig and X-Goog-Signature. * redacts all.',
  }),
  expressSpans: option({
    env: 'TRACING_AGENT_EXPRESS_SPANS',
    type: oneOf(['none', 'handler', 'router', 'all']),
    default: 'handler',
    doc: 'Which parts of Express get a span: none; the handler that answered; routers, too; all, middleware included.',
  }),
  serverRequestHeaders: captured(
    'OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS',
    'Headers of incoming requests',
  ),
  serverResponseHeaders: captured(
    'OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS',
    'Headers of our responses',
  ),
  clientRequestHeaders: captured(
    'OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS',
    'Headers of outgoing requests',
  ),
  clientResponseHeaders: captured(
    'OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS',
    'Headers of responses to us',
  ),
  grpcServerRequestMetadata: captured(
    'OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST',
    'Metadata of incoming gRPC calls',
  ),
  grpcServerResponseMetadata: captured(
    'OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_RESPONSE',
    'Metadata with which we answer gRPC calls',
  ),
  grpcClientRequestMetadata: captured(
    'OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_REQUEST',
    'Metadata of outgoing gRPC calls',
  ),
  grpcClientResponseMetadata: captured(
    'OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_RESPONSE',
    'Metadata of answers to our gRPC calls',
  ),
}
