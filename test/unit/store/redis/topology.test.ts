import { expect, it } from 'vitest'
import { keyspace } from '../../../../src/store/redis/keys.ts'
import { Topology } from '../../../../src/store/redis/topology.ts'
import { WIDE_LIMITS } from '../../../support/store-harness.ts'

it('a server behind Sentinels that redirects, as only nodes of a cluster do, is told as trouble of the store', async () => {
  const topology = new Topology({
    options: {
      endpoints: ['127.0.0.1:1'],
      masterName: 'pgr',
      prefix: 'pgr',
      timeoutMs: 1000,
      limits: WIDE_LIMITS,
      tell: () => undefined,
    },
    keys: keyspace('pgr'),
    admit: async () => ({ later: new Set() }),
    onUsable: () => undefined,
  })
  const redirection = { kind: 'MOVED', slot: 1, address: { host: '127.0.0.1', port: 2 } } as const
  await expect(topology.follow(0, redirection, performance.now())).rejects.toMatchObject({
    code: 'PGR_STORE_MISCONFIGURED',
    message: expect.stringContaining('--redis.master-name'),
  })
})
