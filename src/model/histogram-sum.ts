import type { Bucket, HistogramMetric, NativeBuckets, NativeHistogram } from './family.ts'
import { BucketRow, boundOf, CUSTOM_SCHEMA, coarsen, eachBucket } from './native-histogram.ts'

/**
 * Two histograms of different observations as one of all of them; labels, times and exemplars are those of the second.
 * Undefined when their buckets cannot be brought together: other bounds, or native ones with classic ones alone.
 */
export function addHistograms(a: HistogramMetric, b: HistogramMetric): HistogramMetric | undefined {
  const buckets = addBuckets(a, b)
  const native = addNative(a.native, b.native)
  if (buckets === undefined || native === undefined) return undefined
  const sum = a.sum === undefined || b.sum === undefined ? undefined : a.sum + b.sum
  const { sum: _sum, native: _native, ...rest } = b
  return {
    ...rest,
    count: (a.count ?? 0) + (b.count ?? 0),
    ...(sum === undefined ? {} : { sum }),
    buckets,
    ...(native === 'none' ? {} : { native }),
    ...(a.float || b.float ? { float: true } : {}),
  }
}

/** Cumulative counts add up bound by bound. The bucket without a bound may be left out of either. */
function addBuckets(a: HistogramMetric, b: HistogramMetric): readonly Bucket[] | undefined {
  const finite = ({ upperBound }: Bucket) => upperBound !== Number.POSITIVE_INFINITY
  const before = a.buckets.filter(finite)
  const added = b.buckets.filter(finite)
  if (before.length !== added.length) return undefined
  const buckets: Bucket[] = []
  for (const [i, bucket] of added.entries()) {
    const other = before[i] as Bucket
    if (other.upperBound !== bucket.upperBound) return undefined
    buckets.push({ ...bucket, cumulativeCount: other.cumulativeCount + bucket.cumulativeCount })
  }
  const last = b.buckets.at(-1)
  if (last !== undefined && !finite(last))
    buckets.push({ ...last, cumulativeCount: (a.count ?? 0) + (b.count ?? 0) })
  return buckets
}

function addNative(
  a: NativeHistogram | undefined,
  b: NativeHistogram | undefined,
): NativeHistogram | 'none' | undefined {
  if (a === undefined && b === undefined) return 'none'
  if (a === undefined || b === undefined) return undefined
  if ((a.schema === CUSTOM_SCHEMA) !== (b.schema === CUSTOM_SCHEMA)) return undefined
  if (String(a.customBounds ?? []) !== String(b.customBounds ?? [])) return undefined
  const schema = Math.min(a.schema, b.schema)
  const [left, right] = withOneThreshold(coarsen(a, schema), coarsen(b, schema))
  return {
    ...right,
    zeroCount: left.zeroCount + right.zeroCount,
    positive: addIndexed(left.positive, right.positive),
    negative: addIndexed(left.negative, right.negative),
  }
}

function addIndexed(a: NativeBuckets, b: NativeBuckets): NativeBuckets {
  const counts = new Map<number, number>()
  for (const buckets of [a, b])
    eachBucket(buckets, (index, count) => counts.set(index, (counts.get(index) ?? 0) + count))
  const row = new BucketRow()
  for (const [index, count] of [...counts].sort(([i], [j]) => i - j)) row.add(index, count)
  return row.buckets
}

/** Both with the wider zero bucket, into which go the buckets of the other that lie within it. */
function withOneThreshold(
  a: NativeHistogram,
  b: NativeHistogram,
): readonly [NativeHistogram, NativeHistogram] {
  let { zeroThreshold } = a.zeroThreshold > b.zeroThreshold ? a : b
  for (;;) {
    const left = widen(a, zeroThreshold)
    const right = widen(b, zeroThreshold)
    const widest = Math.max(left.zeroThreshold, right.zeroThreshold)
    // A bucket that was cut in two widened one of them further.
    if (widest === zeroThreshold) return [left, right]
    zeroThreshold = widest
  }
}

/** A bucket that the threshold would cut goes into the zero bucket whole, which then reaches to its end. */
function widen(native: NativeHistogram, threshold: number): NativeHistogram {
  if (threshold <= native.zeroThreshold) return native
  let { zeroCount } = native
  let zeroThreshold = threshold
  const keep = (buckets: NativeBuckets): NativeBuckets => {
    const kept = new BucketRow()
    eachBucket(buckets, (index, count) => {
      if (boundOf(index - 1, native.schema) < threshold) {
        zeroCount += count
        if (count > 0) zeroThreshold = Math.max(zeroThreshold, boundOf(index, native.schema))
      } else kept.add(index, count)
    })
    return kept.buckets
  }
  const positive = keep(native.positive)
  const negative = keep(native.negative)
  return { ...native, zeroThreshold, zeroCount, positive, negative }
}
