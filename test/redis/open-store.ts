import { openRedisStore, type RedisStoreOptions } from '../../src/store/redis/index.ts'
import type { Store } from '../../src/store/store.ts'
import type { Event } from '../../src/telemetry/events.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { WIDE_LIMITS } from '../support/store-harness.ts'

export interface Opened {
  readonly store: Store
  readonly events: Event[]
}

/** A store on a test's server, with what it told. */
export async function openStore(
  server: Pick<RedisServer, 'url'>,
  over: Partial<RedisStoreOptions> = {},
): Promise<Opened> {
  const events: Event[] = []
  const store = await openRedisStore({
    endpoints: [server.url],
    prefix: 'pgr',
    timeoutMs: 1000,
    limits: WIDE_LIMITS,
    tell: (event) => events.push(event),
    ...over,
  })
  return { store, events }
}

/** The code a call is refused with; the call must not succeed. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  const outcome = await call.then(
    () => 'accepted',
    (error: unknown) => (error as { code?: string }).code ?? error,
  )
  return String(outcome)
}
