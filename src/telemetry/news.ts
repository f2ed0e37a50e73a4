interface NewsOptions {
  /** Things remembered; beyond it the one heard of longest ago is forgotten. */
  readonly capacity: number
  /** Most things said in a minute, whoever brings them up. */
  readonly perMinute: number
  /** A clock in milliseconds that never goes back. */
  readonly nowMs: () => number
}

/** `last`: say it, and that others are held back until the minute is over. */
export type Verdict = 'say' | 'last' | 'hush'

const MINUTE_MS = 60_000

/**
 * Keeps warnings that come with every scrape from flooding the log: a thing is news when its state differs from the
 * last one said, or when it was last said longer ago than `againAfterMs`.
 */
export function makeNews({ capacity, perMinute, nowMs }: NewsOptions) {
  const said = new Map<string, { state: string; atMs: number }>()
  let minuteStartMs = Number.NEGATIVE_INFINITY
  let saidThisMinute = 0

  return function judge(thing: string, state: string, againAfterMs = Number.POSITIVE_INFINITY): Verdict {
    const atMs = nowMs()
    const before = said.get(thing)
    if (before?.state === state && atMs - before.atMs < againAfterMs) return 'hush'
    if (atMs - minuteStartMs >= MINUTE_MS) {
      minuteStartMs = atMs
      saidThisMinute = 0
    }
    if (saidThisMinute >= perMinute) return 'hush'
    saidThisMinute++
    remember(thing, { state, atMs })
    return saidThisMinute === perMinute ? 'last' : 'say'
  }

  function remember(thing: string, saying: { state: string; atMs: number }): void {
    said.delete(thing)
    said.set(thing, saying)
    if (said.size <= capacity) return
    for (const oldest of said.keys()) {
      said.delete(oldest)
      return
    }
  }
}
