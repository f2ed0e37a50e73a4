import type { RemoteRefusals } from './remote-write.ts'

const MOST_REASONS = 5

/** Counts what is refused, and keeps the first few reasons. */
export class Refusals implements RemoteRefusals {
  samples = 0
  histograms = 0
  exemplars = 0
  emptySeries = 0
  readonly reasons: string[] = []

  /** `tell` is only asked for a text that is kept. */
  add(tell: () => string): void {
    if (this.reasons.length < MOST_REASONS) this.reasons.push(tell())
  }
}
