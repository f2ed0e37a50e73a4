/** A request every `intervalMs`, and `burst` at once after a pause. */
export interface RateLimit {
  readonly intervalMs: number
  readonly burst: number
}

export interface Bucket {
  /** Takes a token; false when there is none. */
  take(): boolean
}

/** A bucket of tokens, full at first, that gets a new one every interval. */
export function makeBucket({ intervalMs, burst }: RateLimit, nowMs = () => performance.now()): Bucket {
  let tokens = burst
  let countedAtMs = nowMs()
  return {
    take() {
      const atMs = nowMs()
      tokens = Math.min(burst, tokens + (atMs - countedAtMs) / intervalMs)
      countedAtMs = atMs
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
