import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Log } from '../log'
import { runInContext, SUPPRESSED } from '../trace/context'
import type { Found } from './local'

/** A detector as the official packages export it. */
interface Detector {
  detect(config?: unknown): { attributes?: Record<string, unknown> } | Promise<{ attributes?: Record<string, unknown> }>
}

/** Official detectors that ask the metadata service of a cloud. They are optional: they bring an SDK with them. */
const PACKAGES: Readonly<Record<string, string>> = {
  aws: '@opentelemetry/resource-detector-aws',
  gcp: '@opentelemetry/resource-detector-gcp',
  azure: '@opentelemetry/resource-detector-azure',
}

export const CLOUDS = Object.keys(PACKAGES)

/**
 * Asks the detectors of the clouds, all at once, and resolves with what was found, in their order. Never rejects; what has
 * not answered after `timeoutMs` is left out and said.
 */
export async function detectClouds(clouds: readonly string[], timeoutMs: number, log: Log): Promise<Found> {
  const answers = await Promise.all(clouds.map(cloud => askWithin(cloud, timeoutMs, log)))
  return answers.flat()
}

async function askWithin(cloud: string, timeoutMs: number, log: Log): Promise<Found> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(resolve, timeoutMs, undefined)
  })
  const found = await Promise.race([ask(cloud, log), late])
  clearTimeout(timer)
  if (found !== undefined) return found
  log.warn(
    `the metadata service of ${cloud} did not answer within ${timeoutMs} ms (TRACING_AGENT_RESOURCE_TIMEOUT): ` +
      'spans carry no attributes of the cloud',
  )
  return []
}

async function ask(cloud: string, log: Log): Promise<Found> {
  const name = PACKAGES[cloud]!
  let module: Record<string, unknown>
  try {
    module = load(name)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
    const why = missing ? `is not installed: npm install ${name}` : `could not be loaded: ${(error as Error).message}`
    log.warn(`OTEL_NODE_RESOURCE_DETECTORS asks for ${cloud}, but the package ${name} ${why}`)
    return []
  }
  const detectors = Object.values(module).filter(isDetector)
  const results = await Promise.all(detectors.map(detector => detect(detector)))
  return results.flat()
}

/** From beside this package, or from beside the program. */
function load(name: string): Record<string, unknown> {
  return runInContext(
    SUPPRESSED,
    () => {
      try {
        return require(name)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
        return createRequire(process.argv[1] ?? join(process.cwd(), 'program.js'))(name)
      }
    },
    undefined,
    [],
  )
}

function isDetector(value: unknown): value is Detector {
  return typeof value === 'object' && value !== null && typeof (value as { detect?: unknown }).detect === 'function'
}

/** A detector that finds itself elsewhere returns nothing; one that fails is treated the same. */
async function detect(detector: Detector): Promise<Found> {
  try {
    const { attributes } = await (runInContext(SUPPRESSED, detector.detect, detector, []) as ReturnType<
      Detector['detect']
    >)
    const found: Found = []
    for (const [key, value] of Object.entries(attributes ?? {})) {
      const settled = await value
      if (typeof settled === 'string' || typeof settled === 'number') found.push([key, settled])
      else if (Array.isArray(settled) && settled.every(item => typeof item === 'string')) found.push([key, settled])
    }
    return found
  } catch {
    return []
  }
}
