import type {
  Bucket,
  Exemplar,
  Family,
  HistogramMetric,
  Metric,
  MetricBase,
  NativeBuckets,
  NativeHistogram,
} from '../../model/family.ts'
import type { Labels } from '../../model/labels.ts'
import { formatGo } from '../../model/number.ts'

/** A number of JSON, or the text of one that JSON lacks: `NaN`, `+Inf`, `-Inf`, `-0`. */
type JsonNumber = number | string

/** A family as a value for JSON, with all the model has. */
export function familyValue(family: Family): object {
  const { name, type, help, unit } = family
  return {
    name,
    type,
    ...(help === '' ? {} : { help }),
    ...(unit === '' ? {} : { unit }),
    metrics: (family.metrics as readonly Metric[]).map(metricValue),
  }
}

/** Made of entries, so that a label may be called `__proto__`. */
export function labelsValue(labels: Labels): Record<string, string> {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]))
}

function metricValue(metric: Metric): object {
  const base = baseValue(metric)
  if ('value' in metric) {
    const { value, exemplar } = metric
    return { ...base, value: numberValue(value), ...(exemplar && { exemplar: exemplarValue(exemplar) }) }
  }
  if ('states' in metric)
    return { ...base, states: metric.states.map(({ name, enabled }) => [name, enabled]) }
  const totals = {
    ...(metric.count === undefined ? {} : { count: numberValue(metric.count) }),
    ...(metric.sum === undefined ? {} : { sum: numberValue(metric.sum) }),
  }
  if ('quantiles' in metric) {
    const quantiles = metric.quantiles.map(({ quantile, value }) => [
      numberValue(quantile),
      numberValue(value),
    ])
    return { ...base, ...totals, quantiles }
  }
  return { ...base, ...totals, ...histogramValue(metric) }
}

function baseValue({ labels, timestampMs, startMs, stale }: MetricBase): object {
  return {
    ...(labels.length === 0 ? {} : { labels: labelsValue(labels) }),
    ...(timestampMs === undefined ? {} : { timestamp_ms: timestampMs }),
    ...(startMs === undefined ? {} : { start_ms: startMs }),
    ...(stale && { stale }),
  }
}

function histogramValue({ buckets, native, float }: HistogramMetric): object {
  return {
    buckets: buckets.map(bucketValue),
    ...(native && { native: nativeValue(native) }),
    ...(float && { float }),
  }
}

function bucketValue({ upperBound, cumulativeCount, exemplar }: Bucket): (JsonNumber | object)[] {
  const pair = [numberValue(upperBound), numberValue(cumulativeCount)]
  return exemplar === undefined ? pair : [...pair, exemplarValue(exemplar)]
}

function nativeValue(native: NativeHistogram): object {
  const { schema, zeroThreshold, zeroCount, positive, negative, customBounds, exemplars, resetHint } = native
  return {
    schema,
    zero_threshold: numberValue(zeroThreshold),
    zero_count: numberValue(zeroCount),
    positive: bucketsValue(positive),
    negative: bucketsValue(negative),
    ...(customBounds && { custom_bounds: customBounds.map(numberValue) }),
    ...(exemplars && { exemplars: exemplars.map(exemplarValue) }),
    ...(resetHint && { reset_hint: resetHint }),
  }
}

function bucketsValue({ spans, counts }: NativeBuckets): object {
  return { spans: spans.map(({ offset, length }) => [offset, length]), counts: counts.map(numberValue) }
}

function exemplarValue({ labels, value, timestampMs }: Exemplar): object {
  return {
    labels: labelsValue(labels),
    value: numberValue(value),
    ...(timestampMs === undefined ? {} : { timestamp_ms: timestampMs }),
  }
}

function numberValue(value: number): JsonNumber {
  if (Object.is(value, -0)) return '-0'
  return Number.isFinite(value) ? value : formatGo(value)
}
