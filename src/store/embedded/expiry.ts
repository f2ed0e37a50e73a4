/** Instants in milliseconds at which something ends; 0 = never. */
export function isLive(expiresMs: number, nowMs: number): boolean {
  return expiresMs === 0 || expiresMs > nowMs
}

/** The end of something that lives `ttlMs` from now, or forever when that is 0. */
export function expiryAfter(nowMs: number, ttlMs: number): number {
  return ttlMs === 0 ? 0 : nowMs + ttlMs
}

/** Never is later than every instant. */
export function laterExpiry(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : Math.max(a, b)
}
