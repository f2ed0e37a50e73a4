import { expect, it } from 'vitest'
import { startRedis } from '../support/redis-server.ts'
import { startPgr } from '../support/start-pgr.ts'
import { runFaultCase } from './fault-case.ts'

it('F0: gateways that nothing happens to keep every promise', async () => {
  const rig = await startRedis()
  const gateways = await Promise.all([1, 2].map(() => startPgr({ flags: [`--redis.endpoint=${rig.url}`] })))
  const { violations, verdict } = await runFaultCase({
    id: 'F0',
    name: 'none',
    rig,
    gateways,
    workload: {
      ttlMs: 2000,
      kinds: ['put', 'post', 'delete', 'ingest'],
      uniqueKinds: ['put', 'post', 'ingest'],
    },
    async fault({ workload }) {
      expect(await workload.nextAck(2000)).toBe(true)
    },
    warmUpMs: 3000,
  })
  expect(violations).toEqual([])
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0, longestErrorWindowMs: 0 })
  expect(verdict.acked).toBeGreaterThan(150)
  // Every one that lives longer than the pause between two scrapes is seen.
  expect(verdict.losses.confirmed).toBeGreaterThan(verdict.acked / 2)
  expect(verdict.scrapes).toBeGreaterThan(8)
})
