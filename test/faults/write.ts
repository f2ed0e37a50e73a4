import type { Push } from './history.ts'

/** All attempts to write one token to one unit, as far as they decide what a page may show. */
export interface Write {
  readonly writer: number
  readonly seq: number
  /** A delete or a wipe: what it leaves is nothing. */
  readonly isRemoval: boolean
  readonly ttlMs: number
  /** Of the first attempt: it cannot have been applied before. */
  readonly startMs: number
  /** It cannot be applied any more; infinite while an attempt is not answered, minus infinity when nothing ran. */
  untilMs: number
  /** Beginning and end of the attempt that was acknowledged; infinite without one. */
  ackStartMs: number
  ackMs: number
  /** Attempts that may have been applied. */
  attempts: number
  /** End of the first scrape that showed it. */
  seenMs: number
  /** Beginning of the last scrape that showed it. */
  lastSeenMs: number
  /** Distinct ones that were seen with it. */
  readonly pushTimes: number[]
  /**
   * What a page that lacks it means so far: nothing is missing; missing, and it may come back; missing for good, as a
   * fault allows; missing against every promise.
   */
  absence: 'none' | 'hidden' | 'lost' | 'gone'
}

/** Of its first attempt, which is not counted yet. */
export function newWrite({ writer, seq, kind, ttlMs, startMs }: Push): Write {
  return {
    writer,
    seq,
    isRemoval: kind === 'delete' || kind === 'wipe',
    ttlMs,
    startMs,
    untilMs: Number.POSITIVE_INFINITY,
    ackStartMs: Number.POSITIVE_INFINITY,
    ackMs: Number.POSITIVE_INFINITY,
    attempts: 0,
    seenMs: Number.POSITIVE_INFINITY,
    lastSeenMs: Number.NEGATIVE_INFINITY,
    pushTimes: [],
    absence: 'none',
  }
}

/** Numbers of one writer stay below 2^32. */
export function keyOf({ writer, seq }: { readonly writer: number; readonly seq: number }): number {
  return writer * 2 ** 32 + seq
}

/** Earliest moment at which it may be over. */
export function expiresFromMs(write: Write): number {
  if (write.ttlMs === 0) return Number.POSITIVE_INFINITY
  return (write.ackMs === Number.POSITIVE_INFINITY ? write.startMs : write.ackStartMs) + write.ttlMs
}

/** Latest moment at which it may be shown. */
export function expiresByMs(write: Write): number {
  return write.ttlMs === 0 ? Number.POSITIVE_INFINITY : write.untilMs + write.ttlMs
}

/** From when on it does not matter any more; what nothing came of is remembered for as long as if it had been stored. */
export function overMs(write: Write): number {
  if (write.isRemoval) return write.untilMs
  return write.attempts > 0 ? expiresByMs(write) : write.startMs + (write.ttlMs || Number.POSITIVE_INFINITY)
}
