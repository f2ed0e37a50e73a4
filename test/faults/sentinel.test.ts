import { expect, it } from 'vitest'
import {
  DOWN_AFTER_MS,
  failover,
  NEXT_VOTE_MS,
  runSentinelCase,
  successorOf,
  wasVoteSplit,
} from './sentinel-case.ts'

it('F5: the primary is killed, a replica is promoted, and nothing acknowledged is lost', async () => {
  let promoted = false
  let mostMs = DOWN_AFTER_MS + 3000
  const { violations, verdict } = await runSentinelCase({
    id: 'F5',
    name: 'kill -9 of the primary behind Sentinels',
    allows: failover,
    async fault({ rig, repaired }) {
      const before = await rig.primary()
      await before.kill()
      promoted = (await successorOf(rig, before)) !== before
      repaired()
      if (wasVoteSplit(rig)) mostMs += NEXT_VOTE_MS
      await before.restart()
      await rig.settled({ hurry: true })
    },
  })
  expect(violations).toEqual([])
  expect(promoted).toBe(true)
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
  expect(verdict.told.lostWrites).toBe(0)
  expect(verdict.longestErrorWindowMs).toBeGreaterThan(0)
  expect(verdict.longestErrorWindowMs).toBeLessThan(mostMs)
})

it('F8: with writes paused first, a failover by order loses nothing and needs no repair', async () => {
  let promoted = false
  const { violations, verdict } = await runSentinelCase({
    id: 'F8',
    name: 'CLIENT PAUSE WRITE, then SENTINEL FAILOVER',
    // The Sentinel that led says so only when all is done, a second after the others, and the connections are made anew.
    allows: { mayRefuse: true, recoverWithinMs: 2000 },
    async fault({ rig }) {
      const before = await rig.primary()
      await before.ask('CLIENT', 'PAUSE', '15000', 'WRITE')
      await rig.settled()
      promoted = (await rig.failover()) !== before
    },
  })
  expect(violations).toEqual([])
  expect(promoted).toBe(true)
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
  expect(verdict.told).toMatchObject({ lostWrites: 0, resubmittedWrites: 0 })
  expect(verdict.longestErrorWindowMs).toBeLessThan(3000)
})
