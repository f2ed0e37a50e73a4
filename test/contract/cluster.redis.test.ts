import { afterAll, beforeAll, describe } from 'vitest'
import { type ClusterRig, startClusterRig } from '../support/cluster-rig.ts'
import { redisHarness } from './redis-harness.ts'
import { storeContract } from './store.contract.ts'

describe('in a cluster', () => {
  let rig: ClusterRig

  beforeAll(async () => {
    rig = await startClusterRig()
  })
  afterAll(() => rig.stop())

  storeContract('the redis store', async () =>
    redisHarness(
      () => ({ endpoints: rig.endpoints.slice(0, 2) }),
      async () => {
        for (const primary of await rig.primaries()) await primary.command('FLUSHALL')
      },
    ),
  )
})
