import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
  type MetricDescriptor,
} from '@opentelemetry/sdk-metrics'
import { PgrError } from '../errors/pgr-error.ts'
import type {
  Family,
  HistogramFamily,
  HistogramMetric,
  MetricBase,
  NativeBuckets,
  NativeHistogram,
  StateSetFamily,
  SummaryFamily,
} from '../model/family.ts'
import { type Labels, mergeLabels } from '../model/labels.ts'
import { CUSTOM_SCHEMA, classicBuckets, eachBucket } from '../model/native-histogram.ts'

/** What points get besides their own. */
export interface PointDefaults {
  /** Over those of the point. */
  readonly labels: Labels
  readonly nowMs: number
}

/**
 * Families as the SDK of OpenTelemetry has them, under their own names. What it has no kind for becomes another: what is
 * unknown, an info or a state set gauges, a gauge histogram a histogram, a summary gauges and sums. Exemplars and
 * the width of a zero bucket, which its serializer does not write, are left out.
 *
 * Throws PGR_PUSH_INVALID for times and counts that OTLP cannot carry.
 */
export function toMetricData(families: readonly Family[], defaults: PointDefaults): MetricData[] {
  return families
    .flatMap((family) => metricsOf(family, defaults))
    .filter(({ dataPoints }) => dataPoints.length > 0)
}

function metricsOf(family: Family, defaults: PointDefaults): MetricData[] {
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info': {
      const points = family.metrics.map((metric) => pointOf(metric, metric.value, defaults))
      return [family.type === 'counter' ? sum(family, points, true) : gauge(family, points)]
    }
    case 'stateset':
      return [gauge(family, statePoints(family, defaults))]
    case 'summary':
      return summaryParts(family, defaults)
    case 'histogram':
    case 'gaugehistogram':
      return histograms(family, defaults)
  }
}

type Head = Pick<Family, 'name' | 'help' | 'unit'>

/** Of `ValueType` in @opentelemetry/api. */
const DOUBLE: MetricDescriptor['valueType'] = 1

function headOf({ name, help, unit }: Head) {
  return {
    descriptor: { name, description: help, unit, valueType: DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
}

function sum(head: Head, dataPoints: DataPoint<number>[], isMonotonic: boolean): MetricData {
  return { ...headOf(head), dataPointType: DataPointType.SUM, isMonotonic, dataPoints }
}

function gauge(head: Head, dataPoints: DataPoint<number>[]): MetricData {
  return { ...headOf(head), dataPointType: DataPointType.GAUGE, dataPoints }
}

function statePoints({ name, metrics }: StateSetFamily, defaults: PointDefaults): DataPoint<number>[] {
  return metrics.flatMap((metric) =>
    metric.states.map((state) =>
      pointOf(withLabel(metric, name, state.name), state.enabled ? 1 : 0, defaults),
    ),
  )
}

/**
 * Sum and count are not said to be monotonic: they would get another name (`…_sum_total`) from whoever translates
 * names for Prometheus.
 */
function summaryParts({ name, help, unit, metrics }: SummaryFamily, defaults: PointDefaults): MetricData[] {
  const quantiles = metrics.flatMap((metric) =>
    metric.quantiles.map(({ quantile, value }) =>
      pointOf(withLabel(metric, 'quantile', String(quantile)), value, defaults),
    ),
  )
  const partsOf = (part: 'sum' | 'count') =>
    metrics.flatMap((metric) => {
      const value = metric[part]
      return value === undefined ? [] : [pointOf(metric, value, defaults)]
    })
  return [
    gauge({ name, help, unit }, quantiles),
    sum({ name: `${name}_sum`, help, unit }, partsOf('sum'), false),
    sum({ name: `${name}_count`, help, unit: '' }, partsOf('count'), false),
  ]
}

/** Buckets whose bounds are listed are one kind of metric, those that grow by a factor another. */
function histograms(family: HistogramFamily, defaults: PointDefaults): MetricData[] {
  const explicit: DataPoint<Histogram>[] = []
  const exponential: DataPoint<ExponentialHistogram>[] = []
  for (const metric of family.metrics) {
    const { native } = metric
    if (native === undefined || native.schema === CUSTOM_SCHEMA) {
      const histogram = explicitOf(metric)
      assertCounts(family.name, [histogram.count, ...histogram.buckets.counts])
      explicit.push(pointOf(metric, histogram, defaults))
    } else {
      const histogram = exponentialOf(metric, native)
      const { count, zeroCount, positive, negative } = histogram
      assertCounts(family.name, [count, zeroCount, ...positive.bucketCounts, ...negative.bucketCounts])
      exponential.push(pointOf(metric, histogram, defaults))
    }
  }
  const head = headOf(family)
  return [
    { ...head, dataPointType: DataPointType.HISTOGRAM, dataPoints: explicit },
    { ...head, dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM, dataPoints: exponential },
  ]
}

/** Counts of ours add up from bucket to bucket; theirs are of each alone, the last of what is above all bounds. */
function explicitOf(metric: HistogramMetric): Histogram {
  const given = metric.native === undefined ? metric.buckets : classicBuckets(metric.native)
  const buckets = given.filter(({ upperBound }) => upperBound !== Number.POSITIVE_INFINITY)
  const count = metric.count ?? given.at(-1)?.cumulativeCount ?? 0
  const boundaries = buckets.map(({ upperBound }) => upperBound)
  const ends = [...buckets.map(({ cumulativeCount }) => cumulativeCount), count]
  const counts = ends.map((end, i) => end - (ends[i - 1] ?? 0))
  return { count, ...sumOf(metric), buckets: { boundaries, counts } }
}

function exponentialOf(metric: HistogramMetric, native: NativeHistogram): ExponentialHistogram {
  const { schema, zeroCount, positive, negative } = native
  return {
    count: metric.count ?? 0,
    ...sumOf(metric),
    scale: schema,
    zeroCount,
    positive: inRow(positive),
    negative: inRow(negative),
  }
}

/** A bucket of ours is named by its upper bound, one of theirs by its lower. */
function inRow(buckets: NativeBuckets): ExponentialHistogram['positive'] {
  const bucketCounts: number[] = []
  let first: number | undefined
  eachBucket(buckets, (index, count) => {
    first ??= index
    while (bucketCounts.length < index - first) bucketCounts.push(0)
    bucketCounts.push(count)
  })
  return { offset: first === undefined ? 0 : first - 1, bucketCounts }
}

function sumOf({ sum }: HistogramMetric): { sum?: number } {
  return sum === undefined ? {} : { sum }
}

function assertCounts(name: string, counts: readonly number[]): void {
  const wrong = counts.find((count) => !(Number.isSafeInteger(count) && count >= 0))
  if (wrong !== undefined)
    throw new PgrError(
      'PGR_PUSH_INVALID',
      `${name} has ${wrong} observations in a bucket or in all, and OTLP carries whole numbers from 0 on`,
    )
}

function pointOf<T>(metric: MetricBase, value: T, { labels, nowMs }: PointDefaults): DataPoint<T> {
  const all = mergeLabels(metric.labels, labels)
  return {
    startTime: timeOf(metric.startMs ?? 0),
    endTime: timeOf(metric.timestampMs ?? nowMs),
    attributes: Object.fromEntries(all.map(({ name, value }) => [name, value])),
    value,
  }
}

/** OTLP has 64 bits for nanoseconds since the epoch. */
const LATEST_MS = 2 ** 64 / 1e6

function timeOf(ms: number): [seconds: number, nanos: number] {
  if (!(ms >= 0 && ms < LATEST_MS))
    throw new PgrError(
      'PGR_PUSH_INVALID',
      `the time ${ms} ms is not between 1970 and 2554, and OTLP knows no other`,
    )
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}

function withLabel(metric: MetricBase, name: string, value: string): MetricBase {
  return { ...metric, labels: mergeLabels(metric.labels, [{ name, value }]) }
}
