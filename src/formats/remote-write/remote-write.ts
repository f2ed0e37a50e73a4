import type { Exemplar, FamilyType, NativeHistogram } from '../../model/family.ts'

/** What a body holds. `S` is what a series is to whoever reads it. */
export interface RemoteWrite<S> {
  /** One for every sample, in the order of the body; several may be of one series. */
  readonly numbers: readonly RemoteNumber<S>[]
  /** One for every native histogram, otherwise as `numbers`. */
  readonly histograms: readonly RemoteHistogram<S>[]
  readonly exemplars: readonly RemoteExemplar<S>[]
  /** No name twice: the last in the body counts. */
  readonly metadata: readonly RemoteMetadata[]
  readonly refused: RemoteRefusals
}

interface RemoteSample<S> {
  readonly series: S
  /** Milliseconds since the epoch, a safe integer. */
  readonly timestampMs: number
  /** The sender says that the series ended; the value then means nothing. */
  readonly stale: boolean
  /** When the counter or histogram started, in milliseconds since the epoch; 0 when the sender gave no time. */
  readonly startMs: number
}

export interface RemoteNumber<S> extends RemoteSample<S> {
  readonly value: number
}

export interface RemoteHistogram<S> extends RemoteSample<S> {
  readonly metric: NativeMetric
}

/** A histogram that has native buckets alone. */
export interface NativeMetric {
  readonly count: number
  readonly sum: number
  readonly native: NativeHistogram
  /** True when counts may be fractions. */
  readonly float?: true
}

export interface RemoteExemplar<S> {
  readonly series: S
  /** Always with a timestamp. */
  readonly exemplar: Exemplar
}

export interface RemoteMetadata {
  /** Of the family. */
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  readonly unit: string
}

/** What of a body may not be stored, while the rest of it may. */
export interface RemoteRefusals {
  readonly samples: number
  readonly histograms: number
  readonly exemplars: number
  /** Series with nothing in them, which none of the above counts. */
  readonly emptySeries: number
  /** The first few, each with the series, what is wrong with it and how to mend it. */
  readonly reasons: readonly string[]
}
