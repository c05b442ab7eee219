/** The thread that asks the official cloud detectors (see cloud.ts). */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { type Cloud, type CloudAnswer, type CloudQuestion, PACKAGES } from './cloud'
import type { Found } from './local'

/** A detector as the official packages export it. Older ones return a promise, newer ones attributes that are promises. */
interface Detector {
  detect(): { attributes?: Record<string, unknown> } | Promise<{ attributes?: Record<string, unknown> }>
}

const { clouds, program } = workerData as CloudQuestion
for (const cloud of clouds) void ask(cloud)

function answer(message: CloudAnswer): void {
  parentPort!.postMessage(message)
}

async function ask(cloud: Cloud): Promise<void> {
  let exported: Record<string, unknown>
  try {
    exported = load(PACKAGES[cloud])
  } catch (error) {
    const name = PACKAGES[cloud]
    const isMissing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
    const why = isMissing ? `is not installed: npm install ${name}` : `cannot be loaded: ${(error as Error).message}`
    answer({ cloud, found: [], isLast: true, fault: `the package ${name} ${why}` })
    return
  }
  const detectors = Object.values(exported).filter(isDetector)
  await Promise.all(detectors.map(async detector => answer({ cloud, found: await detect(detector), isLast: false })))
  answer({ cloud, found: [], isLast: true })
}

function load(name: string): Record<string, unknown> {
  try {
    return require(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    return createRequire(program ?? join(process.cwd(), 'program.js'))(name)
  }
}

function isDetector(value: unknown): value is Detector {
  return typeof value === 'object' && value !== null && typeof (value as { detect?: unknown }).detect === 'function'
}

/** A detector that finds itself elsewhere returns nothing; one that fails is treated the same. */
async function detect(detector: Detector): Promise<Found> {
  try {
    const { attributes } = await detector.detect()
    const found: Found = []
    for (const [key, value] of Object.entries(attributes ?? {})) {
      const settled: unknown = await value
      if (typeof settled === 'string' || typeof settled === 'number') found.push([key, settled])
      else if (Array.isArray(settled) && settled.every(item => typeof item === 'string')) found.push([key, settled])
    }
    return found
  } catch {
    return []
  }
}
