import type { Metric, Registry } from 'prom-client'
import type { Family, Sample } from './snapshot.ts'

/** Observations of one label value that quantiles are taken from. */
const REMEMBERED = 1024
const MAX_AGE_MS = 10 * 60_000
const QUANTILES = [0.1, 0.5, 0.9]

/** Samples of a summary's quantiles, of values in ascending order. */
export function quantiles(labels: Sample['labels'], sorted: ArrayLike<number>): Sample[] {
  return QUANTILES.map((quantile) => ({
    labels: { ...labels, quantile },
    value: sorted[Math.ceil(quantile * sorted.length) - 1] ?? Number.NaN,
  }))
}

interface SummaryOptions {
  readonly name: string
  readonly help: string
  /** Values of it are a closed list, kept by the caller. */
  readonly label: string
  readonly registry: Registry
  readonly nowMs?: () => number
}

interface Series {
  count: number
  sum: number
  /** The latest, in a ring. */
  readonly values: Float64Array
  readonly atMs: Float64Array
}

/**
 * A summary by one label whose quantiles are those of the last thousand observations, as far as they are no older than
 * ten minutes. A sketch of all of them costs more for each push than all else that is counted of it.
 */
export class RecentSummary {
  readonly name: string
  private readonly options: SummaryOptions
  private readonly nowMs: () => number
  private readonly series = new Map<string, Series>()

  constructor(options: SummaryOptions) {
    this.options = options
    this.nowMs = options.nowMs ?? (() => performance.now())
    const { name, help, registry } = options
    this.name = name
    // The registry asks a metric for its name and its values, and its types for all of the class they come from.
    const metric = { name, help, get: async () => ({ name, help, type: 'summary', values: this.samples() }) }
    registry.registerMetric(metric as unknown as Metric)
  }

  observe(label: string, value: number): void {
    const series = this.series.get(label) ?? this.begin(label)
    const place = series.count++ % REMEMBERED
    series.sum += value
    series.values[place] = value
    series.atMs[place] = this.nowMs()
  }

  private begin(label: string): Series {
    const values = new Float64Array(REMEMBERED)
    const series = { count: 0, sum: 0, values, atMs: new Float64Array(REMEMBERED) }
    this.series.set(label, series)
    return series
  }

  /** For a page of several processes: sums and counts, and what quantiles of all of them are taken from. */
  family(): Family {
    const { name, help, label } = this.options
    const values = [...this.series].flatMap(([value, series]) => this.totals({ [label]: value }, series))
    const recent = [...this.series].map(([value, series]) => ({
      labels: { [label]: value },
      values: [...this.recentOf(series)],
    }))
    return { name, help, type: 'summary', rule: 'sum', values, recent }
  }

  private samples(): Sample[] {
    return [...this.series].flatMap(([value, series]) => {
      const labels = { [this.options.label]: value }
      return [...quantiles(labels, this.recentOf(series)), ...this.totals(labels, series)]
    })
  }

  private totals(labels: Sample['labels'], { sum, count }: Series): Sample[] {
    const { name } = this.options
    return [
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  }

  private recentOf({ count, values, atMs }: Series): Float64Array {
    const sinceMs = this.nowMs() - MAX_AGE_MS
    return values
      .slice(0, count)
      .filter((_, place) => (atMs[place] ?? 0) >= sinceMs)
      .sort()
  }
}
