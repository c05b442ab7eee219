import { startTimer, stopTimer } from '../timers'
import type { SpanData } from '../trace/data'
import type { Exporter } from './contract'
import { atHome } from './home'

/** A local root may never end (a connection that stays open): its finished children are not kept longer. */
const MAX_WAIT_MS = 30_000
/** Traces that are remembered as complete. */
const MAX_REMEMBERED = 1000

/**
 * Keeps the finished spans of a trace until the local root has ended, so that they are exported one after the other: for
 * an exporter that shows whole traces to a person. Children that end later follow on their own.
 *
 * @param maxSpans kept spans of all traces; the oldest trace goes first
 */
export function gathering(exporter: Exporter, maxSpans: number): Exporter {
  const traces = new Map<string, SpanData[]>()
  /** Traces whose local root was seen: what comes late need not wait for another. */
  const complete = new Set<string>()
  let kept = 0
  let timer: NodeJS.Timeout | undefined

  function release(traceId: string): void {
    const spans = traces.get(traceId)
    if (spans === undefined) return
    traces.delete(traceId)
    kept -= spans.length
    for (const span of spans) exporter.push(span)
  }

  function releaseAll(): void {
    stopTimer(timer)
    timer = undefined
    for (const traceId of [...traces.keys()]) release(traceId)
  }

  return {
    name: exporter.name,
    target: exporter.target,
    get counts() {
      const { finished, sent, lost } = exporter.counts
      return { finished: finished + kept, sent, lost }
    },
    get pending() {
      return exporter.pending + kept
    },
    get onIdle() {
      return exporter.onIdle
    },
    set onIdle(listener) {
      exporter.onIdle = listener && (() => kept === 0 && listener())
    },
    push(span) {
      const { traceId } = span
      if (span.parentSpanId === '' || span.parentIsRemote) {
        release(traceId)
        complete.add(traceId)
        if (complete.size > MAX_REMEMBERED) complete.delete(complete.values().next().value!)
      }
      if (complete.has(traceId)) {
        exporter.push(span)
        return
      }
      const spans = traces.get(traceId)
      if (spans === undefined) traces.set(traceId, [span])
      else spans.push(span)
      if (++kept > maxSpans) release(traces.keys().next().value!)
      timer ??= atHome(startTimer, undefined, releaseAll, MAX_WAIT_MS).unref()
    },
    flush() {
      releaseAll()
      return exporter.flush()
    },
    takeUnsent(canWait) {
      releaseAll()
      return exporter.takeUnsent(canWait)
    },
    settle: (unsent, reply) => exporter.settle(unsent, reply),
    stop(withinMs) {
      releaseAll()
      return exporter.stop(withinMs)
    },
  }
}
