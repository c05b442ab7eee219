import type { RequestFacts } from './request'

/** Paths at which programs answer that they are well, without a trailing slash. */
const PATHS = new Set([
  '/health',
  '/healthz',
  '/healthcheck',
  '/health-check',
  '/health_check',
  '/healthy',
  '/_health',
  '/_healthz',
  '/_ah/health',
  '/-/health',
  '/-/healthy',
  '/-/ready',
  '/hc',
  '/heartbeat',
  '/live',
  '/livez',
  '/liveness',
  '/livenessprobe',
  '/ready',
  '/readyz',
  '/readiness',
  '/readinessprobe',
  '/startup',
  '/startupz',
  '/ping',
  '/actuator/health',
  '/api/health',
  '/api/healthz',
])
/** Everything below these: `/health/live`, `/actuator/health/readiness`. */
const FOLDERS = ['/health/', '/healthz/', '/livez/', '/readyz/', '/actuator/health/']

/** How the agents that ask for it introduce themselves. */
const AGENTS = [
  'kube-probe/',
  'ELB-HealthChecker/',
  'Amazon-Route53-Health-Check-Service',
  'GoogleHC/',
  'Google-HC/',
  'Load Balancer Agent',
  'Edge Health Probe',
  'HealthCheck/1.0',
  'Envoy/HC',
  'Consul Health Check',
]

const GRPC = 'grpc.health.v1.Health/'
/** No health check is longer, and a hostile path is not looked through. */
const MAX_PATH = 64

/** The preset `@health`: the usual health paths, gRPC health checks, probes of Kubernetes and of load balancers. */
export function isHealthCheck({ path, rpcMethod, userAgent }: RequestFacts): boolean {
  if (rpcMethod?.startsWith(GRPC)) return true
  if (userAgent !== undefined) {
    for (const agent of AGENTS) if (userAgent.startsWith(agent)) return true
  }
  return path !== undefined && isHealthPath(path)
}

/** What a path without a query tells of it; that of a gRPC call is `/package.Service/Method`. */
export function isHealthPath(path: string): boolean {
  if (path.length > MAX_PATH) return false
  if (path.startsWith(GRPC, 1)) return true
  const lower = path.toLowerCase()
  if (PATHS.has(lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower)) return true
  for (const folder of FOLDERS) if (lower.startsWith(folder)) return true
  return false
}
