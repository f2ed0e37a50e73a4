import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRedisStore, type RedisStoreOptions } from '../../src/store/redis/index.ts'
import type { Store } from '../../src/store/store.ts'
import { type StoreHarness, type StoreHarnessOptions, WIDE_LIMITS } from '../support/store-harness.ts'

/** How a test's own servers are reached. */
export type Reached = Pick<
  RedisStoreOptions,
  'endpoints' | 'masterName' | 'sentinel' | 'natMap' | 'username' | 'password' | 'tls'
>

/** A keyspace of its own for every harness, on servers that many of them share. */
export function redisHarness(reached: () => Reached, flush: () => Promise<unknown>): StoreHarness {
  const prefix = `test-${randomBytes(6).toString('hex')}`
  const stores: Store[] = []
  return {
    runs: 30,
    async open({ limits, tombstoneGraceMs }: StoreHarnessOptions = {}) {
      const store = await openRedisStore({
        ...reached(),
        prefix,
        timeoutMs: 5000,
        limits: { ...WIDE_LIMITS, ...limits },
        ...(tombstoneGraceMs === undefined ? {} : { tombstoneGraceMs }),
        tell: () => undefined,
      })
      stores.push(store)
      return store
    },
    advance: async (ms) => {
      await sleep(ms)
    },
    async close() {
      for (const store of stores) await store.close()
      await flush()
    },
  }
}
