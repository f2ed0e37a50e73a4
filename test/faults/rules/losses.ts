import type { Losses } from '../book.ts'
import type { Reading } from '../history.ts'
import type { Report, Rule } from './rule.ts'

/**
 * `exact`: the gateways count each lost write. `noticed`: they count some, or say that history is gone; for faults after
 * which no gateway is left that could know each. `elsewhere`: not by these counters; the case looks itself.
 */
export type Telling = 'exact' | 'noticed' | 'elsewhere'

export interface Told {
  readonly lostWrites: number
  readonly resubmittedWrites: number
  readonly historyLosses: number
}

export interface LossRule extends Rule {
  told(): Told
  /** To be called at the end, with what the pages told. */
  compare(found: Losses): void
}

const COUNTERS = ['lostWrites', 'resubmittedWrites', 'historyLosses'] as const

/**
 * C10: what the gateways say was lost, summed over them, is what a fault is known to have lost, and at most what it may
 * have lost besides. Losses that nothing allows are violations of C1 and left out here.
 */
export function requireTold(telling: Telling, report: Report): LossRule {
  const last = new Map<number, Reading>()
  const told = { lostWrites: 0, resubmittedWrites: 0, historyLosses: 0 }
  return {
    told: () => told,
    see(event) {
      if (event.kind !== 'reading') return
      const before = last.get(event.replica)
      last.set(event.replica, event.reading)
      if (before === undefined) return
      for (const counter of COUNTERS) told[counter] += increaseOf(before[counter], event.reading[counter])
    },
    compare({ lost, gone, uncertain }) {
      if (telling === 'elsewhere') return
      const { lostWrites, historyLosses } = told
      if (telling === 'noticed' && (lost === 0 || lostWrites > 0 || historyLosses > 0)) return
      const most = lost + gone + uncertain
      if (telling === 'exact' && lostWrites >= lost && lostWrites <= most) return
      const found = lost === most ? `${lost}` : `${lost} to ${most}`
      report('C10', `${lostWrites} writes were told as lost, ${found} were`, performance.now())
    },
  }
}

/** Of a counter that begins at 0 again when its process does. */
function increaseOf(before: number, now: number): number {
  return now >= before ? now - before : now
}
