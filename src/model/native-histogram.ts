import type { Bucket, NativeBuckets, NativeHistogram } from './family.ts'

/**
 * What holds for native histograms whatever protocol they came by (Prometheus, Native Histograms): which are valid, how
 * one of a finer schema is made coarser, and how one with custom bounds looks in classic buckets.
 */

/** Schema of bounds that are listed one by one. */
export const CUSTOM_SCHEMA = -53
export const COARSEST_SCHEMA = -4
/** The finest that Prometheus stores. */
export const FINEST_SCHEMA = 8
/** Schemas up to here are known, and stored as the finest one. */
export const FINEST_KNOWN_SCHEMA = 52

const MOST_INDEX = 2 ** 31

/** Why the histogram may not be stored, to continue "it"; undefined when nothing is wrong with it. */
export function nativeProblem(
  native: NativeHistogram,
  count: number,
  sum: number,
  isFloat: boolean,
): string | undefined {
  const { schema, zeroCount, zeroThreshold, positive, negative } = native
  if (!Number.isInteger(schema) || schema < CUSTOM_SCHEMA || schema > FINEST_SCHEMA)
    return `has the schema ${schema}; known are ${COARSEST_SCHEMA} to ${FINEST_KNOWN_SCHEMA}`
  if (schema === CUSTOM_SCHEMA) {
    const problem = customProblem(native)
    if (problem !== undefined) return problem
  } else {
    if (schema < COARSEST_SCHEMA)
      return `has the schema ${schema}; known are ${COARSEST_SCHEMA} to ${FINEST_KNOWN_SCHEMA}`
    if (native.customBounds !== undefined) return 'has custom bounds beside a schema that has none'
  }
  if (!(zeroThreshold >= 0)) return `has the zero threshold ${zeroThreshold}`
  if (!isCount(zeroCount)) return `has the zero count ${zeroCount}`
  if (!isCount(count)) return `has the count ${count}`
  const problem = bucketsProblem(positive, 'positive') ?? bucketsProblem(negative, 'negative')
  if (problem !== undefined) return problem
  if (isFloat) return undefined
  const held = zeroCount + sumOf(positive.counts) + sumOf(negative.counts)
  // Observations that are not numbers are in the count and in no bucket.
  const agrees = Number.isNaN(sum) ? held <= count : held === count
  return agrees ? undefined : `holds ${held} observations in its buckets, and its count is ${count}`
}

function customProblem({
  customBounds = [],
  positive,
  negative,
  zeroCount,
  zeroThreshold,
}: NativeHistogram): string | undefined {
  if (zeroCount !== 0 || zeroThreshold !== 0) return 'has custom bounds and a zero bucket'
  if (negative.spans.length > 0 || negative.counts.length > 0) return 'has custom bounds and negative buckets'
  for (const [i, bound] of customBounds.entries()) {
    if (!Number.isFinite(bound)) return `has the custom bound ${bound}`
    if (i > 0 && bound <= (customBounds[i - 1] as number)) return 'has custom bounds that do not rise'
  }
  let index = 0
  for (const { offset, length } of positive.spans) {
    if (offset < 0) return 'has custom bounds and a span before the first of them'
    index += offset + length
  }
  return index > customBounds.length + 1 ? 'has more buckets than custom bounds' : undefined
}

function bucketsProblem({ spans, counts }: NativeBuckets, side: string): string | undefined {
  let covered = 0
  let index = 0
  for (const [i, { offset, length }] of spans.entries()) {
    if (i > 0 && offset < 0) return `has ${side} spans that overlap`
    index += offset + length
    covered += length
    if (Math.abs(index) > MOST_INDEX) return `has ${side} spans beyond any number`
  }
  if (covered !== counts.length) return `has ${counts.length} ${side} buckets, and spans for ${covered}`
  const wrong = counts.find((count) => !isCount(count))
  return wrong === undefined ? undefined : `has ${wrong} observations in a ${side} bucket`
}

function isCount(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY
}

function sumOf(counts: readonly number[]): number {
  let sum = 0
  for (const count of counts) sum += count
  return sum
}

/**
 * The same histogram with buckets `2^by` times as wide, by steps of the schema; no observation is lost or moved, because
 * every bucket of a schema lies within one of the next coarser. Spans must cover the counts.
 */
export function coarsen(native: NativeHistogram, schema: number): NativeHistogram {
  const by = native.schema - schema
  if (by <= 0) return native
  return {
    ...native,
    schema,
    positive: coarsenBuckets(native.positive, by),
    negative: coarsenBuckets(native.negative, by),
  }
}

function coarsenBuckets(buckets: NativeBuckets, by: number): NativeBuckets {
  const factor = 2 ** by
  const coarse = new BucketRow()
  // Bucket `index` ends at base^index, so that the last of those that fall together names them.
  eachBucket(buckets, (index, count) => coarse.add(Math.ceil(index / factor), count))
  return coarse.buckets
}

/** Calls `take` with every bucket that the spans cover; the bucket `index` ends at `2^(2^-schema * index)`. */
export function eachBucket(
  { spans, counts }: NativeBuckets,
  take: (index: number, count: number) => void,
): void {
  let index = 0
  let at = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++) take(index, counts[at++] as number)
  }
}

/** Buckets that stand in a row, the first with this index; empty ones are left out. */
export function bucketsInRow(index: number, counts: readonly number[]): NativeBuckets {
  const row = new BucketRow()
  for (let i = 0; i < counts.length; i++) if (counts[i] !== 0) row.add(index + i, counts[i] as number)
  return row.buckets
}

/** Buckets added by their index, which never falls. */
export class BucketRow {
  private readonly spans: { offset: number; length: number }[] = []
  private readonly counts: number[] = []
  private end = 0

  get buckets(): NativeBuckets {
    return { spans: this.spans, counts: this.counts }
  }

  add(index: number, count: number): void {
    const { spans, counts, end } = this
    const last = spans[spans.length - 1]
    if (last !== undefined && index === end - 1) {
      counts[counts.length - 1] = (counts[counts.length - 1] as number) + count
      return
    }
    if (last !== undefined && index === end) last.length++
    else spans.push({ offset: index - end, length: 1 })
    counts.push(count)
    this.end = index + 1
  }
}

/**
 * Classic buckets that say the same, one for every native one that counts something; of custom bounds, one for each. The
 * bucket without a bound is the count, and left out. What lies on a lower bound counts for the bucket below it, where
 * a negative native one has it in the one above.
 */
export function classicBuckets(native: NativeHistogram): Bucket[] {
  return native.schema === CUSTOM_SCHEMA ? customBuckets(native) : exponentialBuckets(native)
}

function exponentialBuckets({
  schema,
  zeroThreshold,
  zeroCount,
  positive,
  negative,
}: NativeHistogram): Bucket[] {
  const counts: { readonly upperBound: number; readonly count: number }[] = []
  eachBucket(negative, (index, count) => {
    if (count > 0) counts.push({ upperBound: -boundOf(index - 1, schema), count })
  })
  counts.reverse()
  if (zeroCount > 0) counts.push({ upperBound: zeroThreshold, count: zeroCount })
  eachBucket(positive, (index, count) => {
    if (count > 0) counts.push({ upperBound: boundOf(index, schema), count })
  })
  let cumulativeCount = 0
  const buckets: Bucket[] = []
  for (const { upperBound, count } of counts) {
    cumulativeCount += count
    if (upperBound !== Number.POSITIVE_INFINITY) buckets.push({ upperBound, cumulativeCount })
  }
  return buckets
}

/** Upper bound of a bucket. */
export function boundOf(index: number, schema: number): number {
  return 2 ** (index * 2 ** -schema)
}

function customBuckets({ customBounds = [], positive }: NativeHistogram): Bucket[] {
  const counts = new Array<number>(customBounds.length + 1).fill(0)
  let index = 0
  let at = 0
  for (const { offset, length } of positive.spans) {
    index += offset
    for (let i = 0; i < length; i++, index++) counts[index] = positive.counts[at++] as number
  }
  let cumulativeCount = 0
  return customBounds.map((upperBound, i) => {
    cumulativeCount += counts[i] as number
    return { upperBound, cumulativeCount }
  })
}
