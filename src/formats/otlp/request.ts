import type { Label } from '../../model/labels.ts'

/**
 * An OTLP metrics request as either reader gives it and the translation takes it: plain data, times in milliseconds cut
 * off from nanoseconds, 64-bit numbers as the nearest number. 0 is what OTLP means by "no time".
 */
export interface OtlpRequest {
  readonly resources: readonly ResourceMetrics[]
}

/**
 * Attributes in the order of the body, keys not checked and perhaps repeated, values as text: a string as it is, any other
 * value as `value-text.ts` spells it. The same bytes mostly give the same object, so that what is derived from one can be
 * kept beside it.
 */
export type Attributes = readonly Label[]

export const NO_ATTRIBUTES: Attributes = []

/** Stands for every attribute without a key, which is refused whatever its value: it must not cost a stranger two bytes. */
export const NAMELESS: Label = { name: '', value: '' }

export interface ResourceMetrics {
  readonly attributes: Attributes
  readonly scopes: readonly ScopeMetrics[]
}

export interface Scope {
  readonly name: string
  readonly version: string
  readonly attributes: Attributes
}

export interface ScopeMetrics {
  readonly scope: Scope
  readonly schemaUrl: string
  readonly metrics: readonly OtlpMetric[]
}

export interface OtlpMetric {
  readonly name: string
  readonly description: string
  readonly unit: string
  /** Absent when there is none, or one of a kind this version does not know. */
  readonly data: MetricData | undefined
}

export type Temporality = 'unspecified' | 'delta' | 'cumulative'

export type MetricData =
  | { readonly kind: 'gauge'; readonly points: readonly NumberPoint[] }
  | {
      readonly kind: 'sum'
      readonly points: readonly NumberPoint[]
      readonly temporality: Temporality
      readonly isMonotonic: boolean
    }
  | {
      readonly kind: 'histogram'
      readonly points: readonly HistogramPoint[]
      readonly temporality: Temporality
    }
  | {
      readonly kind: 'exponential'
      readonly points: readonly ExponentialPoint[]
      readonly temporality: Temporality
    }
  | { readonly kind: 'summary'; readonly points: readonly SummaryPoint[] }

export interface Point {
  readonly attributes: Attributes
  readonly startMs: number
  readonly timeMs: number
  /** Flagged "no recorded value": the series ended. */
  readonly isStale: boolean
}

export interface NumberPoint extends Point {
  readonly value: number | undefined
  readonly exemplars: readonly OtlpExemplar[]
}

export interface HistogramPoint extends Point {
  readonly count: number
  readonly sum: number | undefined
  /** One more than there are bounds, or none at all, when the sender keeps to the protocol. */
  readonly bucketCounts: readonly number[]
  readonly bounds: readonly number[]
  readonly exemplars: readonly OtlpExemplar[]
}

export interface ExponentialBuckets {
  readonly offset: number
  readonly counts: readonly number[]
}

export interface ExponentialPoint extends Point {
  readonly count: number
  readonly sum: number | undefined
  readonly scale: number
  readonly zeroCount: number
  readonly zeroThreshold: number
  readonly positive: ExponentialBuckets
  readonly negative: ExponentialBuckets
  readonly exemplars: readonly OtlpExemplar[]
}

export interface SummaryPoint extends Point {
  readonly count: number
  readonly sum: number
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[]
}

export interface OtlpExemplar {
  readonly timeMs: number
  readonly value: number | undefined
  /** 32 and 16 lower-case hexadecimal digits; empty when there is none. */
  readonly traceId: string
  readonly spanId: string
  readonly attributes: Attributes
}

/** What a count in a row of buckets costs of the series that one body may bring: they are many, and small. */
export const COUNT_PRICE = 1 / 16

/** An id given as bytes, or as hexadecimal digits of either case; empty unless it is a valid one. */
export function traceIdOf(hex: string): string {
  return /^[0-9a-f]{32}$/i.test(hex) && !/^0+$/.test(hex) ? hex.toLowerCase() : ''
}

export function spanIdOf(hex: string): string {
  return /^[0-9a-f]{16}$/i.test(hex) && !/^0+$/.test(hex) ? hex.toLowerCase() : ''
}
