import type { Verdict } from '../budgets.ts'
import type { SizeName, Sizes } from '../settings.ts'
import type { Machine } from './machine.ts'
import type { Measured, Summary } from './results.ts'

/** A run as it is written to a file: every round, what they come to, and what of the budgets was reached. */
export interface Run {
  readonly startedAt: string
  readonly seconds: number
  readonly size: SizeName
  readonly sizes: Sizes
  readonly machine: Machine
  readonly budgets: readonly Verdict[]
  readonly measures: readonly (Measured & { readonly summaries: readonly Summary[] })[]
}
