import { afterAll, beforeAll, describe } from 'vitest'
import { type SentinelRig, startSentinelRig } from '../support/sentinel-rig.ts'
import { redisHarness } from './redis-harness.ts'
import { storeContract } from './store.contract.ts'

describe('behind sentinels', () => {
  let rig: SentinelRig

  beforeAll(async () => {
    rig = await startSentinelRig({ passwords: { redis: 'for the data', sentinel: 'for the way' } })
  })
  afterAll(() => rig.stop())

  storeContract('the redis store', async () =>
    redisHarness(
      () => ({
        endpoints: rig.endpoint.split(','),
        masterName: rig.masterName,
        password: 'for the data',
        sentinel: { password: 'for the way', strict: true },
      }),
      async () => (await rig.primary()).command('FLUSHALL'),
    ),
  )
})
