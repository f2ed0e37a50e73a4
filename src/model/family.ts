import type { Labels } from './labels.ts'

/**
 * model: the one internal sample model that every protocol is read into and written from. Plain data: no bytes, no
 * clock, no I/O.
 *
 * A family's name is the name its plain samples carry in the classic text format: a counter `http_requests_total`, an
 * info `target_info`, a histogram `latency_seconds` (whose samples add `_bucket`, `_sum`, `_count`). `unknown` is what
 * the classic text format calls `untyped`.
 */
export type FamilyType =
  | 'counter'
  | 'gauge'
  | 'unknown'
  | 'summary'
  | 'histogram'
  | 'gaugehistogram'
  | 'info'
  | 'stateset'

/** What every metric carries whatever its type. */
export interface MetricBase {
  /** Sorted by name; never holds `le` of a histogram, `quantile` of a summary or the state of a state set. */
  readonly labels: Labels
  /** Milliseconds since the epoch; absent when the sender gave none. */
  readonly timestampMs?: number
  /** Start (created) time of a counter, histogram or summary; milliseconds since the epoch, may have a fraction. */
  readonly startMs?: number
  /**
   * The sender says the series ended. An explicit flag from the moment of decoding: JavaScript does not keep the bits
   * of the staleness NaN. The value of a stale metric means nothing.
   */
  readonly stale?: true
}

export interface Exemplar {
  readonly labels: Labels
  readonly value: number
  readonly timestampMs?: number
}

/** Counter, gauge, unknown and info (whose value is 1). */
export interface NumberMetric extends MetricBase {
  readonly value: number
  readonly exemplar?: Exemplar
}

export interface Quantile {
  /** 0 to 1. */
  readonly quantile: number
  readonly value: number
}

export interface SummaryMetric extends MetricBase {
  readonly count?: number
  readonly sum?: number
  /** Ascending by quantile. */
  readonly quantiles: readonly Quantile[]
}

export interface Bucket {
  /** Inclusive. */
  readonly upperBound: number
  /** Observations at or below `upperBound`. */
  readonly cumulativeCount: number
  readonly exemplar?: Exemplar
}

/** A run of consecutive native buckets: `offset` empty ones after the run before, then `length` counts. */
export interface Span {
  readonly offset: number
  readonly length: number
}

export interface NativeBuckets {
  readonly spans: readonly Span[]
  /** Absolute (not delta, not cumulative) counts, one for every bucket the spans cover. */
  readonly counts: readonly number[]
}

export interface NativeHistogram {
  /** -4 to 8: growth factor 2^(2^-schema); -53: custom bounds. */
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positive: NativeBuckets
  readonly negative: NativeBuckets
  /** Upper inclusive bounds, strictly ascending, without +Inf; only with schema -53. */
  readonly customBounds?: readonly number[]
  /** Each carries a timestamp. */
  readonly exemplars?: readonly Exemplar[]
  readonly resetHint?: 'yes' | 'no' | 'gauge'
}

/** Histogram and gauge histogram; classic buckets, native buckets or both. */
export interface HistogramMetric extends MetricBase {
  /** Absent only when a text body gave neither `_count` nor a `+Inf` bucket. */
  readonly count?: number
  readonly sum?: number
  /** Ascending by bound; `+Inf` may be absent and then equals `count`. */
  readonly buckets: readonly Bucket[]
  readonly native?: NativeHistogram
  /** True when counts may be fractions (float histogram). */
  readonly float?: true
}

export interface State {
  readonly name: string
  readonly enabled: boolean
}

/** The label that names a state in text is the family's name. */
export interface StateSetMetric extends MetricBase {
  readonly states: readonly State[]
}

interface FamilyBase {
  readonly name: string
  /** Empty when there is none. */
  readonly help: string
  /** Empty when there is none; else, by OpenMetrics, the family's name ends in `_<unit>` (before `_total`). */
  readonly unit: string
}

export interface NumberFamily extends FamilyBase {
  readonly type: 'counter' | 'gauge' | 'unknown' | 'info'
  readonly metrics: readonly NumberMetric[]
}

export interface SummaryFamily extends FamilyBase {
  readonly type: 'summary'
  readonly metrics: readonly SummaryMetric[]
}

export interface HistogramFamily extends FamilyBase {
  readonly type: 'histogram' | 'gaugehistogram'
  readonly metrics: readonly HistogramMetric[]
}

export interface StateSetFamily extends FamilyBase {
  readonly type: 'stateset'
  readonly metrics: readonly StateSetMetric[]
}

export type Family = NumberFamily | SummaryFamily | HistogramFamily | StateSetFamily
export type Metric = NumberMetric | SummaryMetric | HistogramMetric | StateSetMetric

/**
 * How many series (sample lines of the classic text format) a metric takes up; what limits and telemetry count.
 */
export function seriesOf(family: Family): number {
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
    case 'info':
      return family.metrics.length
    case 'summary':
      return family.metrics.reduce((sum, metric) => sum + metric.quantiles.length + 2, 0)
    case 'histogram':
    case 'gaugehistogram':
      return family.metrics.reduce(
        (sum, { buckets }) => sum + buckets.length + (endsInInfinity(buckets) ? 2 : 3),
        0,
      )
    case 'stateset':
      return family.metrics.reduce((sum, metric) => sum + metric.states.length, 0)
  }
}

function endsInInfinity(buckets: readonly Bucket[]): boolean {
  return buckets.at(-1)?.upperBound === Number.POSITIVE_INFINITY
}

/**
 * Every series name a family of this name and type takes up in the classic text format. Two families clash when one
 * takes a name of the other.
 */
export function seriesNames(name: string, type: FamilyType): readonly string[] {
  switch (type) {
    case 'histogram':
    case 'gaugehistogram':
      return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]
    case 'summary':
      return [name, `${name}_sum`, `${name}_count`]
    default:
      return [name]
  }
}

/** The unit if a family of this name may have it, else none: OpenMetrics knows no unit that the name does not end in. */
export function fittingUnit(name: string, type: FamilyType, unit: string): string {
  const base = type === 'counter' && name.endsWith('_total') ? name.slice(0, -'_total'.length) : name
  return unit !== '' && base.endsWith(`_${unit}`) ? unit : ''
}

/** Sorted by a number; of equal ones the last stays, as they would be one series, and what is not a number goes. */
export function rising<T>(items: readonly T[], numberOf: (item: T) => number): T[] {
  const kept = new Map<number, T>()
  for (const item of items) if (!Number.isNaN(numberOf(item))) kept.set(numberOf(item), item)
  return [...kept.values()].sort((a, b) => numberOf(a) - numberOf(b) || 0)
}
