import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { keyspace } from '../../src/store/redis/keys.ts'
import { readCounter, setTime } from '../support/partition-meta.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { type SentinelRig, startSentinelRig } from '../support/sentinel-rig.ts'
import { type FaultResult, runFaultCase } from './fault-case.ts'
import {
  DOWN_AFTER_MS,
  failover,
  flagsFor,
  GATEWAYS,
  runSentinelCase,
  startGateways,
  successorOf,
  type Watch,
  watchGateways,
} from './sentinel-case.ts'
import type { Workload } from './workload.ts'

/** Every push makes a group of its own that outlives the case, so that each that is lost is seen to be. */
const COUNTABLE = { tokenGroups: 0, ttlMs: 300_000 } as const
/** Fast enough that the moment between promotion and demotion sees writes. */
const BUSY = { writers: 8, ratePerSecond: 600 } as const
const COUNT_ONLY = '--redis.resubmit-after=never'

const META_KEYS = keyspace('pgr').partitions.map(([meta]) => meta)

/** One counter of every partition, as a server has it now; it is looked at past any proxy. */
async function askPartitions(server: RedisServer, field: 't' | 'v'): Promise<number[]> {
  const connection = server.open()
  try {
    return await Promise.all(META_KEYS.map((key) => readCounter(connection.ask, key, field)))
  } finally {
    connection.close()
  }
}

/** Scripts that were run since the server started, whatever came of them. */
async function countScripts(server: RedisServer): Promise<number> {
  const stats = String(await server.ask('INFO', 'commandstats'))
  return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(stats)?.[1] ?? 0)
}

describe('the primary comes back empty before the Sentinels notice', () => {
  const AWAY_BEFORE_DOWN_MS = 5000
  const rig = { downAfterMs: AWAY_BEFORE_DOWN_MS }
  /** Everything, however old. */
  const lossReachMs = 60_000

  async function restartEmpty({ rig }: { rig: SentinelRig }): Promise<void> {
    const primary = await rig.primary()
    await primary.kill()
    await primary.restart()
    await rig.settled()
    expect(await rig.primary()).toBe(primary)
  }

  it('F2b: all is lost, and told once by every gateway', async () => {
    const { violations, verdict } = await runSentinelCase({
      id: 'F2b',
      name: 'primary without persistence restarts before Sentinel notices',
      rig,
      workload: COUNTABLE,
      allows: { ...failover, lossReachMs },
      fault: restartEmpty,
    })
    expect(violations).toEqual([])
    expect(verdict.acked).toBeGreaterThan(200)
    expect(verdict.losses.lost).toBeGreaterThan(100)
    expect(verdict.losses).toMatchObject({ gone: 0, uncertain: 0 })
    expect(verdict.told).toEqual({
      lostWrites: verdict.losses.lost,
      resubmittedWrites: 0,
      historyLosses: GATEWAYS,
    })
  })

  it('F2b-empty: where that is asked for, everything is written again', async () => {
    const { violations, verdict } = await runSentinelCase({
      id: 'F2b-empty',
      name: 'the same with --redis.resubmit-after=empty',
      rig,
      flags: ['--redis.resubmit-after=empty'],
      allows: { ...failover, lossReachMs },
      fault: restartEmpty,
    })
    expect(violations).toEqual([])
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
    expect(verdict.told).toMatchObject({ lostWrites: 0, historyLosses: GATEWAYS })
    expect(verdict.told.resubmittedWrites).toBeGreaterThan(100)
  })
})

describe('a failover by order', () => {
  const FAILOVERS = 3

  async function failOverAgainAndAgain({ rig }: { rig: SentinelRig }): Promise<void> {
    for (let n = 0; n < FAILOVERS; n++) {
      const before = await rig.primary()
      expect(await rig.failover()).not.toBe(before)
      await rig.settled({ hurry: true })
    }
  }

  it('F7: loses nothing that the gateways remember', async () => {
    const { violations, verdict } = await runSentinelCase({
      id: 'F7',
      name: `SENTINEL FAILOVER, ${FAILOVERS} times`,
      workload: BUSY,
      allows: failover,
      fault: failOverAgainAndAgain,
    })
    expect(violations).toEqual([])
    expect(verdict.acked).toBeGreaterThan(300)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
    expect(verdict.told.lostWrites).toBe(0)
    expect(verdict.told.resubmittedWrites).toBeGreaterThan(0)
    expect(verdict.longestErrorWindowMs).toBeLessThan(3000)
  })

  it('F7-never: loses writes when they may not be written again, and each is counted', async () => {
    const { violations, verdict } = await runSentinelCase({
      id: 'F7-never',
      name: `SENTINEL FAILOVER, ${FAILOVERS} times, ${COUNT_ONLY}`,
      flags: [COUNT_ONLY],
      workload: { ...BUSY, ...COUNTABLE },
      allows: failover,
      fault: failOverAgainAndAgain,
    })
    expect(violations).toEqual([])
    expect(verdict.acked).toBeGreaterThan(300)
    expect(verdict.losses.lost).toBeGreaterThan(0)
    expect(verdict.losses).toMatchObject({ gone: 0, uncertain: 0 })
    expect(verdict.told).toMatchObject({ lostWrites: verdict.losses.lost, resubmittedWrites: 0 })
    expect(verdict.longestErrorWindowMs).toBeLessThan(3000)
  })

  it('F7-wait: loses nothing when every replica has to have a write first', async () => {
    const { violations, verdict } = await runSentinelCase({
      id: 'F7-wait',
      name: `SENTINEL FAILOVER, ${FAILOVERS} times, ${COUNT_ONLY}, --redis.wait-replicas=2`,
      flags: [COUNT_ONLY, '--redis.wait-replicas=2'],
      workload: { ...BUSY, ...COUNTABLE },
      allows: failover,
      fault: failOverAgainAndAgain,
    })
    expect(violations).toEqual([])
    expect(verdict.acked).toBeGreaterThan(300)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
    expect(verdict.told).toMatchObject({ lostWrites: 0, resubmittedWrites: 0 })
    // Until the old primary is back as a replica, which the rig makes quick.
    expect(verdict.longestErrorWindowMs).toBeLessThan(5000)
  })
})

it('F6: a primary that froze takes nothing after its thaw that was sent before', async () => {
  const writers = 24
  const frozenForMs = 10_000
  const old = { frozenAtMs: 0, lastWriteMs: 0, scripts: 0 }
  const { violations, verdict } = await runSentinelCase({
    id: 'F6',
    name: `SIGSTOP of the primary for ${frozenForMs / 1000} s`,
    workload: { writers, ratePerSecond: 300 },
    allows: failover,
    async fault({ rig, repaired }) {
      const before = await rig.primary()
      const scripts = await countScripts(before)
      before.freeze()
      old.frozenAtMs = Date.now()
      await successorOf(rig, before)
      repaired()
      await sleep(old.frozenAtMs + frozenForMs - Date.now())
      before.thaw()
      // Sentinels leave it alone for some seconds before they make it a replica.
      old.scripts = (await countScripts(before)) - scripts
      old.lastWriteMs = Math.max(...(await askPartitions(before, 't')))
      expect(await before.command('ROLE')).toMatch(/^\*3/)
      await rig.settled({ hurry: true })
    },
  })
  expect(violations).toEqual([])
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
  expect(verdict.told.lostWrites).toBe(0)
  expect(verdict.longestErrorWindowMs).toBeGreaterThan(0)
  expect(verdict.longestErrorWindowMs).toBeLessThan(DOWN_AFTER_MS + 3000)
  // The pushes that were under way did run, and found that they were late.
  expect(old.scripts).toBeGreaterThanOrEqual(writers / 2)
  expect(old.lastWriteMs).toBeLessThanOrEqual(old.frozenAtMs + 100)
})

it('F10: without a majority of Sentinels nobody takes over, until there is one again', async () => {
  const noQuorumForMs = 6000
  let acked = Number.NaN
  const { violations, verdict } = await runSentinelCase({
    id: 'F10',
    name: `2 of 3 Sentinels killed, then the primary; Sentinels back after ${noQuorumForMs / 1000} s`,
    allows: failover,
    async fault({ rig, workload }) {
      const before = await rig.primary()
      const [first, second] = rig.sentinels
      await Promise.all([first?.kill(), second?.kill()])
      await before.kill()
      const watch = watchGateways(workload.history)
      const fromMs = performance.now()
      await sleep(noQuorumForMs)
      acked = watch.all.acked(fromMs, performance.now())
      await Promise.all([first?.restart(), second?.restart()])
      await successorOf(rig, before)
    },
  })
  expect(violations).toEqual([])
  expect(acked).toBe(0)
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
  expect(verdict.told.lostWrites).toBe(0)
  expect(verdict.longestErrorWindowMs).toBeGreaterThan(noQuorumForMs)
  // A second is for the Sentinels to start and to find each other.
  expect(verdict.longestErrorWindowMs).toBeLessThan(noQuorumForMs + 1000 + DOWN_AFTER_MS + 3000)
})

it('F24: without the replicas it is told to have, the primary takes nothing, and shows what it has', async () => {
  const maxLagSeconds = 2
  /** A whole second more: the server looks once a second, at whole seconds. */
  const noticedWithinMs = (maxLagSeconds + 2) * 1000
  const withoutForMs = 4000
  const frozen = { acked: Number.NaN, failed: 0, changes: Number.NaN }
  const { violations, verdict } = await runSentinelCase({
    id: 'F24',
    name: `min-replicas-to-write 1, and both replicas killed for ${(noticedWithinMs + withoutForMs) / 1000} s`,
    rig: { directives: ['min-replicas-to-write 1', `min-replicas-max-lag ${maxLagSeconds}`] },
    allows: { mayRefuse: true, recoverWithinMs: 3000 },
    async fault({ rig, workload }) {
      const primary = await rig.primary()
      const replicas = await rig.replicas()
      await Promise.all(replicas.map((replica) => replica.kill()))
      await sleep(noticedWithinMs)
      const watch = watchGateways(workload.history)
      const versions = await askPartitions(primary, 'v')
      const fromMs = performance.now()
      await sleep(withoutForMs)
      frozen.acked = watch.all.acked(fromMs, performance.now())
      frozen.failed = watch.all.failed(fromMs, performance.now())
      const after = await askPartitions(primary, 'v')
      frozen.changes = after.filter((version, place) => version !== versions[place]).length
      await Promise.all(replicas.map((replica) => replica.restart()))
      await rig.settled({ hurry: true })
    },
  })
  expect(violations).toEqual([])
  expect(frozen).toMatchObject({ acked: 0, changes: 0 })
  expect(frozen.failed).toBeGreaterThan(100)
  expect(verdict.failedScrapes).toBe(0)
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
  expect(verdict.told).toMatchObject({ lostWrites: 0, resubmittedWrites: 0, historyLosses: 0 })
})

describe('a network that splits, with the old primary and one gateway on the smaller side', () => {
  const SPLIT_MS = 10_000
  const RETURN_MS = 3000
  /** What was acknowledged so shortly before the split may be on its way to the replicas still. */
  const LOSS_REACH_MS = 500
  const [ISLANDER, ...MAINLANDERS] = [0, 1, 2]

  interface Split extends FaultResult {
    readonly watch: Watch
    readonly splitAtMs: number
    readonly joinedAtMs: number
    readonly settledAtMs: number
  }

  /** The writers of the workload wait for the larger side most of the time, until that has a primary. */
  async function pushToIsland(workload: Workload, untilMs: number): Promise<void> {
    for (let n = 0; performance.now() < untilMs; n++) {
      await workload.send(ISLANDER, 'put', `island/${n}`)
      await sleep(20)
    }
  }

  async function split(
    id: string,
    name: string,
    { flags = [], directives = [] }: { flags?: string[]; directives?: string[] } = {},
  ): Promise<Split> {
    const rig = await startSentinelRig({ downAfterMs: DOWN_AFTER_MS, proxied: true, directives })
    const island = await rig.island(await rig.primary()).catch(async (reason: unknown) => {
      await rig.stop()
      throw reason
    })
    const natMap = [...island.natMap].map((pair) => pair.join('=')).join(',')
    const there = [...flagsFor({ ...rig, endpoint: island.endpoint }), `--redis.nat-map=${natMap}`]
    const here = flagsFor(rig)
    const gateways = await startGateways(
      rig,
      [there, here, here].map((own) => [...own, ...flags]),
    )
    const times = { splitAtMs: 0, joinedAtMs: 0, settledAtMs: 0 }
    let watch: Watch | undefined
    const result = await runFaultCase({
      id,
      name,
      rig,
      gateways,
      workload: { ...COUNTABLE, writers: 9, ratePerSecond: 200 },
      allows: failover,
      async fault({ workload }) {
        watch = watchGateways(workload.history)
        const before = await rig.primary()
        await sleep(LOSS_REACH_MS)
        times.splitAtMs = performance.now()
        island.split()
        await pushToIsland(workload, times.splitAtMs + SPLIT_MS)
        expect(await rig.primary()).not.toBe(before)
        times.joinedAtMs = performance.now()
        await island.join()
        // Without hurry: for some seconds the old primary does not know that it is none any more.
        await rig.settled()
        times.settledAtMs = performance.now()
      },
    })
    if (watch === undefined) throw new Error('the network was never split')
    return { ...result, ...times, watch }
  }

  it('F9: what the smaller side took is written again when the network heals', async () => {
    const result = await split('F9', `network split for ${SPLIT_MS / 1000} s`)
    const { violations, verdict, watch, splitAtMs, joinedAtMs } = result
    expect(violations).toEqual([])
    const acked = watch.of(ISLANDER).acked(splitAtMs, joinedAtMs)
    expect(acked).toBeGreaterThan(50)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
    expect(verdict.told.lostWrites).toBe(0)
    expect(verdict.told.resubmittedWrites).toBeGreaterThanOrEqual(acked)
    expectQuickReturn(result)
  })

  /**
   * The larger side works again once it has a primary. The islander finds that long before the old one is told that it is
   * none any more.
   */
  function expectQuickReturn({ watch, splitAtMs, joinedAtMs, settledAtMs }: Split): void {
    for (const replica of MAINLANDERS) {
      expect(watch.of(replica).failed(splitAtMs + DOWN_AFTER_MS + 3000, settledAtMs)).toBe(0)
      expect(watch.of(replica).acked(splitAtMs + DOWN_AFTER_MS + 3000, settledAtMs)).toBeGreaterThan(50)
    }
    const backAtMs = joinedAtMs + RETURN_MS
    expect(settledAtMs).toBeGreaterThan(backAtMs)
    expect(watch.of(ISLANDER).acked(backAtMs, settledAtMs)).toBeGreaterThan(50)
    expect(watch.of(ISLANDER).failed(backAtMs, settledAtMs)).toBe(0)
  }

  /** Only the islander lost something: each push that it took and was lost it counted, and it took them in this time. */
  function expectLossOnIslandOnly({ verdict, watch }: Split, fromMs: number, toMs: number): void {
    const { lost } = verdict.losses
    expect(lost).toBeGreaterThan(0)
    expect(lost).toBeLessThanOrEqual(watch.of(ISLANDER).acked(fromMs - LOSS_REACH_MS, toMs))
    expect(verdict.losses).toMatchObject({ gone: 0, uncertain: 0 })
    expect(verdict.told).toMatchObject({ lostWrites: lost, resubmittedWrites: 0 })
    for (const replica of MAINLANDERS) expect(watch.reading(replica)).toMatchObject({ lostWrites: 0 })
  }

  it('F9-never: what the smaller side took is lost when it may not be written again, and each is counted', async () => {
    const result = await split('F9-never', `network split for ${SPLIT_MS / 1000} s, ${COUNT_ONLY}`, {
      flags: [COUNT_ONLY],
    })
    expect(result.violations).toEqual([])
    expectLossOnIslandOnly(result, result.splitAtMs, result.joinedAtMs + RETURN_MS)
    expect(result.verdict.losses.lost).toBeGreaterThan(50)
    expectQuickReturn(result)
  })

  it('F9-lag: a primary that has to have a replica takes nothing soon after it lost them', async () => {
    const maxLagSeconds = 2
    const result = await split(
      'F9-lag',
      `network split for ${SPLIT_MS / 1000} s, min-replicas-to-write 1, min-replicas-max-lag ${maxLagSeconds}, ${COUNT_ONLY}`,
      {
        flags: [COUNT_ONLY],
        directives: ['min-replicas-to-write 1', `min-replicas-max-lag ${maxLagSeconds}`],
      },
    )
    const { watch, splitAtMs, joinedAtMs } = result
    expect(result.violations).toEqual([])
    // The server looks once a second, and compares whole seconds.
    const closedAtMs = splitAtMs + (maxLagSeconds + 2) * 1000
    expectLossOnIslandOnly(result, splitAtMs, closedAtMs)
    expect(watch.of(ISLANDER).acked(closedAtMs, joinedAtMs)).toBe(0)
    expect(watch.of(ISLANDER).failed(closedAtMs, joinedAtMs)).toBeGreaterThan(50)
    expectQuickReturn(result)
  })

  it('F9-strict: a gateway that no majority of Sentinels answers takes nothing after three seconds', async () => {
    const result = await split(
      'F9-strict',
      `network split for ${SPLIT_MS / 1000} s, --redis.sentinel-strict, ${COUNT_ONLY}`,
      { flags: [COUNT_ONLY, '--redis.sentinel-strict'] },
    )
    const { watch, splitAtMs, joinedAtMs } = result
    expect(result.violations).toEqual([])
    // It asks twice a second.
    const closedAtMs = splitAtMs + 3500
    expectLossOnIslandOnly(result, splitAtMs, closedAtMs)
    expect(watch.of(ISLANDER).acked(closedAtMs, joinedAtMs)).toBe(0)
    expect(watch.of(ISLANDER).failed(closedAtMs, joinedAtMs)).toBeGreaterThan(50)
    expectQuickReturn(result)
  })
})

it('F30: behind a primary whose clock was ahead nothing comes back, and only once what expires is late', async () => {
  const aheadMs = 60_000
  const ttlMs = 5000
  let stoodStillMs = 0
  const late = { wasShown: false, isShown: true }
  const rig = await startSentinelRig({ downAfterMs: DOWN_AFTER_MS })
  const gateways = await startGateways(
    rig,
    Array.from({ length: GATEWAYS }, () => flagsFor(rig)),
  )
  const before = await rig.primary()
  const stopClock = await runClockAhead(before, aheadMs)
  const { violations, verdict } = await runFaultCase({
    id: 'F30',
    name: `the clock of the promoted replica is ${aheadMs / 1000} s behind that of the primary before`,
    rig,
    gateways,
    workload: { ratePerSecond: 30, ttlMs: 10_000, tokenTtlMs: ttlMs },
    checker: { expirySlackMs: aheadMs + 1000 },
    allows: failover,
    async fault({ workload, repaired }) {
      await stopClock()
      await before.kill()
      const after = await successorOf(rig, before)
      stoodStillMs = Math.min(...(await askPartitions(after, 't'))) - Date.now()
      repaired()
      await before.restart()
      // The time of the store stands still until the clock is there. Then it goes on, and what expires is in time.
      await sleep(stoodStillMs + 1000)
      const sentMs = performance.now()
      await workload.send(0, 'put', 'late/a')
      late.wasShown = await isShown(workload, 'late/a')
      await sleep(sentMs + ttlMs + 1000 - performance.now())
      late.isShown = await isShown(workload, 'late/a')
    },
  })
  expect(violations).toEqual([])
  expect(stoodStillMs).toBeGreaterThan(aheadMs - 10_000)
  expect(late).toEqual({ wasShown: true, isShown: false })
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
  expect(verdict.told.lostWrites).toBe(0)
})

/**
 * Keeps the time of every partition ahead of the server's clock, as a server with such a clock does. It is so in all of
 * them when this resolves, and when what ends it does.
 */
async function runClockAhead(server: RedisServer, aheadMs: number): Promise<() => Promise<void>> {
  const connection = server.open()
  const tick = () => Promise.all(META_KEYS.map((key) => setTime(connection.ask, key, Date.now() + aheadMs)))
  await tick()
  const timer = setInterval(() => void tick().catch(() => undefined), 50)
  return async () => {
    clearInterval(timer)
    await tick()
    connection.close()
  }
}

async function isShown(workload: Workload, unit: string): Promise<boolean> {
  const answer = await workload.targets[1]?.scrape({ gzip: false })
  if (answer?.page === undefined) throw new Error(`there was no page: ${answer?.status}`)
  return answer.page.units.has(unit)
}

it('F10-silent: a Sentinel that takes connections and never answers disturbs nobody', async () => {
  const { violations, verdict } = await runSentinelCase({
    id: 'F10-silent',
    name: 'a Sentinel replaced by something that accepts and is silent, for 5 s',
    async fault({ rig }) {
      const [, , third] = rig.sentinels
      await third?.kill()
      const sockets = new Set<Socket>()
      const silent = createServer((socket) => sockets.add(socket.on('error', () => undefined)))
      await once(silent.listen(third?.port, '127.0.0.1'), 'listening')
      await sleep(5000)
      expect(sockets.size).toBeGreaterThanOrEqual(2 * GATEWAYS)
      silent.close()
      for (const socket of sockets) socket.destroy()
      await third?.restart()
    },
  })
  expect(violations).toEqual([])
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0 })
})

it('F10-strict: without a majority of Sentinels a strict gateway takes nothing, and goes on by itself', async () => {
  const awayForMs = 6000
  const closed = { acked: Number.NaN, failed: 0 }
  const { violations, verdict } = await runSentinelCase({
    id: 'F10-strict',
    name: `2 of 3 Sentinels frozen for ${awayForMs / 1000} s, --redis.sentinel-strict`,
    flags: ['--redis.sentinel-strict'],
    allows: { mayRefuse: true, recoverWithinMs: 2000 },
    async fault({ rig, workload }) {
      const watch = watchGateways(workload.history)
      const frozen = rig.sentinels.slice(0, 2)
      for (const sentinel of frozen) sentinel.freeze()
      const fromMs = performance.now()
      await sleep(awayForMs)
      const toMs = performance.now()
      for (const sentinel of frozen) sentinel.thaw()
      closed.acked = watch.all.acked(fromMs + 3500, toMs)
      closed.failed = watch.all.failed(fromMs + 3500, toMs)
    },
  })
  expect(violations).toEqual([])
  expect(closed.acked).toBe(0)
  expect(closed.failed).toBeGreaterThan(50)
  expect(verdict.acked).toBeGreaterThan(300)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
  expect(verdict.told).toMatchObject({ lostWrites: 0, resubmittedWrites: 0, historyLosses: 0 })
})
