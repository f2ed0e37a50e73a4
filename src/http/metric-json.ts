import type { Family, HistogramMetric, Metric, NativeHistogram } from '../model/family.ts'
import { type Labels, mergeLabels } from '../model/labels.ts'
import { boundOf, CUSTOM_SCHEMA, eachBucket } from '../model/native-histogram.ts'
import { formatGo } from '../model/number.ts'

/** Metrics as the listing of a group shows them. All numbers are text, because JSON has neither NaN nor infinity. */

/** The first `most` metrics of a family, with the labels that they have in it. */
export function metricsJson(family: Family, most: number): { metrics: object[]; truncated: boolean } {
  const metrics: object[] = []
  for (const metric of family.metrics as readonly Metric[]) {
    for (const shown of metricJson(family.name, metric)) {
      if (metrics.length === most) return { metrics, truncated: true }
      metrics.push(shown)
    }
  }
  return { metrics, truncated: false }
}

/** Made of entries, so that a label may be called `__proto__`. */
export function labelsJson(labels: Labels): Record<string, string> {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]))
}

/** A state set is a number for each of its states, as in text. */
function metricJson(name: string, metric: Metric): object[] {
  const labels = labelsJson(metric.labels)
  if ('value' in metric) return [{ labels, value: formatGo(metric.value) }]
  if ('states' in metric)
    return metric.states.map((state) => ({
      labels: labelsJson(mergeLabels(metric.labels, [{ name, value: state.name }])),
      value: state.enabled ? '1' : '0',
    }))
  if ('quantiles' in metric) {
    const quantiles = metric.quantiles.map(({ quantile, value }) => [formatGo(quantile), formatGo(value)])
    return [{ labels, quantiles: Object.fromEntries(quantiles), ...totalsJson(metric) }]
  }
  return [{ labels, ...histogramJson(metric) }]
}

/** What is not known of them is left out. */
function totalsJson({ count, sum }: { readonly count?: number; readonly sum?: number }): object {
  return {
    ...(count === undefined ? {} : { count: formatGo(count) }),
    ...(sum === undefined ? {} : { sum: formatGo(sum) }),
  }
}

function histogramJson(metric: HistogramMetric): object {
  const { buckets, native } = metric
  const bounds = buckets.map(({ upperBound, cumulativeCount }) => [
    formatGo(upperBound),
    formatGo(cumulativeCount),
  ])
  const classic = { buckets: Object.fromEntries(bounds), ...totalsJson(metric) }
  if (native === undefined) return classic
  return { ...(bounds.length === 0 ? {} : classic), native: nativeJson(native, metric) }
}

function nativeJson(native: NativeHistogram, metric: HistogramMetric): object {
  return {
    schema: native.schema,
    zero_threshold: formatGo(native.zeroThreshold),
    zero_count: formatGo(native.zeroCount),
    ...totalsJson(metric),
    buckets: nativeBuckets(native),
  }
}

/** Lower bound, upper bound and count of each bucket that counts something, from the lowest up. */
function nativeBuckets(native: NativeHistogram): [string, string, string][] {
  const { positive, negative, schema, customBounds = [] } = native
  const below: [string, string, string][] = []
  const above: [string, string, string][] = []
  const upper = (index: number): number =>
    schema === CUSTOM_SCHEMA ? (customBounds[index] ?? Number.POSITIVE_INFINITY) : boundOf(index, schema)
  const lower = (index: number): number =>
    schema === CUSTOM_SCHEMA && index === 0 ? Number.NEGATIVE_INFINITY : upper(index - 1)
  eachBucket(negative, (index, count) => {
    if (count > 0) below.push([formatGo(-upper(index)), formatGo(-lower(index)), formatGo(count)])
  })
  eachBucket(positive, (index, count) => {
    if (count > 0) above.push([formatGo(lower(index)), formatGo(upper(index)), formatGo(count)])
  })
  return [...below.reverse(), ...above]
}
