/** Numbers that look random and are the same for the same seed. */
export interface Chance {
  /** From 0 up to, not including, 1. */
  next(): number
  /** An integer from 0 up to, not including, `count`. */
  below(count: number): number
  pick<T>(from: readonly T[]): T
}

/** Mulberry32. */
export function makeChance(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (count: number): number => Math.floor(next() * count)
  return {
    next,
    below,
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new Error('there is nothing to pick from')
      return from[below(from.length)] as T
    },
  }
}
