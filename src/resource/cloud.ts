/**
 * Attributes that only the metadata service of a cloud knows. The official detectors ask for them in a thread of their own:
 * they hold sockets and timers that would keep a finished program alive for seconds, and their requests are none of the
 * program's.
 */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { environmentForThread } from '../config/surroundings'
import { guard, notUnderstood } from '../guard'
import { startTimer, stopTimer } from '../timers'
import type { Found } from './local'

/** Optional packages: each brings a part of the OpenTelemetry SDK with it. */
export const PACKAGES = {
  aws: '@opentelemetry/resource-detector-aws',
  gcp: '@opentelemetry/resource-detector-gcp',
  azure: '@opentelemetry/resource-detector-azure',
} as const
export type Cloud = keyof typeof PACKAGES
export const CLOUDS = Object.keys(PACKAGES) as readonly Cloud[]

/** What the thread is given. */
export interface CloudQuestion {
  readonly clouds: readonly Cloud[]
  /** The file of the program: packages that are not found beside the agent are looked for beside it. */
  readonly program: string | undefined
}

/** What the thread says: of each detector what it found, and of each cloud that nothing more will come. */
export interface CloudAnswer {
  readonly cloud: Cloud
  readonly found: Found
  readonly isLast: boolean
  /** Why nothing could be asked. */
  readonly fault?: string
}

/**
 * Asks for the clouds, all at once, and resolves with what was found, in their order. It does not keep the
 * program alive, and rejects for a fault of ours alone. What has not answered after `timeoutMs` is left out.
 *
 * @param say told why there is nothing from a cloud
 */
export function detectClouds(
  clouds: readonly Cloud[],
  timeoutMs: number,
  say: (message: string) => void,
): Promise<Found> {
  const answers = new Map<Cloud, Found>(clouds.map(cloud => [cloud, []]))
  const open = new Set(clouds)
  return new Promise((resolve, reject) => {
    let worker: Worker | undefined
    const guarded = guard(error => {
      reject(notUnderstood(error))
      stopTimer(timer)
      void worker?.terminate()
    })
    const finish = () => {
      stopTimer(timer)
      void worker?.terminate()
      resolve([...answers.values()].flat())
    }
    const onTime = () => {
      // On ECS, say, the detector for EC2 waits in vain while that for ECS has answered.
      const silent = [...open].filter(cloud => answers.get(cloud)!.length === 0)
      if (silent.length > 0) {
        say(
          `${silent.join(', ')}: no metadata service answered within ${timeoutMs} ms (TRACING_AGENT_RESOURCE_TIMEOUT); ` +
            'spans go without its attributes',
        )
      }
      finish()
    }
    const timer = startTimer(guarded(onTime), timeoutMs)
    timer.unref()
    try {
      worker = new Worker(join(__dirname, 'cloud-worker.js'), {
        workerData: { clouds, program: process.argv[1] } satisfies CloudQuestion,
        execArgv: [],
        argv: [],
        env: environmentForThread(),
        stdout: true,
        stderr: true,
      })
      const onMessage = ({ cloud, found, isLast, fault }: CloudAnswer) => {
        if (fault !== undefined) say(`${cloud}: ${fault}`)
        answers.get(cloud)!.push(...found)
        if (isLast) open.delete(cloud)
        if (open.size === 0) finish()
      }
      const onError = (error: Error) => {
        say(`a detector failed: ${error.message}`)
        finish()
      }
      worker.on('message', guarded(onMessage))
      worker.on('error', guarded(onError))
      worker.unref()
    } catch (error) {
      say(`no thread could be started: ${(error as Error).message}`)
      finish()
    }
  })
}
