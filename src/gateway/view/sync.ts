import { PgrError } from '../../errors/pgr-error.ts'
import type { Store } from '../../store/store.ts'
import type { Tell } from '../../telemetry/events.ts'
import { within } from '../within.ts'
import type { View } from './view.ts'

export interface Sync {
  /**
   * Resolves when the view has everything whose write resolved before this call. Calls that arrive together share one
   * poll, but never one that was already sent: it may have passed the store before the caller's own push.
   * Rejects with PGR_STORE_UNAVAILABLE when the store is away or `deadlineMs` (performance.now) passes first, and with
   * PGR_STORE_DEGRADED when a part of it is away: then the view has what the rest of it tells.
   */
  refresh(deadlineMs: number): Promise<void>
  /** True once the view has been complete. */
  readonly loaded: boolean
  /** Instant (performance.now) as of which the view was last complete: when the poll was sent that found it so. */
  readonly completeAtMs: number
  /** Why the last poll failed; undefined when it did not. */
  readonly failure: PgrError | undefined
  start(): void
  stop(): Promise<void>
}

export interface SyncOptions {
  /** Milliseconds between polls that keep a scrape's own poll small; 0 = none. */
  readonly intervalMs: number
  /** Longest a single catch-up may take; a cold start with everything to read is the longest. */
  readonly pollTimeoutMs: number
}

const LATE = 'the store did not tell in time what changed; it is slow or much has to be read'

export function makeSync(store: Store, view: View, tell: Tell, options: SyncOptions): Sync {
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let loaded = false
  let completeAtMs = Number.NEGATIVE_INFINITY
  let failure: PgrError | undefined

  async function pollOnce(startedMs: number): Promise<void> {
    let units = 0
    // A disagreement found while reading makes the partition unread; reading on mends it in the same poll.
    for (let round = 0, agreed = false; !agreed; round++) {
      if (round === 3)
        throw new PgrError('PGR_STORE_UNAVAILABLE', 'the view and the store keep disagreeing; see the log')
      agreed = true
      for await (const page of store.changes(view.positions(), {
        deadlineMs: startedMs + options.pollTimeoutMs,
      })) {
        units += page.changes.length
        agreed = view.applyPage(page, startedMs) && agreed
      }
    }
    tell({ kind: 'view.poll', seconds: (performance.now() - startedMs) / 1000, units })
  }

  function start(): Promise<void> {
    const startedMs = performance.now()
    const poll = pollOnce(startedMs).then(
      () => {
        loaded = true
        failure = undefined
        completeAtMs = startedMs
      },
      (reason: unknown) => {
        failure = PgrError.from(reason, 'PGR_STORE_UNAVAILABLE')
        throw failure
      },
    )
    running = poll
    const settled = () => {
      running = undefined
    }
    poll.then(settled, settled)
    return poll
  }

  function join(): Promise<void> {
    if (running === undefined) return start()
    queued ??= running
      .catch(() => undefined)
      .then(() => {
        queued = undefined
        return start()
      })
    return queued
  }

  function schedule(): void {
    if (stopped || options.intervalMs === 0) return
    timer = setTimeout(() => {
      join().then(schedule, schedule)
    }, options.intervalMs)
    timer.unref()
  }

  return {
    refresh: (deadlineMs) => within(join(), deadlineMs, LATE),
    get loaded() {
      return loaded
    },
    get completeAtMs() {
      return completeAtMs
    },
    get failure() {
      return failure
    },
    start() {
      join().then(schedule, schedule)
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running?.catch(() => undefined)
    },
  }
}
