import type { Metric, Native } from '../api/types.ts'

/** Observations between two bounds, which are text as the server gave it. */
export interface Bucket {
  readonly lower: string
  readonly upper: string
  readonly count: number
  /** There are empty buckets before this one that are not in the list. */
  readonly afterGap: boolean
  /** Of a native histogram what is too near to zero to be told from it. */
  readonly isZero?: boolean
}

/** Of a histogram with classic buckets, each with its own observations instead of everything below its bound. */
export function classicBuckets(buckets: NonNullable<Metric['buckets']>): readonly Bucket[] {
  const byBound = Object.entries(buckets)
    .map(([upper, count]) => ({ upper, bound: boundOf(upper), below: Number(count) }))
    .sort((a, b) => a.bound - b.bound)
  return byBound.map(({ upper, below }, n) => {
    const last = byBound[n - 1]
    return {
      lower: last?.upper ?? '-Inf',
      upper,
      count: Math.max(0, below - (last?.below ?? 0)),
      afterGap: false,
    }
  })
}

/** Of a native histogram, the zero bucket among the others. */
export function nativeBuckets(native: Native): readonly Bucket[] {
  const { zero_threshold: zero, zero_count: zeroCount, buckets } = native
  const all = buckets.map(([lower, upper, count]) => ({ lower, upper, count: Number(count) }))
  const negative = all.filter(({ upper }) => Number(upper) <= 0)
  const positive = all.slice(negative.length)
  // With nothing below zero, nothing near it is below zero either.
  const from = negative.length === 0 || Number(zero) === 0 ? '0' : `-${zero}`
  const middle =
    Number(zeroCount) > 0 ? [{ lower: from, upper: zero, count: Number(zeroCount), isZero: true }] : []
  return [...negative, ...middle, ...positive].map((bucket, n, list) => {
    const last = list[n - 1]
    return { ...bucket, afterGap: last !== undefined && !areClose(Number(last.upper), Number(bucket.lower)) }
  })
}

/** The value below which this share of the observations lies, straight within a bucket; undefined where none can be told. */
export function quantileOf(buckets: readonly Bucket[], share: number): number | undefined {
  const all = buckets.reduce((sum, { count }) => sum + count, 0)
  if (!(all > 0)) return undefined
  const rank = share * all
  let below = 0
  for (const { lower, upper, count } of buckets) {
    if (count > 0 && below + count >= rank) {
      const [from, to] = [boundOf(lower), boundOf(upper)]
      if (to === Infinity) return Number.isFinite(from) ? from : undefined
      const start = from === -Infinity ? Math.min(0, to) : from
      return start + ((to - start) * (rank - below)) / count
    }
    below += count
  }
  return undefined
}

/** As few digits as tell bounds apart. */
export function showBound(text: string): string {
  const value = boundOf(text)
  if (!Number.isFinite(value)) return value > 0 ? '+∞' : '−∞'
  const magnitude = Math.abs(value)
  if (value !== 0 && (magnitude < 1e-4 || magnitude >= 1e6)) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}

function boundOf(text: string): number {
  if (/^[+]?inf/i.test(text)) return Infinity
  if (/^-inf/i.test(text)) return -Infinity
  return Number(text)
}

function areClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b))
}
