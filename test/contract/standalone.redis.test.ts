import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe } from 'vitest'
import { openRedisStore } from '../../src/store/redis/index.ts'
import type { Store } from '../../src/store/store.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type StoreHarness, type StoreHarnessOptions, WIDE_LIMITS } from '../support/store-harness.ts'
import { storeContract } from './store.contract.ts'

describe('standalone', () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  storeContract('the redis store', async (): Promise<StoreHarness> => {
    const prefix = `test-${randomBytes(6).toString('hex')}`
    const stores: Store[] = []
    return {
      runs: 30,
      async open({ limits, tombstoneGraceMs }: StoreHarnessOptions = {}) {
        const store = await openRedisStore({
          endpoint: server.url,
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
        await server.command('FLUSHALL')
      },
    }
  })
})
