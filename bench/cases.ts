/** What is measured: programs under load, each with the agents that are compared on it. */
import { AGENTS, type AgentRow, VARIANTS } from './agents'

export interface Case {
  readonly name: string
  readonly title: string
  readonly program: string
  /** `{n}` stands for 0, 1, … up to `paths`, one after the other. */
  readonly path: string
  readonly paths?: number
  readonly env?: Record<string, string>
  readonly connections: number
  readonly warmUp: number
  readonly requests: number
  readonly agents: readonly AgentRow[]
  /** Driven by lines on standard input (`go N`), or by gRPC calls from another process; else by HTTP requests. */
  readonly drive?: 'self' | 'grpc'
  /** Latency is measured at 70 % of the load that the bare program bears. */
  readonly latency?: boolean
}

const byName = (name: string) => AGENTS.find(agent => agent.name === name)!
const bare = byName('bare')

const http = { connections: 32, warmUp: 20_000, requests: 50_000 }
/**
 * V8 goes on compiling for more than ten thousand requests: what a service costs for months, and not for its first second. And
 * gRPC calls become dearer with the first full garbage collection, which a bare program does later than a traced one.
 */
const heavy = { connections: 32, warmUp: 20_000, requests: 15_000 }

export const CASES: readonly Case[] = [
  {
    name: 'plain',
    title: 'plain http server',
    program: 'plain.cjs',
    path: '/hello?x=1',
    ...http,
    agents: AGENTS,
    latency: true,
  },
  {
    name: 'plain-off',
    title: 'plain http server, sampler off',
    program: 'plain.cjs',
    path: '/hello?x=1',
    ...http,
    agents: [bare, ...VARIANTS.off],
  },
  {
    name: 'plain-ratio',
    title: 'plain http server, one trace in ten',
    program: 'plain.cjs',
    path: '/hello?x=1',
    ...http,
    agents: [bare, ...VARIANTS.ratio],
  },
  {
    name: 'plain-away',
    title: 'plain http server, backend away',
    program: 'plain.cjs',
    path: '/hello?x=1',
    ...http,
    agents: [bare, ...VARIANTS.away],
  },
  {
    name: 'express',
    title: 'express, 3 middlewares, router, JSON',
    program: 'express.cjs',
    path: '/api/users/7',
    ...heavy,
    agents: AGENTS,
    latency: true,
  },
  {
    name: 'express-all',
    title: 'express, a span for every layer',
    program: 'express.cjs',
    path: '/api/users/7',
    ...heavy,
    agents: [bare, ...VARIANTS.allSpans, byName('OpenTelemetry 0.81')],
  },
  {
    name: 'calls',
    title: 'http server that does one http.get and one fetch',
    program: 'calls.cjs',
    path: '/',
    ...heavy,
    requests: 10_000,
    agents: AGENTS,
  },
  {
    name: 'grpc-server',
    title: 'gRPC unary server',
    program: 'grpc-server.cjs',
    path: '',
    ...heavy,
    agents: AGENTS,
    drive: 'grpc',
  },
  {
    name: 'grpc-client',
    title: 'gRPC unary client',
    program: 'grpc-client.cjs',
    path: '',
    ...heavy,
    agents: AGENTS,
    drive: 'self',
  },
]
