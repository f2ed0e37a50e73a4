const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 30_000
/** A gateway may ask for a longer pause than ours, but not keep a cron job waiting for ever. */
const LONGEST_ASKED_MS = 60_000

/** Only these can turn out differently when nothing is changed. */
export function isWorthRetrying(status: number): boolean {
  return status === 429 || status >= 500
}

/**
 * Pause before trying again. `attempt` counts failed attempts from 1; `random` is in [0, 1). Doubles each time, with
 * jitter downwards so that many senders do not come back together; never shorter than the gateway asked for, which is
 * taken seriously up to a minute.
 */
export function retryDelayMs(attempt: number, askedMs: number | undefined, random: number): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 20))
  const delay = longest * (1 - random / 2)
  return askedMs === undefined ? delay : Math.max(delay, Math.min(askedMs, LONGEST_ASKED_MS))
}

/** Value of Retry-After in milliseconds from now, from seconds or an HTTP date; undefined when it is neither. */
export function parseRetryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const text = header.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const atMs = /^[A-Z][a-z]{2},/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
