import type {
  Exemplar,
  Family,
  FamilyType,
  HistogramMetric,
  Metric,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from '../../model/family.ts'
import { type Label, type Labels, mergeLabels, NO_LABELS, sortLabels } from '../../model/labels.ts'
import { formatGo } from '../../model/number.ts'
import type { NativeMetric } from './remote-write.ts'

/** One sample, as Prometheus would have it after a scrape. */
export interface FlatSeries {
  /** Sorted, with the name, none empty. */
  readonly labels: Labels
  readonly value: number | NativeMetric
  readonly stale: boolean
  readonly exemplars: readonly Exemplar[]
  readonly timestampMs: number | undefined
  readonly startMs: number | undefined
}

/** Calls `take` with every series of the family, in the order the classic text format has them. */
export function eachSeries(family: Family, take: (series: FlatSeries) => void): void {
  const flat = new Flattening(family.name, take)
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      for (const metric of family.metrics) flat.number(metric)
      break
    case 'summary':
      for (const metric of family.metrics) flat.summary(metric)
      break
    case 'histogram':
    case 'gaugehistogram':
      for (const metric of family.metrics) flat.histogram(metric, family.type)
      break
    case 'stateset':
      for (const metric of family.metrics) flat.states(metric)
  }
}

class Flattening {
  private readonly name: string
  private readonly take: (series: FlatSeries) => void

  constructor(name: string, take: (series: FlatSeries) => void) {
    this.name = name
    this.take = take
  }

  number(metric: NumberMetric): void {
    this.put(metric, { value: metric.value, exemplar: metric.exemplar })
  }

  summary(metric: SummaryMetric): void {
    for (const { quantile, value } of metric.quantiles)
      this.put(metric, { own: [{ name: 'quantile', value: formatGo(quantile) }], value })
    this.putTotals(metric)
  }

  histogram(metric: HistogramMetric, type: FamilyType): void {
    const { native } = metric
    if (native !== undefined) this.native(metric, type === 'gaugehistogram')
    // One that is native alone has no classic series, as for Prometheus.
    if (native !== undefined && metric.buckets.length === 0) return
    for (const { upperBound, cumulativeCount, exemplar } of metric.buckets)
      this.put(metric, { suffix: '_bucket', own: leOf(upperBound), value: cumulativeCount, exemplar })
    if (metric.count !== undefined && metric.buckets.at(-1)?.upperBound !== Number.POSITIVE_INFINITY)
      this.put(metric, { suffix: '_bucket', own: leOf(Number.POSITIVE_INFINITY), value: metric.count })
    this.putTotals(metric)
  }

  private native(metric: HistogramMetric, isGauge: boolean): void {
    const { native, count = 0, sum = 0, float } = metric
    if (native === undefined) return
    const hinted = isGauge ? { ...native, resetHint: 'gauge' as const } : native
    this.put(metric, {
      value: { count, sum, native: hinted, ...(float && { float }) },
      exemplars: native.exemplars,
    })
  }

  states(metric: StateSetMetric): void {
    for (const { name, enabled } of metric.states)
      this.put(metric, { own: [{ name: this.name, value: name }], value: enabled ? 1 : 0 })
  }

  private putTotals(metric: SummaryMetric | HistogramMetric): void {
    if (metric.sum !== undefined) this.put(metric, { suffix: '_sum', value: metric.sum })
    if (metric.count !== undefined) this.put(metric, { suffix: '_count', value: metric.count })
  }

  private put(metric: Metric, part: Part): void {
    const { suffix = '', own = NO_LABELS, value, exemplar, exemplars = [] } = part
    const name = { name: '__name__', value: `${this.name}${suffix}` }
    const labels = sortLabels([...mergeLabels(metric.labels, own).filter(isNotEmpty), name])
    this.take({
      labels,
      value,
      stale: metric.stale === true,
      exemplars: exemplar === undefined ? exemplars : [exemplar],
      timestampMs: metric.timestampMs,
      startMs: metric.startMs,
    })
  }
}

/** One series of a metric. */
interface Part {
  /** Behind the name of the family. */
  readonly suffix?: string
  /** The labels that samples of the type add themselves. */
  readonly own?: Labels
  readonly value: number | NativeMetric
  readonly exemplar?: Exemplar | undefined
  readonly exemplars?: readonly Exemplar[] | undefined
}

function leOf(upperBound: number): Labels {
  return [{ name: 'le', value: formatGo(upperBound) }]
}

function isNotEmpty({ value }: Label): boolean {
  return value !== ''
}
