import { PgrError } from '../errors/pgr-error.ts'
import type { Store } from '../store/store.ts'
import type { GatewayStatus } from './gateway.ts'
import type { Sync } from './view/sync.ts'
import { within } from './within.ts'

export interface StatusDeps {
  readonly store: Store
  readonly sync: Pick<Sync, 'failure'>
  ready(): Promise<void>
}

/** Says how the gateway is. Never rejects: a store that is away is what it is there to tell. */
export function makeStatus({ store, sync, ready }: StatusDeps) {
  return async function status({ deadlineMs }: { deadlineMs: number }): Promise<GatewayStatus> {
    const late = 'the store did not tell in time how it is'
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
    }
  }
}

function whyOf(outcome: PromiseSettledResult<unknown>): string | undefined {
  if (outcome.status === 'fulfilled') return undefined
  return PgrError.from(outcome.reason, 'PGR_STORE_UNAVAILABLE').message
}
