import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { ask, push, scrape } from '../e2e/ask.ts'
import { openStore } from '../redis/open-store.ts'
import { eventually } from '../support/eventually.ts'
import { operation } from '../support/store-writes.ts'
import {
  asWipe,
  BACK_WITHIN_MS,
  COUNTABLE,
  countFields,
  killAndRestart,
  nameOfUnit,
  ownSample,
  runRedisCase,
  shownValue,
} from './redis-case.ts'

// While the disk is busy with an earlier fsync Redis keeps what it would append for up to two seconds, so that a kill can
// take acknowledged writes even with the file. They have to be few, and to be told.
it('F1: Redis is killed and restarts with its append-only file: what it had not written down is counted', async () => {
  const { violations, verdict } = await runRedisCase({
    id: 'F1',
    name: 'kill -9 of Redis with `appendfsync everysec`, restart',
    redis: { directives: ['appendonly yes', 'appendfsync everysec'] },
    workload: COUNTABLE,
    // While the disk is being flushed Redis answers, and writes its file up to two seconds later.
    allows: { mayLose: true, lossReachMs: 2500, mayRefuse: true, recoverWithinMs: BACK_WITHIN_MS },
    fault: killAndRestart,
  })
  expect(violations).toEqual([])
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict.told.lostWrites).toBeLessThan(verdict.acked * 0.5)
  expect(verdict.told.resubmittedWrites).toBe(0)
  expect(verdict.firstAckMs).toBeLessThan(BACK_WITHIN_MS)
})

it('F18: replies are lost after Redis did what was asked, and it is done once', async () => {
  const REPLIES = 15
  /** A push is tried three times, and no reply to its later tries is to be lost. */
  const PAUSE_MS = 250
  const ORDERED = 8
  let duplicates = 0
  const { violations, verdict, applied } = await runRedisCase({
    id: 'F18',
    name: `${REPLIES + ORDERED} replies to pushes are lost after execution`,
    proxied: 1,
    // What expires is swept, which counts as a write.
    workload: { ttlMs: 600_000, writers: 6 },
    async fault({ proxy, workload, gateways: [behind, direct] }) {
      if (behind === undefined || direct === undefined) throw new Error('two gateways are needed')
      // The name of a family stands in a push and in no read.
      for (let n = 0; n < REPLIES; n++) {
        await proxy.loseReplyTo('fault_times')
        await workload.send(0, 'put', `afterwards/${n}`)
        await sleep(PAUSE_MS)
      }
      for (let n = 0; n < ORDERED; n++) {
        const group = `/metrics/job/ordered/group/${n}`
        const lost = proxy.loseReplyTo('ordered_value')
        const older = push(behind.url, group, 'ordered_value 1\n', { method: 'PUT' })
        await lost
        await push(direct.url, group, 'ordered_value 2\n', { method: 'PUT' })
        await older
        for (const { url } of [behind, direct])
          expect(shownValue(await scrape(url), `ordered_value{group="${n}"`)).toBe(2)
      }
      duplicates = await ownSample(behind, 'pgr_store_duplicates_total')
    },
    afterMs: 500,
  })
  expect(violations).toEqual([])
  expect(verdict.acked).toBeGreaterThan(200)
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, longestErrorWindowMs: 0 })
  expect(duplicates).toBeGreaterThanOrEqual(REPLIES + ORDERED)
  expect(applied).toBe(verdict.acked + 2 * ORDERED)
})

it('F21: without memory pushes are refused whole, and all that frees memory goes on', async () => {
  let refused = 0
  const { violations, verdict } = await runRedisCase({
    id: 'F21',
    name: 'Redis is out of memory (`maxmemory` below what it uses)',
    allows: { mayRefuse: true, recoverWithinMs: 500 },
    async fault({ redis, gateways: [one, other], workload, repaired }) {
      if (one === undefined || other === undefined) throw new Error('two gateways are needed')
      await push(one.url, '/metrics/job/kept', 'kept 1\n')
      await push(one.url, '/metrics/job/short', 'short 1\n', { headers: { 'x-pgr-ttl': '2s' } })
      const short = await nameOfUnit(redis, 'short')
      expect(await countFields(redis, short)).toBe(2)
      await redis.command('CONFIG', 'SET', 'maxmemory', '1mb')
      refused = workload.failed()

      const full = await ask(one.url, '/metrics/job/kept', { method: 'PUT', body: 'kept 2\n' })
      expect([full.status, full.text.includes('out of memory')]).toEqual([503, true])
      expect(await workload.nextAck(1000)).toBe(false)
      refused = workload.failed() - refused
      for (const { url } of [one, other])
        expect(shownValue(await scrape(url), 'kept{instance="",job="kept"}')).toBe(1)

      await sleep(2000)
      const { store } = await openStore(redis)
      await store.sweep()
      // Whoever swept: nobody could while there was memory.
      expect(await countFields(redis, short)).toBe(0)
      expect((await ask(one.url, '/metrics/job/kept', { method: 'DELETE' })).status).toBe(202)
      expect(await scrape(other.url)).not.toContain('job="kept"')
      await asWipe(workload, () => store.wipe(operation()))
      await store.close()
      for (const { url } of [one, other]) expect(await scrape(url)).toBe('')

      await redis.command('CONFIG', 'SET', 'maxmemory', '0')
      repaired()
      await eventually('a push', () => workload.nextAck(500))
    },
  })
  expect(violations).toEqual([])
  expect(refused).toBeGreaterThan(50)
  expect(verdict.acked).toBeGreaterThan(200)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
})
