import type { Store, StoreLimits } from '../../src/store/store.ts'

/** How a conformance suite gets at a store: fresh data for every harness, shared by all its opens. */
export interface StoreHarness {
  /** Every open is one replica on the same data; options count from the first open. */
  open(options?: StoreHarnessOptions): Promise<Store>
  /** Lets the store's time pass, by a fake clock or by waiting. */
  advance(ms: number): Promise<void>
  /** Closes every replica and removes the data. */
  close(): Promise<void>
  /** How many random histories the model test may try; default 100. Fewer where time really passes. */
  readonly runs?: number
}

export interface StoreHarnessOptions {
  readonly limits?: Partial<StoreLimits>
  /** How long tombstones are kept; default as shipped. */
  readonly tombstoneGraceMs?: number
}

export type OpenHarness = () => Promise<StoreHarness>

/** No test meets these by accident. */
export const WIDE_LIMITS: StoreLimits = { units: 1e6, series: 1e8, bytes: 1e10, setMetrics: 1e6 }
