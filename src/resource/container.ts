import { isInKubernetes, kubernetesVariables, lambdaVariables } from '../config/surroundings'
import { type Found, readText } from './local'

/** 64 hex digits (Docker, containerd, CRI-O), or the form of ECS on Fargate. */
const CONTAINER_ID = /(?:^|[^0-9a-f])([0-9a-f]{64}|[0-9a-f]{32}-\d{6,})(?:\.scope)?(?:$|[^0-9a-f])/
const POD_UID = /pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})/
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

/** Where the kernel tells in which container a process is. Given as an argument so that tests can stand in for it. */
export interface ContainerFiles {
  readonly cgroup: string
  readonly mountinfo: string
}

const FILES: ContainerFiles = { cgroup: '/proc/self/cgroup', mountinfo: '/proc/self/mountinfo' }

export function detectContainer(files: ContainerFiles = FILES): Found {
  const id = containerId(readText(files.cgroup), readText(files.mountinfo))
  return id === undefined ? [] : [['container.id', id]]
}

/**
 * @param cgroup /proc/self/cgroup, which names the container with cgroup version 1
 * @param mountinfo /proc/self/mountinfo, which with version 2 shows it in the sources of /etc/hostname and /etc/hosts
 */
export function containerId(cgroup: string, mountinfo: string): string | undefined {
  for (const line of cgroup.split('\n')) {
    const path = line.slice(line.lastIndexOf(':') + 1)
    const id = CONTAINER_ID.exec(path.slice(path.lastIndexOf('/')))?.[1]
    if (id !== undefined) return id
  }
  for (const line of mountinfo.split('\n')) {
    if (!/\s\/etc\/(?:hostname|hosts|resolv\.conf)\s/.test(line)) continue
    const id = /\/(?:containers|overlay-containers|sandboxes)\/([0-9a-f]{64})\//.exec(line)?.[1]
    if (id !== undefined) return id
  }
  return undefined
}

/** From variables, and what only files tell: the namespace and the pod's uid. */
export function detectKubernetes(files: ContainerFiles = FILES): Found {
  const found: Found = kubernetesVariables().map(([key, value]) => [key, value])
  if (!isInKubernetes()) return found
  const has = (key: string) => found.some(([name]) => name === key)
  if (!has('k8s.namespace.name')) {
    const namespace = readText(NAMESPACE_FILE)
    if (namespace !== '') found.push(['k8s.namespace.name', namespace])
  }
  if (!has('k8s.pod.uid')) {
    const uid = POD_UID.exec(readText(files.cgroup))?.[1] ?? POD_UID.exec(readText(files.mountinfo))?.[1]
    if (uid !== undefined) found.push(['k8s.pod.uid', uid.replaceAll('_', '-')])
  }
  return found
}

export function detectLambda(): Found {
  return lambdaVariables().map(([key, value]) => [key, value])
}
