import type { Pair } from './types'

/** What a platform tells a process by variables. Not settings: nobody sets them by hand. */
interface PlatformVariable {
  readonly attribute: string
  /** The first that is set is used. */
  readonly variables: readonly string[]
}

/** From the OpenTelemetry operator, and from the names that the downward API is given by custom. */
const KUBERNETES: readonly PlatformVariable[] = [
  { attribute: 'k8s.cluster.name', variables: ['K8S_CLUSTER_NAME', 'CLUSTER_NAME'] },
  { attribute: 'k8s.namespace.name', variables: ['K8S_NAMESPACE_NAME', 'K8S_NAMESPACE', 'POD_NAMESPACE', 'NAMESPACE'] },
  { attribute: 'k8s.node.name', variables: ['OTEL_RESOURCE_ATTRIBUTES_NODE_NAME', 'K8S_NODE_NAME', 'NODE_NAME'] },
  {
    attribute: 'k8s.pod.name',
    variables: ['OTEL_RESOURCE_ATTRIBUTES_POD_NAME', 'K8S_POD_NAME', 'POD_NAME', 'HOSTNAME'],
  },
  { attribute: 'k8s.pod.uid', variables: ['OTEL_RESOURCE_ATTRIBUTES_POD_UID', 'K8S_POD_UID', 'POD_UID'] },
  { attribute: 'k8s.pod.ip', variables: ['OTEL_POD_IP', 'K8S_POD_IP', 'POD_IP'] },
  { attribute: 'k8s.deployment.name', variables: ['K8S_DEPLOYMENT_NAME', 'DEPLOYMENT_NAME'] },
  { attribute: 'k8s.container.name', variables: ['K8S_CONTAINER_NAME', 'CONTAINER_NAME'] },
]

/** AWS Lambda developer guide, "Defined runtime environment variables". */
const LAMBDA: readonly PlatformVariable[] = [
  { attribute: 'cloud.region', variables: ['AWS_REGION'] },
  { attribute: 'faas.name', variables: ['AWS_LAMBDA_FUNCTION_NAME'] },
  { attribute: 'faas.version', variables: ['AWS_LAMBDA_FUNCTION_VERSION'] },
  { attribute: 'faas.instance', variables: ['AWS_LAMBDA_LOG_STREAM_NAME'] },
]

/** Attributes of the pod, or none outside of Kubernetes: names such as NODE_NAME mean something else elsewhere. */
export function kubernetesVariables(env: NodeJS.ProcessEnv = process.env): Pair[] {
  const inside = isSet(env.KUBERNETES_SERVICE_HOST)
  const pairs: Pair[] = []
  for (const { attribute, variables } of KUBERNETES) {
    const value = firstSet(env, inside ? variables : variables.filter(name => name.startsWith('OTEL_')))
    if (value !== undefined) pairs.push([attribute, value])
  }
  return pairs
}

/** True when the process runs in a pod, whether or not any variable says which. */
export function isInKubernetes(env: NodeJS.ProcessEnv = process.env): boolean {
  return isSet(env.KUBERNETES_SERVICE_HOST)
}

/** Attributes of the Lambda function, or none elsewhere. */
export function lambdaVariables(env: NodeJS.ProcessEnv = process.env): (Pair | readonly [string, number | string[]])[] {
  if (!isSet(env.AWS_LAMBDA_FUNCTION_NAME)) return []
  const pairs: (Pair | readonly [string, number | string[]])[] = [
    ['cloud.provider', 'aws'],
    ['cloud.platform', 'aws_lambda'],
  ]
  for (const { attribute, variables } of LAMBDA) {
    const value = firstSet(env, variables)
    if (value !== undefined) pairs.push([attribute, value])
  }
  const megabytes = Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE)
  if (megabytes > 0) pairs.push(['faas.max_memory', megabytes * 1024 * 1024])
  if (isSet(env.AWS_LAMBDA_LOG_GROUP_NAME)) pairs.push(['aws.log.group.names', [env.AWS_LAMBDA_LOG_GROUP_NAME!]])
  return pairs
}

function firstSet(env: NodeJS.ProcessEnv, variables: readonly string[]): string | undefined {
  for (const variable of variables) {
    if (isSet(env[variable])) return env[variable]!.trim()
  }
  return undefined
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value.trim() !== ''
}

/** The environment for a thread of our own: what the program asked Node to preload is not preloaded again there. */
export function environmentForThread(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const copy: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && name !== 'NODE_OPTIONS') copy[name] = value
  }
  return copy
}

/** What Node.js is told by NODE_OPTIONS; empty when it is not set. */
export function nodeOptions(env: NodeJS.ProcessEnv = process.env): string {
  return env.NODE_OPTIONS ?? ''
}

/** A copy of the environment for a child: with other values, and without those that are undefined. */
export function environmentForChild(
  changes: Readonly<Record<string, string | undefined>>,
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string | undefined> {
  return { ...env, ...changes }
}
