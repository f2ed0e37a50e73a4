import { PgrError } from '../errors/pgr-error.ts'
import type { Store } from '../store/store.ts'
import type { GatewayStatus, Holdings } from './gateway.ts'
import { takeTurns } from './turns.ts'
import { isExpiring } from './view/expiry.ts'
import type { Sync } from './view/sync.ts'
import type { View } from './view/view.ts'
import { within } from './within.ts'

const SOON_MS = 60_000

export interface StatusDeps {
  readonly store: Store
  readonly view: View
  readonly sync: Pick<Sync, 'failure'>
  ready(): Promise<void>
}

/** Says how the gateway is. Never rejects: a store that is away is what it is there to tell. */
export function makeStatus({ store, view, sync, ready }: StatusDeps) {
  return async function status({ deadlineMs }: { deadlineMs: number }): Promise<GatewayStatus> {
    const late = 'the store did not tell in time how it is'
    const counting = holdingsOf(view)
    const [readiness, description] = await Promise.allSettled([
      within(ready(), deadlineMs, late),
      within(store.describe(), deadlineMs, late),
    ])
    const reason = whyOf(readiness) ?? sync.failure?.message ?? whyOf(description)
    return {
      store: store.name,
      ready: readiness.status === 'fulfilled',
      ...(reason === undefined ? {} : { reason }),
      ...(description.status === 'fulfilled' ? { report: description.value } : {}),
      holds: await counting,
    }
  }
}

async function holdingsOf(view: View): Promise<Holdings> {
  const nowMs = view.clockAt(performance.now())
  const turn = takeTurns(Number.POSITIVE_INFINITY)
  let groups = 0
  let sets = 0
  let expiringSoon = 0
  for (const unit of view.units.values()) {
    if (unit.entries.size === 0) continue
    const pause = turn()
    if (pause !== undefined) await pause
    if (unit.kind === 'group') groups++
    else sets++
    if (isExpiring(unit, nowMs, SOON_MS)) expiringSoon++
  }
  return { series: view.totals.series, groups, sets, expiringSoon }
}

function whyOf(outcome: PromiseSettledResult<unknown>): string | undefined {
  if (outcome.status === 'fulfilled') return undefined
  return PgrError.from(outcome.reason, 'PGR_STORE_UNAVAILABLE').message
}
