import {
  type Bucket,
  type Exemplar,
  type HistogramMetric,
  type MetricBase,
  type NativeHistogram,
  type NumberMetric,
  rising,
  type SummaryMetric,
} from '../../model/family.ts'
import type { Labels } from '../../model/labels.ts'
import {
  bucketsInRow,
  COARSEST_SCHEMA,
  coarsen,
  FINEST_SCHEMA,
  nativeProblem,
} from '../../model/native-histogram.ts'
import { exemplarsOf, later, latestOf } from './exemplars.ts'
import type { ExponentialPoint, HistogramPoint, NumberPoint, Point, SummaryPoint } from './request.ts'

/**
 * One point as a metric of the model, or why it cannot be one, to continue "it". Of a point without a recorded value only
 * the labels and times mean anything.
 */
export function numberMetric(
  point: NumberPoint,
  labels: Labels,
  hasExemplars: boolean,
): NumberMetric | string {
  const { value, exemplars } = point
  if (point.isStale) return { value: 0, ...baseOf(point, labels) }
  if (value === undefined) return 'has no value'
  if (!hasExemplars || exemplars.length === 0) {
    const { timeMs, startMs } = point
    // Almost every point.
    if (timeMs !== 0 && startMs !== 0) return { labels, timestampMs: timeMs, startMs, value }
    return { value, ...baseOf(point, labels) }
  }
  return { value, ...baseOf(point, labels), ...held(latestOf(exemplarsOf(exemplars))) }
}

function baseOf({ timeMs, startMs, isStale }: Point, labels: Labels): MetricBase {
  return {
    labels,
    ...(timeMs !== 0 && { timestampMs: timeMs }),
    ...(startMs !== 0 && { startMs }),
    ...(isStale && { stale: true as const }),
  }
}

/** Numbers from here on are the nearest to a count, and do not add up. */
const INEXACT = 2 ** 53

/**
 * A classic histogram. As Prometheus has it, buckets may stop before the bounds do, and the bucket without a bound is the
 * count; a bound that is infinite is left to it.
 */
export function histogramMetric(point: HistogramPoint, labels: Labels): HistogramMetric | string {
  const { count, sum, bounds, bucketCounts, exemplars } = point
  if (point.isStale) return { buckets: [], ...baseOf(point, labels) }
  const most = Math.min(bounds.length, bucketCounts.length)
  const buckets: Bucket[] = []
  let cumulativeCount = 0
  let before = Number.NEGATIVE_INFINITY
  for (let i = 0; i < most; i++) {
    const upperBound = bounds[i] as number
    if (!(upperBound > before)) return 'has bounds that do not rise'
    before = upperBound
    cumulativeCount += bucketCounts[i] as number
    if (cumulativeCount > count) {
      if (count < INEXACT)
        return `holds ${cumulativeCount} observations in its buckets, and its count is ${count}`
      cumulativeCount = count
    }
    if (upperBound !== Number.POSITIVE_INFINITY) buckets.push({ upperBound, cumulativeCount })
  }
  return {
    count,
    buckets: withExemplars(buckets, exemplarsOf(exemplars), count),
    ...baseOf(point, labels),
    ...(sum !== undefined && { sum }),
  }
}

/** Each bucket with the latest exemplar that falls into it; the bucket without a bound is there if one falls into that. */
function withExemplars(
  buckets: readonly Bucket[],
  exemplars: readonly Exemplar[],
  count: number,
): readonly Bucket[] {
  if (exemplars.length === 0) return buckets
  const latest = new Map<number, Exemplar>()
  for (const exemplar of exemplars) {
    const place = placeOf(exemplar.value, buckets)
    latest.set(place, later(latest.get(place), exemplar))
  }
  const filled = buckets.map((bucket, place) => ({ ...bucket, ...held(latest.get(place)) }))
  const beyond = latest.get(buckets.length)
  return beyond === undefined
    ? filled
    : [...filled, { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: count, exemplar: beyond }]
}

function held(exemplar: Exemplar | undefined): { exemplar?: Exemplar } {
  return exemplar === undefined ? {} : { exemplar }
}

/** Index of the first bucket whose bound is not below the value; their number if there is none. */
function placeOf(value: number, buckets: readonly Bucket[]): number {
  let low = 0
  let high = buckets.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((buckets[middle] as Bucket).upperBound >= value) high = middle
    else low = middle + 1
  }
  return low
}

/** What a point without a threshold of its own gets, in Prometheus. */
const ZERO_THRESHOLD = 1e-128
/** Beyond this many steps every bucket of one sign is one. */
const MOST_STEPS = 31

/**
 * A native histogram: the buckets of both are cut at the same bounds, except that theirs are counted by the lower bound
 * and ours by the upper one. A finer scale than is stored is made coarser, which loses no observation.
 */
export function exponentialMetric(point: ExponentialPoint, labels: Labels): HistogramMetric | string {
  const { count, sum, scale, zeroCount, zeroThreshold, positive, negative } = point
  if (point.isStale) return { buckets: [], ...baseOf(point, labels) }
  if (scale < COARSEST_SCHEMA) return `has the scale ${scale}; there are buckets from ${COARSEST_SCHEMA} on`
  const exemplars = exemplarsOf(point.exemplars).filter(({ timestampMs }) => timestampMs !== undefined)
  const read: NativeHistogram = {
    schema: Math.min(scale, FINEST_SCHEMA),
    zeroThreshold: zeroThreshold === 0 ? ZERO_THRESHOLD : zeroThreshold,
    zeroCount,
    positive: bucketsInRow(positive.offset + 1, positive.counts),
    negative: bucketsInRow(negative.offset + 1, negative.counts),
    ...(exemplars.length > 0 && { exemplars }),
  }
  const problem = nativeProblem(read, count, sum ?? 0, false)
  if (problem !== undefined) return problem
  const native = coarsen({ ...read, schema: Math.min(scale, FINEST_SCHEMA + MOST_STEPS) }, FINEST_SCHEMA)
  return { count, buckets: [], native, ...baseOf(point, labels), ...(sum !== undefined && { sum }) }
}

export function summaryMetric(point: SummaryPoint, labels: Labels): SummaryMetric | string {
  const { count, sum, quantiles } = point
  if (point.isStale) return { quantiles: [], ...baseOf(point, labels) }
  const wrong = quantiles.find(({ quantile }) => !(quantile >= 0 && quantile <= 1))
  if (wrong !== undefined) return `has the quantile ${wrong.quantile}; it must be from 0 to 1`
  return { count, sum, quantiles: rising(quantiles, ({ quantile }) => quantile), ...baseOf(point, labels) }
}
