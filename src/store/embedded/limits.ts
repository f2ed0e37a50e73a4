import { PgrError } from '../../errors/pgr-error.ts'
import type { Labels } from '../../model/labels.ts'
import type { StoreLimits } from '../store.ts'

/** What a unit counts for. */
export interface Size {
  readonly series: number
  readonly bytes: number
}

type Amount = 'units' | 'series' | 'bytes'
const AMOUNTS: readonly Amount[] = ['units', 'series', 'bytes']

/** Sums over everything stored, kept by difference so that a check costs the same however much that is. */
export class Totals {
  /** May be exchanged at any time. */
  limits: StoreLimits
  private held: Record<Amount, number> = { units: 0, series: 0, bytes: 0 }

  constructor(limits: StoreLimits) {
    this.limits = limits
  }

  /** Throws PGR_QUOTA_EXCEEDED when replacing `before` by `after` grows an amount past its limit. */
  assertRoom(before: Size | undefined, after: Size): void {
    for (const amount of AMOUNTS) {
      const growth = amountOf(after, amount) - amountOf(before, amount)
      if (growth <= 0 || this.held[amount] + growth <= this.limits[amount]) continue
      throw new PgrError(
        'PGR_QUOTA_EXCEEDED',
        `the store holds ${this.held[amount]} ${amount} and ${growth} more would exceed the limit of ${this.limits[amount]}; remove what is not needed or raise the limit`,
      )
    }
  }

  replace(before: Size | undefined, after: Size | undefined): void {
    for (const amount of AMOUNTS) this.held[amount] += amountOf(after, amount) - amountOf(before, amount)
  }

  clear(): void {
    this.held = { units: 0, series: 0, bytes: 0 }
  }

  get amounts(): Readonly<Record<Amount, number>> {
    return this.held
  }
}

function amountOf(size: Size | undefined, amount: Amount): number {
  if (size === undefined) return 0
  return amount === 'units' ? 1 : size[amount]
}

/** Text of a label set as the limit on bytes counts it. */
export function textBytes(labels: Labels): number {
  let bytes = 0
  for (const { name, value } of labels) bytes += name.length + value.length
  return bytes
}
