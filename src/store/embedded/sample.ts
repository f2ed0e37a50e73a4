import { type SetSample, STALE_MEMORY_MS } from '../store.ts'
import { expiryAfter } from './expiry.ts'

/** What a sample meets: a metric, or the memory of a removed one. */
export interface Stored {
  readonly timestampMs: number
  readonly removed: boolean
}

export interface Ignored {
  readonly older: number
  readonly expired: number
}

export type Decision =
  | { readonly outcome: 'store'; readonly timestampMs: number }
  | { readonly outcome: 'ignore'; readonly reason: keyof Ignored }
  | { readonly outcome: 'nothing' }

/**
 * Whether a sample changes what is stored, and the timestamp it then has. `stored` must not have expired. The order of
 * the questions is part of the contract: it decides what an ignored sample is counted as.
 */
export function decideSample(
  stored: Stored | undefined,
  { timestampMs, content }: SetSample,
  { ttlMs, nowMs }: { ttlMs: number; nowMs: number },
): Decision {
  if (timestampMs !== undefined) {
    if (ttlMs > 0 && timestampMs + ttlMs <= nowMs) return { outcome: 'ignore', reason: 'expired' }
    if (stored !== undefined && timestampMs <= stored.timestampMs)
      return { outcome: 'ignore', reason: 'older' }
  }
  if (content === 'stale' && (stored === undefined || stored.removed)) return { outcome: 'nothing' }
  return { outcome: 'store', timestampMs: timestampMs ?? Math.max(nowMs, stored?.timestampMs ?? 0) }
}

/** When the metric ends, or for a stale sample the memory of it, which always does. */
export function expiryOfSample({ content }: SetSample, ttlMs: number, nowMs: number): number {
  return expiryAfter(nowMs, content === 'stale' && ttlMs === 0 ? STALE_MEMORY_MS : ttlMs)
}
