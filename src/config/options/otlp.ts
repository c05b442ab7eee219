import { headers } from '../http-types'
import { endpoint } from '../network-types'
import { option } from '../row'
import { flag, oneOf, pemFile, timeout } from '../types'

export const OTLP = {
  otlpEndpoint: option({
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    type: endpoint,
    default: '',
    defaultText: 'http://localhost:4318, for grpc http://localhost:4317',
    doc: 'Base URL of the OTLP backend. Over HTTP, v1/traces is appended; for grpc it may be host:port.',
  }),
  otlpTracesEndpoint: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    type: endpoint,
    default: '',
    defaultText: 'made from OTEL_EXPORTER_OTLP_ENDPOINT',
    doc: 'Whole URL of the OTLP backend for traces, used as it is.',
  }),
  otlpProtocol: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
    fallbacks: ['OTEL_EXPORTER_OTLP_PROTOCOL'],
    type: oneOf(['grpc', 'http/protobuf', 'http/json']),
    default: 'http/protobuf',
    doc: 'How OTLP is spoken.',
  }),
  otlpHeaders: option({
    env: 'OTEL_EXPORTER_OTLP_HEADERS',
    type: headers,
    default: [],
    doc: 'Headers or gRPC metadata to send along, as name=value pairs with percent-encoded values.',
  }),
  otlpTracesHeaders: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
    type: headers,
    default: [],
    doc: 'More of them, for traces only; the same name wins over OTEL_EXPORTER_OTLP_HEADERS.',
  }),
  otlpCompression: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_COMPRESSION',
    fallbacks: ['OTEL_EXPORTER_OTLP_COMPRESSION'],
    type: oneOf(['none', 'gzip']),
    default: 'none',
    doc: 'Compression of what is sent.',
  }),
  otlpTimeoutMs: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT',
    fallbacks: ['OTEL_EXPORTER_OTLP_TIMEOUT'],
    type: timeout,
    default: 10000,
    doc: 'Longest time for one batch, retries included.',
  }),
  otlpCertificate: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE',
    fallbacks: ['OTEL_EXPORTER_OTLP_CERTIFICATE'],
    type: pemFile,
    default: '',
    doc: 'PEM file of the certificate authority that the backend is checked against.',
  }),
  otlpClientKey: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY',
    fallbacks: ['OTEL_EXPORTER_OTLP_CLIENT_KEY'],
    type: pemFile,
    default: '',
    doc: 'PEM file of our private key, for mutual TLS.',
  }),
  otlpClientCertificate: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE',
    fallbacks: ['OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE'],
    type: pemFile,
    default: '',
    doc: 'PEM file of our certificate, for mutual TLS.',
  }),
  otlpInsecure: option({
    env: 'OTEL_EXPORTER_OTLP_TRACES_INSECURE',
    fallbacks: ['OTEL_EXPORTER_OTLP_INSECURE'],
    type: flag,
    default: false,
    doc: 'No TLS for a grpc endpoint that is given without http:// or https://.',
  }),
}
