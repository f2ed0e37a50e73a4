import type { Counter, Metric, Registry } from 'prom-client'
import type { Labels, Sample } from './snapshot.ts'

/**
 * Counts what happens with every push at the cost of an addition: looking up a series by its labels takes longer than
 * much else of a push, so the counter is told when the page is made.
 */
export class Tally {
  private readonly counter: Counter
  private readonly labels: Record<string, string>
  private added = 0

  constructor(counter: Counter, labels: Record<string, string>) {
    this.counter = counter
    this.labels = labels
  }

  add(amount: number): void {
    this.added += amount
  }

  settle(): void {
    if (this.added > 0) this.counter.inc(this.labels, this.added)
    this.added = 0
  }
}

interface HistogramOptions {
  readonly name: string
  readonly help: string
  /** Upper bounds, ascending, without the infinite one. */
  readonly buckets: readonly number[]
  readonly registry: Registry
}

/** A histogram whose series are looked up once, by whoever observes often. */
export class TallyHistogram {
  private readonly name: string
  private readonly buckets: readonly number[]
  private readonly series: HistogramSeries[] = []

  constructor({ name, help, buckets, registry }: HistogramOptions) {
    this.name = name
    this.buckets = buckets
    // The registry asks a metric for its name and its values, and its types for all of the class they come from.
    const get = async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: this.samples() })
    registry.registerMetric({ name, help, get } as unknown as Metric)
  }

  /** Every call makes another series; labels must differ. */
  with(labels: Labels): HistogramSeries {
    const series = new HistogramSeries(labels, this.buckets)
    this.series.push(series)
    return series
  }

  private samples(): Sample[] {
    return this.series.filter(({ count }) => count > 0).flatMap((series) => series.samples(this.name))
  }
}

export class HistogramSeries {
  count = 0
  private sum = 0
  private readonly labels: Labels
  private readonly buckets: readonly number[]
  /** In each bucket alone, the infinite one last. */
  private readonly counts: Float64Array

  constructor(labels: Labels, buckets: readonly number[]) {
    this.labels = labels
    this.buckets = buckets
    this.counts = new Float64Array(buckets.length + 1)
  }

  observe(value: number): void {
    const { buckets } = this
    let bucket = 0
    while (bucket < buckets.length && value > (buckets[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.count++
    this.sum += value
  }

  samples(name: string): Sample[] {
    const { labels, buckets, counts, count, sum } = this
    let below = 0
    const bounds = [...buckets, '+Inf'].map((le, bucket) => {
      below += counts[bucket] as number
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below }
    })
    return [
      ...bounds,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  }
}
