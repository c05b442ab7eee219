import { randomUUID } from 'node:crypto'
import type { Config } from './config/options'
import type { AttributePair } from './config/types'
import type { Log } from './log'
import type { Cloud } from './resource/cloud'
import { detectContainer, detectKubernetes, detectLambda } from './resource/container'
import { baseName, detectHost, detectOs, detectProcess, type Found } from './resource/local'
import { findProgram } from './resource/program'
import type { AttributeList, Resource } from './trace/data'

const LOCAL: Readonly<Record<string, () => Found>> = {
  host: detectHost,
  os: detectOs,
  process: detectProcess,
  serviceinstance: () => [['service.instance.id', randomUUID()]],
  container: detectContainer,
  k8s: detectKubernetes,
  lambda: detectLambda,
}

/** Their detectors are loaded only when one is asked for. */
const CLOUDS: readonly string[] = ['aws', 'gcp', 'azure'] satisfies Cloud[]

/**
 * Who produces the spans of this process (OpenTelemetry Resource SDK). Nothing is looked up before somebody reads it,
 * which is when the first batch is encoded; what variables say wins over what was found.
 */
export class ProcessResource implements Resource {
  private list: AttributeList | undefined
  private waiting: Promise<void> | undefined
  private settled: boolean
  private name: string | undefined
  private clouds: Found = []

  constructor(
    private readonly config: Config,
    private readonly log: Log,
    private readonly version: string,
    private readonly entry: string | undefined,
  ) {
    this.settled = !this.detectors().some(name => CLOUDS.includes(name))
  }

  get attributes(): AttributeList {
    this.list ??= this.collect()
    return this.list
  }

  get serviceName(): string {
    this.name ??= this.findServiceName()
    return this.name
  }

  ready(): Promise<void> | undefined {
    if (this.settled) return undefined
    this.waiting ??= this.askClouds()
    return this.waiting
  }

  private async askClouds(): Promise<void> {
    const { detectClouds } = require('./resource/cloud') as typeof import('./resource/cloud')
    const clouds = this.detectors().filter((name): name is Cloud => CLOUDS.includes(name))
    // Whoever asks for all gets what there is.
    const isNamed = !this.config.resourceDetectors.includes('all')
    const say = (message: string) => {
      const line = `OTEL_NODE_RESOURCE_DETECTORS, ${message}`
      if (isNamed) this.log.warn(line)
      else this.log.info(line)
    }
    try {
      this.clouds = await detectClouds(clouds, this.config.resourceTimeoutMs, say)
    } catch (error) {
      this.log.warn(
        `OTEL_NODE_RESOURCE_DETECTORS, fault while asking ${clouds}, their attributes are missing: ${error}`,
      )
    }
    this.list = undefined
    this.settled = true
  }

  /** A map keeps the place of the first value of a key and the last value for it. */
  private collect(): AttributeList {
    const all = new Map<string, AttributePair[1]>([
      ['service.name', ''],
      ['telemetry.sdk.name', 'tracing-agent'],
      ['telemetry.sdk.language', 'nodejs'],
      ['telemetry.sdk.version', this.version],
    ])
    const program = findProgram(this.entry)
    if (program !== undefined && program.version !== '') all.set('service.version', program.version)
    let cloudsAdded = false
    for (const detector of this.detectors()) {
      if (CLOUDS.includes(detector)) {
        if (!cloudsAdded) for (const [key, value] of this.clouds) all.set(key, value)
        cloudsAdded = true
      } else for (const [key, value] of detected(detector, this.log)) all.set(key, value)
    }
    for (const [key, value] of entityAttributes(this.config)) all.set(key, value)
    for (const [key, value] of this.config.resourceAttributes) all.set(key, value)
    all.set('service.name', this.serviceName)
    return [...all].flat(1) as AttributeList
  }

  private findServiceName(): string {
    const { resourceAttributes, serviceName } = this.config
    if (serviceName !== '') return serviceName
    for (const [key, value] of [...resourceAttributes, ...entityAttributes(this.config)]) {
      if (key === 'service.name' && value !== '') return String(value)
    }
    const lambda = detectLambda().find(([key]) => key === 'faas.name')
    if (lambda !== undefined) return lambda[1] as string
    const program = findProgram(this.entry)
    if (program !== undefined) return program.name
    const unknown = `unknown_service:${baseName(process.execPath).replace(/\.exe$/i, '')}`
    this.log.warn(`OTEL_SERVICE_NAME is not set and no package.json tells a name; using ${unknown}`)
    return unknown
  }

  private detectors(): readonly string[] {
    const { resourceDetectors } = this.config
    return resourceDetectors.includes('all') ? [...Object.keys(LOCAL), ...CLOUDS] : resourceDetectors
  }
}

/** What describes the entities, then what identifies them, which wins. */
function entityAttributes({ entities }: Config): AttributePair[] {
  return [...entities.flatMap(({ description }) => description), ...entities.flatMap(({ id }) => id)]
}

/** A detector that fails costs its own attributes and no more. */
function detected(name: string, log: Log): Found {
  try {
    return Object.hasOwn(LOCAL, name) ? LOCAL[name]!() : []
  } catch (error) {
    log.warn(`resource detector ${name} failed, its attributes are missing: ${error}`, `detector ${name}`)
    return []
  }
}

/**
 * @param version that of the agent
 * @param entry the file that Node.js runs; undefined: none, and the working directory tells the name
 */
export function createResource(
  config: Config,
  log: Log,
  version: string,
  entry: string | undefined = process.argv[1],
): ProcessResource {
  return new ProcessResource(config, log, version, entry)
}
