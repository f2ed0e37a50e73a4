import { PgrError } from '../errors/pgr-error.ts'
import type { UnitId } from '../model/unit.ts'
import type { StoreLimits } from '../store/store.ts'
import type { View } from './view/view.ts'

/** Limits on totals, asked before a write: as exact as the view, so that replicas racing overshoot by what is in flight. */
export interface Quota {
  /**
   * Throws PGR_QUOTA_EXCEEDED when a write that adds this much would pass a limit. What replaces its equal adds
   * nothing and is always let through.
   */
  assertRoom(added: Amounts): void
  hasRoom(added: Amounts): boolean
}

export interface Amounts {
  readonly units: number
  readonly series: number
  readonly bytes: number
}

export function makeQuota(view: View, settings: { readonly limits: StoreLimits }): Quota {
  /** The amount that would pass its limit. */
  function broken(added: Amounts): keyof Amounts | undefined {
    const { totals } = view
    return AMOUNTS.find((what) => added[what] > 0 && totals[what] + added[what] > settings.limits[what])
  }

  return {
    hasRoom: (added) => broken(added) === undefined,
    assertRoom(added) {
      const what = broken(added)
      if (what === undefined) return
      throw new PgrError(
        'PGR_QUOTA_EXCEEDED',
        `${view.totals[what]} ${what} are stored, the write adds ${added[what]} and the limit is ${settings.limits[what]}; delete groups, shorten lifetimes or raise --limits.${what}`,
        { retryAfterSeconds: 30 },
      )
    },
  }
}

const AMOUNTS = ['units', 'series', 'bytes'] as const

/** What a unit's entries of these names hold now; of all names when none are given. */
export function heldBy(view: View, unitId: UnitId, names?: readonly string[]): Amounts {
  const unit = view.units.get(unitId)
  if (unit === undefined || unit.entries.size === 0) return { units: 0, series: 0, bytes: 0 }
  let series = 0
  let bytes = 0
  for (const name of names ?? unit.entries.keys()) {
    const entry = unit.entries.get(name)
    if (entry === undefined || entry.content.kind === 'time') continue
    series += entry.series
    if (entry.content.kind === 'blob') bytes += entry.content.bytes
  }
  return { units: 1, series, bytes }
}
