/**
 * What one page says for several workers: their values added up, the least or the greatest of them, that of the first who
 * has one, or each by itself under a label `worker`.
 */
export type Rule = 'sum' | 'min' | 'max' | 'first' | 'each'

/** A metric of one process or of all; plain data, so that it can be sent. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly rule: Rule
  readonly values: readonly Sample[]
  /** Late observations of a summary, ascending, in place of its quantiles. */
  readonly recent?: readonly { readonly labels: Labels; readonly values: readonly number[] }[]
}

export interface Sample {
  readonly labels: Labels
  readonly value: number
  /** Where it is not that of the family. */
  readonly metricName?: string
}

export type Labels = Readonly<Record<string, string | number>>

/** All metrics of one process at one moment. */
export type Snapshot = readonly Family[]
