import type { Rule } from './rules/rule.ts'

/** How much happened. */
export interface Tally {
  readonly acked: number
  readonly refused: number
  /** Attempts that may or may not have been applied. */
  readonly unknown: number
  readonly scrapes: number
  readonly failedScrapes: number
  /** Errors less than a second apart belong together; from the beginning of the first to the end of the last. */
  readonly longestErrorWindowMs: number
  /** Of any replica. */
  readonly mostResidentBytes: number
}

const GAP_MS = 1000

/** Counts calls, and how long pushes failed. */
export function makeTally(): Rule & { counts(): Tally } {
  const counts = {
    acked: 0,
    refused: 0,
    unknown: 0,
    scrapes: 0,
    failedScrapes: 0,
    longestErrorWindowMs: 0,
    mostResidentBytes: 0,
  }
  let window = { fromMs: 0, toMs: Number.NEGATIVE_INFINITY }

  function fail(startMs: number, endMs: number): void {
    window =
      startMs - window.toMs > GAP_MS
        ? { fromMs: startMs, toMs: endMs }
        : { fromMs: Math.min(startMs, window.fromMs), toMs: Math.max(endMs, window.toMs) }
    counts.longestErrorWindowMs = Math.max(
      counts.longestErrorWindowMs,
      Math.round(window.toMs - window.fromMs),
    )
  }

  return {
    counts: () => counts,
    see(event) {
      if (event.kind === 'push.ended') {
        const { push, answer, endMs } = event
        if (answer.outcome === 'ok') counts.acked++
        else counts[answer.outcome]++
        if (answer.status === 503 || answer.status === 0) fail(push.startMs, endMs)
      }
      if (event.kind === 'reading')
        counts.mostResidentBytes = Math.max(counts.mostResidentBytes, event.reading.residentBytes)
      if (event.kind === 'scrape.ended') {
        counts.scrapes++
        if (event.answer.status !== 200) counts.failedScrapes++
      }
    },
  }
}
