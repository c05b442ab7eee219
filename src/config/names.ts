/**
 * Names that variables may hold. The tables that give them their meaning are loaded only when one is used; a test
 * compares these lists with them.
 */
export const EXPORTERS = [
  'otlp',
  'xray',
  'xray-api',
  'zipkin',
  'jaeger',
  'console',
  'file',
  'otlp/stdout',
  'none',
] as const
export type ExporterName = Exclude<(typeof EXPORTERS)[number], 'none'>

export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'jaeger_remote',
  'parentbased_jaeger_remote',
  'xray',
  'ratelimit',
  'rules',
  'parentbased_rules',
] as const
export type SamplerName = (typeof SAMPLERS)[number]

export const PROPAGATORS = [
  'tracecontext',
  'baggage',
  'b3',
  'b3multi',
  'jaeger',
  'xray',
  'xray-lambda',
  'ottrace',
  'opencensus',
  'kratos',
  'none',
] as const
export type PropagatorName = Exclude<(typeof PROPAGATORS)[number], 'none'>

export const INSTRUMENTATIONS = ['http', 'undici', 'grpc', 'express'] as const

/** Instrumentations of other OpenTelemetry agents for Node.js: to leave them out is already done. */
export const FOREIGN_INSTRUMENTATIONS = [
  'amqplib',
  'aws-lambda',
  'aws-sdk',
  'bunyan',
  'cassandra-driver',
  'connect',
  'cucumber',
  'dataloader',
  'dns',
  'fastify',
  'fs',
  'generic-pool',
  'graphql',
  'hapi',
  'host-metrics',
  'ioredis',
  'kafkajs',
  'knex',
  'koa',
  'lru-memoizer',
  'memcached',
  'mongodb',
  'mongoose',
  'mysql',
  'mysql2',
  'nestjs-core',
  'net',
  'openai',
  'oracledb',
  'pg',
  'pino',
  'redis',
  'redis-4',
  'restify',
  'router',
  'runtime-node',
  'socket.io',
  'tedious',
  'typeorm',
  'winston',
] as const

/** Resource detectors: the names of `OTEL_NODE_RESOURCE_DETECTORS`. */
export const DETECTORS = [
  'env',
  'host',
  'os',
  'process',
  'serviceinstance',
  'container',
  'k8s',
  'lambda',
  'aws',
  'gcp',
  'azure',
  'all',
  'none',
] as const
export type DetectorName = Exclude<(typeof DETECTORS)[number], 'all' | 'none'>
