/** A wall clock that moves only when told, forwards or backwards. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  advance(ms: number): void
}

export function makeClock(startMs = Date.UTC(2024, 0, 1)): Clock {
  let nowMs = startMs
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms
    },
  }
}
