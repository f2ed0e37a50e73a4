import { afterAll, beforeAll, describe } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { redisHarness } from './redis-harness.ts'
import { storeContract } from './store.contract.ts'

describe('standalone', () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  storeContract('the redis store', async () =>
    redisHarness(
      () => ({ endpoints: [server.url] }),
      () => server.command('FLUSHALL'),
    ),
  )
})
