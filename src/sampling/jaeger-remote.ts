import type { SpanContext } from '@opentelemetry/api'
import type { AttributeList, Kind } from '../trace/data'
import { SamplingService } from './ask'
import type { Sampler, SamplingResult } from './contract'
import { parseStrategies, Strategies } from './jaeger-strategies'
import { readNumber, readRatio } from './numbers'
import { monotonicClock, repeater, type SamplerParts, unawaited } from './parts'
import { readArgument, readHttpUrl } from './settings-argument'
import { TraceIdRatioSampler } from './traceidratio'

/** 0.001 is what Jaeger's own clients begin with. */
const KEYS = {
  endpoint: { read: readHttpUrl, expected: 'an http or https address', fallback: 'http://localhost:5778/sampling' },
  pollingIntervalMs: { read: readInterval, expected: 'milliseconds, at least 100', fallback: 60_000 },
  initialSamplingRate: { read: readRatio, expected: 'a number from 0 to 1', fallback: 0.001 },
} as const

/**
 * Decides as a Jaeger collector or agent says (Jaeger, "Remote Sampling API"): `GET {endpoint}?service={name}` at the start
 * and every polling interval. Until the first answer the initial ratio counts, and after that the last answer.
 */
export class JaegerRemoteSampler implements Sampler {
  readonly readsAttributes = true
  private current: Sampler
  private strategies: Strategies | undefined
  private service: SamplingService | undefined
  private stopPolling: (() => void) | undefined
  private asking = false
  private failed = false

  private constructor(
    private readonly endpoint: URL,
    private readonly intervalMs: number,
    initialRatio: number,
    private readonly parts: SamplerParts,
  ) {
    this.current = new TraceIdRatioSampler(initialRatio)
  }

  /** @param argument `endpoint=…,pollingIntervalMs=…,initialSamplingRate=…`, each of which may be missing */
  static parse(argument: string | undefined, parts: SamplerParts): JaegerRemoteSampler {
    const { endpoint, initialSamplingRate, pollingIntervalMs } = readArgument(argument, KEYS, parts.log)
    return new JaegerRemoteSampler(withPath(new URL(endpoint)), pollingIntervalMs, initialSamplingRate, parts)
  }

  shouldSample(
    parent: SpanContext | undefined,
    traceId: string,
    name: string,
    kind: Kind,
    attributes: AttributeList,
  ): SamplingResult {
    return this.current.shouldSample(parent, traceId, name, kind, attributes)
  }

  start(): void {
    if (this.service !== undefined) return
    this.service = new SamplingService(this.endpoint)
    const poll = unawaited(this.parts, () => this.poll())
    this.stopPolling = repeater(this.parts)(this.intervalMs, poll)
    poll()
  }

  stop(): void {
    this.stopPolling?.()
    this.service?.close()
    this.service = undefined
  }

  toString(): string {
    const { host, pathname, protocol } = this.endpoint
    return `JaegerRemoteSampler{endpoint=${protocol}//${host}${pathname}, pollingIntervalMs=${this.intervalMs}, sampler=${this.current}}`
  }

  private async poll(): Promise<void> {
    const { service } = this
    if (this.asking || service === undefined) return
    this.asking = true
    const { log, serviceName } = this.parts
    const { host, pathname, search } = this.endpoint
    try {
      const path = `${pathname}${search === '' ? '?' : `${search}&`}service=${encodeURIComponent(serviceName)}`
      const answer = parseStrategies(await service.ask(path))
      if (this.service === undefined) return
      if (typeof answer === 'string') throw new Error(answer)
      this.strategies ??= new Strategies(monotonicClock(this.parts))
      this.current = this.strategies.update(answer)
      log.debug(`sampling strategy from ${host}: ${this.current}`)
      if (this.failed) log.info(`The sampling service ${host}${pathname} answers again.`)
      this.failed = false
    } catch (error) {
      if (this.service === undefined) return
      if (!this.failed) {
        log.warn(
          `The sampling service ${host}${pathname} ${reason(error)}${grpcHint(this.endpoint)}; ${this.current} counts until it does. OTEL_TRACES_SAMPLER_ARG="endpoint=…" selects another.`,
        )
      }
      this.failed = true
    } finally {
      this.asking = false
    }
  }
}

function reason(error: unknown): string {
  const message = String((error as Error | undefined)?.message)
  return /^(answered|did not answer|closed|was not understood)/.test(message) ? message : `does not answer (${message})`
}

function grpcHint({ port }: URL): string {
  return port === '14250' ? ' (14250 is the port for gRPC; the one for HTTP is 5778)' : ''
}

function readInterval(text: string): number | undefined {
  const ms = readNumber(text)
  return ms !== undefined && ms >= 100 && ms <= 2 ** 31 - 1 ? Math.round(ms) : undefined
}

/** Where the sampling service lives when only host and port are given: Jaeger's collector has it elsewhere than its agent. */
function withPath(endpoint: URL): URL {
  if (endpoint.pathname === '/') endpoint.pathname = endpoint.port === '14268' ? '/api/sampling' : '/sampling'
  endpoint.hash = ''
  return endpoint
}
