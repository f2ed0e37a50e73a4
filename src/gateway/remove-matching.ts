import { PgrError } from '../errors/pgr-error.ts'
import type { Store } from '../store/store.ts'
import type { Removal, RemoveMatching } from './gateway.ts'
import { newOperation } from './operation.ts'
import type { Sync } from './view/sync.ts'
import type { Unit } from './view/unit.ts'
import type { View } from './view/view.ts'

/** Removals under way at once: enough to keep the store busy, too few to keep pushes waiting. */
const AT_ONCE = 32

interface RemoveDeps {
  readonly view: View
  readonly sync: Sync
  readonly store: Store
}

/**
 * Removes every unit whose labels are selected, as of now. Each is removed on its own: when the store goes away meanwhile,
 * what was removed stays so, and asking again removes the rest.
 */
export function makeRemoveMatching({ view, sync, store }: RemoveDeps): RemoveMatching {
  return async ({ selects, dryRun, deadlineMs }) => {
    await sync.refresh(deadlineMs)
    const units = [...view.units.values()].filter(
      ({ entries, labels }) => entries.size > 0 && selects.some((select) => select(labels)),
    )
    const removal = countOf(units)
    if (dryRun) return removal
    const waiting = units.values()
    const removed: Unit[] = []
    async function work(): Promise<void> {
      for (const unit of waiting) {
        const write = { id: unit.id, operation: newOperation(), deadlineMs }
        view.applyOwn(await store.remove(write))
        removed.push(unit)
      }
    }
    const lanes = await Promise.allSettled(Array.from({ length: AT_ONCE }, work))
    const failed = lanes.find((lane) => lane.status === 'rejected')
    if (failed === undefined) return removal
    const failure = PgrError.from(failed.reason, 'PGR_STORE_UNAVAILABLE')
    throw new PgrError(
      failure.code,
      `${removed.length} of ${units.length} were removed, ask again to remove the rest: ${failure.message}`,
      { cause: failure, retryAfterSeconds: failure.retryAfterSeconds ?? 1 },
    )
  }
}

function countOf(units: readonly Unit[]): Removal {
  let groups = 0
  let series = 0
  for (const { kind, series: of } of units) {
    if (kind === 'group') groups++
    series += of
  }
  return { groups, sets: units.length - groups, series }
}
