import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { readInfo } from '../../src/store/redis/info.ts'
import { permissionsFor } from '../../src/store/redis/permissions.ts'
import { ask, push, scrape } from '../e2e/ask.ts'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { makeFolder, removeFolder } from '../support/child.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import type { RedisServer } from '../support/redis-server.ts'
import type { Pgr } from '../support/start-pgr.ts'
import {
  asWipe,
  BACK_WITHIN_MS,
  COUNTABLE,
  killAndRestart,
  linesWith,
  ownSample,
  p99,
  runRedisCase,
  statusOf,
} from './redis-case.ts'
import type { Workload } from './workload.ts'

const MIB = 1024 * 1024
const GATEWAYS = 2
/** Everything, however old. */
const EVERYTHING_MS = 600_000
const LOST_HISTORY = 'lost history'

async function readStatus(gateway: Pgr): Promise<{ ready: boolean; reason?: string; losses?: object }> {
  return JSON.parse((await ask(gateway.url, '/api/v1/status')).text).data.store
}

/** Pushes that ended from now on, by replica. */
function watchPushes({ history }: Workload): readonly { replica: number; isOk: boolean; tookMs: number }[] {
  const pushes: { replica: number; isOk: boolean; tookMs: number }[] = []
  history.listen((event) => {
    if (event.kind !== 'push.ended') return
    const { push, answer, endMs } = event
    pushes.push({
      replica: push.replica,
      isOk: answer.outcome === 'ok',
      tookMs: endMs - push.startMs,
    })
  })
  return pushes
}

describe('Redis is killed and restarts with its append-only file', () => {
  const everysec = ['appendonly yes', 'appendfsync everysec']

  it.each([
    ['F1-always', '`appendfsync always`', { durable: true }, [], {}],
    [
      'F1-restart',
      '--redis.resubmit-after=restart',
      { directives: everysec },
      ['--redis.resubmit-after=restart'],
      // What Redis had not written down yet is written again.
      { mayHideForMs: BACK_WITHIN_MS, lossReachMs: 2500 },
    ],
  ])('%s: nothing is lost with %s', async (id, what, redis, flags, hiding) => {
    const { violations, verdict } = await runRedisCase({
      id,
      name: `kill -9 of Redis, restart; ${what}`,
      redis,
      flags,
      allows: { mayRefuse: true, recoverWithinMs: BACK_WITHIN_MS, ...hiding },
      fault: killAndRestart,
    })
    expect(violations).toEqual([])
    expect(verdict.acked).toBeGreaterThan(200)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
    expect(verdict.told.lostWrites).toBe(0)
  })
})

describe('Redis restarts with nothing', () => {
  it('F2: all is gone, which every gateway tells once, and no ghost stays', async () => {
    const statuses: object[] = []
    const { violations, verdict, logs } = await runRedisCase({
      id: 'F2',
      name: 'kill -9 of Redis without persistence, restart',
      workload: COUNTABLE,
      allows: { mayLose: true, lossReachMs: EVERYTHING_MS, mayRefuse: true, recoverWithinMs: BACK_WITHIN_MS },
      async fault({ redis, gateways, repaired }) {
        await redis.kill()
        await redis.restart()
        repaired()
        for (const gateway of gateways) {
          await eventuallyHolds(async () =>
            expect(await ownSample(gateway, 'pgr_store_history_losses_total{cause="emptied"}')).toBe(1),
          )
          statuses.push((await readStatus(gateway)).losses ?? {})
        }
      },
    })
    expect(violations).toEqual([])
    expect(verdict.losses.lost).toBeGreaterThan(100)
    expect(verdict.losses).toMatchObject({ gone: 0, uncertain: 0 })
    expect(verdict.told).toEqual({
      lostWrites: verdict.losses.lost,
      resubmittedWrites: 0,
      historyLosses: GATEWAYS,
    })
    expect(statuses).toEqual(
      logs.map(() => expect.objectContaining({ history: 1, cause: 'emptied', resubmitted_writes: 0 })),
    )
    for (const log of logs) {
      expect(linesWith(log, 'redis keeps no append-only file')).toEqual([expect.stringContaining('warn')])
      expect(linesWith(log, LOST_HISTORY)).toEqual([expect.stringMatching(/level=warn.*cause=emptied/)])
    }
  })

  it('F2-empty: where that is asked for, everything is written again', async () => {
    const { violations, verdict } = await runRedisCase({
      id: 'F2-empty',
      name: 'the same with --redis.resubmit-after=empty',
      flags: ['--redis.resubmit-after=empty'],
      allows: {
        mayHideForMs: BACK_WITHIN_MS,
        lossReachMs: EVERYTHING_MS,
        mayRefuse: true,
        recoverWithinMs: BACK_WITHIN_MS,
      },
      async fault({ redis }) {
        await redis.kill()
        await redis.restart()
      },
    })
    expect(violations).toEqual([])
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
    expect(verdict.told).toMatchObject({ lostWrites: 0, historyLosses: GATEWAYS })
    expect(verdict.told.resubmittedWrites).toBeGreaterThan(100)
  })
})

describe('Redis restarts with an old snapshot', () => {
  /** With snapshots by hand alone the file stays as it was then. */
  const restartWithOld = async ({
    redis,
    workload,
  }: Parameters<Parameters<typeof runRedisCase>[0]['fault']>[0]) => {
    expect(await redis.ask('SAVE')).toBe('OK')
    const before = workload.acked()
    await eventually('more pushes', () => workload.acked() > before + 100)
    await redis.kill()
    await redis.restart()
  }
  const losing = { mayLose: true, lossReachMs: 1000, mayRefuse: true, recoverWithinMs: BACK_WITHIN_MS }

  it('F3: what came after it is gone from every page, and each lost push is counted', async () => {
    const { violations, verdict, logs } = await runRedisCase({
      id: 'F3',
      name: 'Redis restarts with an old snapshot',
      workload: COUNTABLE,
      allows: losing,
      fault: restartWithOld,
    })
    expect(violations).toEqual([])
    expect(verdict.losses.lost).toBeGreaterThan(100)
    expect(verdict.losses).toMatchObject({ gone: 0, uncertain: 0 })
    // What the snapshot had is still shown.
    expect(verdict.losses.confirmed).toBeGreaterThan(verdict.losses.lost + 100)
    expect(verdict.told).toEqual({
      lostWrites: verdict.losses.lost,
      resubmittedWrites: 0,
      historyLosses: GATEWAYS,
    })
    for (const log of logs)
      expect(linesWith(log, LOST_HISTORY)).toEqual([expect.stringMatching(/level=warn.*cause=restart/)])
  })

  it('F3-rewritten: groups are shown as the snapshot has them, whole', async () => {
    const { violations, verdict } = await runRedisCase({
      id: 'F3-rewritten',
      name: 'the same, of groups that were rewritten since',
      workload: { unique: false, tokenGroups: 30 },
      checker: { telling: 'noticed' },
      allows: losing,
      fault: restartWithOld,
    })
    expect(violations).toEqual([])
    expect(verdict.told).toMatchObject({ resubmittedWrites: 0, historyLosses: GATEWAYS })
    expect(verdict.told.lostWrites).toBeGreaterThan(50)
  })

  it('F3-restart: where that is asked for, what came after it is written again', async () => {
    const { violations, verdict } = await runRedisCase({
      id: 'F3-restart',
      name: 'the same with --redis.resubmit-after=restart',
      flags: ['--redis.resubmit-after=restart'],
      allows: {
        mayHideForMs: BACK_WITHIN_MS,
        lossReachMs: 1000,
        mayRefuse: true,
        recoverWithinMs: BACK_WITHIN_MS,
      },
      fault: restartWithOld,
    })
    expect(violations).toEqual([])
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0 })
    expect(verdict.told).toMatchObject({ lostWrites: 0, historyLosses: GATEWAYS })
    expect(verdict.told.resubmittedWrites).toBeGreaterThan(50)
  })
})

it('F4: while Redis loads its data pushes and scrapes are refused at once, and readiness fails', async () => {
  let loadedMs = 0
  const seen: string[][] = []
  const { violations, verdict } = await runRedisCase({
    id: 'F4',
    name: 'Redis restarts and loads its data for seconds',
    redis: { directives: ['key-load-delay 10000', 'loading-process-events-interval-bytes 1024'] },
    allows: { mayRefuse: true, recoverWithinMs: 3000 },
    checker: { pushWithinMs: 3500 },
    async fault({ redis, gateways, repaired }) {
      const restarted = redis.restart()
      await eventually('loading', async () => (await redis.command('PING')).startsWith('-LOADING'))
      const startMs = performance.now()
      await eventually('the gateways notice', async () =>
        (await Promise.all(gateways.map(({ url }) => ask(url, '/-/ready')))).every(
          ({ status }) => status === 503,
        ),
      )
      for (const { url } of gateways) {
        const answers = await Promise.all([
          ask(url, '/metrics/job/a', { method: 'PUT', body: 'a 1\n' }),
          ask(url, '/metrics'),
          ask(url, '/-/healthy'),
        ])
        seen.push(
          answers.map(({ status, headers }) => `${status} ${Number(headers['retry-after'] ?? 0) > 0}`),
        )
      }
      expect(await redis.command('PING')).toMatch(/^-LOADING/)
      await restarted
      loadedMs = performance.now() - startMs
      repaired()
    },
  })
  expect(violations).toEqual([])
  expect(seen).toEqual([
    ['503 true', '503 true', '200 false'],
    ['503 true', '503 true', '200 false'],
  ])
  expect(loadedMs).toBeGreaterThan(2000)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
})

describe('the way to Redis', () => {
  it('F17: stalls with sockets open: pushes end in time, the sockets are dropped, and all is back soon', async () => {
    const STALL_MS = 6000
    let droppedAfterMs = Number.POSITIVE_INFINITY
    const { violations, verdict } = await runRedisCase({
      id: 'F17',
      name: `the network stalls for ${STALL_MS / 1000} s, sockets stay open`,
      proxied: GATEWAYS,
      allows: { mayRefuse: true, recoverWithinMs: 1500 },
      checker: { pushWithinMs: 3500 },
      async fault({ proxy, gateways }) {
        proxy.stall()
        const startMs = performance.now()
        await eventually('the sockets are dropped', () =>
          gateways.every((gateway) => linesWith(gateway.output(), 'lost the store').length === 1),
        )
        droppedAfterMs = performance.now() - startMs
        await sleep(STALL_MS - droppedAfterMs)
        proxy.resume()
      },
    })
    expect(violations).toEqual([])
    // A socket that is silent for 3 s is given up.
    expect(droppedAfterMs).toBeLessThan(3500)
    expect(verdict.longestErrorWindowMs).toBeGreaterThan(STALL_MS - 3500)
    expect(verdict.firstAckMs).toBeLessThan(1500)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
  })

  it('F19: is reset every 200 ms, and pushes still get through', async () => {
    let acked = 0
    let failed = 0
    const { violations, verdict } = await runRedisCase({
      id: 'F19',
      name: 'connections to Redis are reset every 200 ms for 10 s',
      proxied: GATEWAYS,
      workload: { writers: 8 },
      allows: { mayRefuse: true, recoverWithinMs: BACK_WITHIN_MS },
      async fault({ proxy, workload }) {
        const [ackedBefore, failedBefore] = [workload.acked(), workload.failed()]
        const end = proxy.resetEvery(200)
        await sleep(10_000)
        end()
        acked = workload.acked() - ackedBefore
        failed = workload.failed() - failedBefore
      },
    })
    expect(violations).toEqual([])
    expect(acked).toBeGreaterThan(200)
    expect(acked).toBeGreaterThan(failed)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
  })

  it('F20: takes 50 ms more, then 2 s more: slower answers, then refusals, and nothing piles up', async () => {
    const SLOW_MS = 4000
    let slow: ReturnType<typeof watchPushes> = []
    let tooSlow: ReturnType<typeof watchPushes> = []
    const { violations, verdict } = await runRedisCase({
      id: 'F20',
      name: 'Redis answers 50 ms later, then 2 s later',
      proxied: GATEWAYS,
      workload: { writers: 60, ratePerSecond: 300 },
      allows: { mayRefuse: true, recoverWithinMs: 3000 },
      checker: { memoryGrowthBytes: 64 * MIB },
      async fault({ proxy, workload }) {
        slow = watchPushes(workload)
        proxy.latency(25)
        await sleep(SLOW_MS)
        slow = [...slow]
        tooSlow = watchPushes(workload)
        proxy.latency(1000)
        await sleep(2 * SLOW_MS)
        tooSlow = [...tooSlow]
        proxy.latency(0)
      },
      afterMs: 5000,
    })
    expect(violations).toEqual([])
    expect(slow.length).toBeGreaterThan(300)
    expect(slow.filter(({ isOk }) => !isOk)).toEqual([])
    expect(p99(slow.map(({ tookMs }) => tookMs))).toBeLessThan(1000)
    expect(tooSlow.filter(({ isOk }) => !isOk).length).toBeGreaterThan(50)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
  })
})

describe('an operator', () => {
  it.each([
    ['F22', 'groups are pushed all the time', { ttlMs: 300_000 }],
    ['F22-idle', 'nearly nothing is pushed', { unique: false, tokenGroups: 1, ratePerSecond: 5 }],
  ])(
    '%s: lets Redis evict while %s: that is told within a minute, and pages show what is left',
    async (id, what, workload) => {
      const IDLE = 200
      let evicted = 0
      let toldAfterMs = 0
      const idleLeft: number[] = []
      const { violations, logs, verdict } = await runRedisCase({
        id,
        name: `\`maxmemory-policy allkeys-lru\` and pressure while ${what}`,
        workload,
        // An evicted key holds no count of what was in it: the finding says what happened.
        checker: { telling: 'elsewhere' },
        allows: { mayLose: true, lossReachMs: EVERYTHING_MS, mayRefuse: true, recoverWithinMs: 500 },
        async fault({ redis, gateways, repaired }) {
          const [one, other] = gateways as [Pgr, Pgr]
          for (let n = 0; n < IDLE; n++)
            await push(one.url, `/metrics/job/idle/group/${n}`, 'idle_a 1\nidle_b 1\n', { method: 'PUT' })
          expect(idleGroups(await scrape(other.url))).toEqual([IDLE, IDLE])
          await squeeze(redis)
          const startMs = performance.now()
          evicted = Number((await infoOf(redis, 'stats')).get('evicted_keys'))
          await eventually(
            'every gateway tells',
            () => gateways.every((gateway) => linesWith(gateway.output(), 'finding=evicted-keys').length > 0),
            Boolean,
            { deadlineMs: 75_000 },
          )
          toldAfterMs = performance.now() - startMs
          await eventually(
            'every gateway has a page',
            async () =>
              (await Promise.all(gateways.map((gateway) => statusOf(gateway, '/metrics')))).every(
                (status) => status === 200,
              ),
            Boolean,
            { deadlineMs: 20_000 },
          )
          repaired()
          const pages = await Promise.all(gateways.map(({ url }) => scrape(url)))
          idleLeft.push(...pages.flatMap(idleGroups))
        },
      })
      expect(violations).toEqual([])
      expect(evicted).toBeGreaterThan(100)
      const [left = 0] = idleLeft
      expect(left).toBeLessThan(IDLE)
      // Both families of a group, on both pages.
      expect(idleLeft).toEqual([left, left, left, left])
      expect(verdict.losses.gone).toBe(0)
      expect(toldAfterMs).toBeLessThan(65_000)
      for (const log of logs) expect(linesWith(log, 'finding=evicted-keys')[0]).toMatch(/level=warn/)
    },
  )

  it('F25: empties Redis under load: every page is empty at once, and nothing comes back', async () => {
    const { violations, verdict, logs } = await runRedisCase({
      id: 'F25',
      name: 'FLUSHALL, 5 times',
      async fault({ redis, workload }) {
        for (let n = 0; n < 5; n++) {
          await asWipe(workload, () => redis.ask('FLUSHALL'))
          await sleep(700)
        }
      },
      afterMs: 1000,
    })
    expect(violations).toEqual([])
    expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0, longestErrorWindowMs: 0 })
    expect(verdict.told).toEqual({ lostWrites: 0, resubmittedWrites: 0, historyLosses: 0 })
    for (const log of logs) expect(linesWith(log, 'reason=epoch').length).toBeGreaterThan(0)
  })

  it('F26: makes Redis forget its scripts over and over, and nobody notices', async () => {
    let flushes = 0
    const { violations, verdict } = await runRedisCase({
      id: 'F26',
      name: 'SCRIPT FLUSH in a loop',
      workload: { kinds: ['put', 'post', 'delete', 'ingest'], uniqueKinds: ['put', 'post', 'ingest'] },
      async fault({ redis }) {
        const connection = redis.open()
        const endMs = performance.now() + 5000
        for (; performance.now() < endMs; flushes++) {
          await connection.ask('SCRIPT', 'FLUSH')
          await sleep(10)
        }
        connection.close()
      },
      afterMs: 500,
    })
    expect(violations).toEqual([])
    expect(flushes).toBeGreaterThan(100)
    expect(verdict.acked).toBeGreaterThan(500)
    expect(verdict).toMatchObject({ unknown: 0, refused: 0, failedScrapes: 0, longestErrorWindowMs: 0 })
  })
})

it('F23: when Redis cannot write its snapshot pushes are refused, and scrapes go on', async () => {
  let failed = 0
  let failedScrapes = 0
  const { violations, verdict } = await runRedisCase({
    id: 'F23',
    name: 'a snapshot cannot be written (MISCONF)',
    allows: { mayRefuse: true, recoverWithinMs: 500 },
    async fault({ redis, gateways, workload, repaired }) {
      // What stands where the snapshot belongs cannot be replaced by it, whoever Redis runs as.
      const obstacle = join(redis.folder, 'dump.rdb')
      mkdirSync(obstacle)
      writeFileSync(join(obstacle, 'x'), '')
      await redis.ask('CONFIG', 'SET', 'save', '3600 1')
      await saveInBackground(redis, 'err')
      const before = workload.failed()
      workload.history.listen((event) => {
        if (event.kind === 'scrape.ended' && event.answer.status !== 200) failedScrapes++
      })
      expect(await workload.nextAck(2000)).toBe(false)
      failed = workload.failed() - before
      for (const { url } of gateways) {
        const answer = await ask(url, '/metrics/job/a', { method: 'PUT', body: 'a 1\n' })
        expect([answer.status, answer.text]).toEqual([
          503,
          expect.stringContaining('cannot write its snapshot'),
        ])
        expect(await scrape(url)).toContain('fault_times')
      }
      rmSync(obstacle, { recursive: true })
      await saveInBackground(redis, 'ok')
      repaired()
    },
    afterMs: 1500,
  })
  expect(violations).toEqual([])
  expect(failed).toBeGreaterThan(100)
  expect(failedScrapes).toBe(0)
  expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
})

describe('Redis lets nobody in', () => {
  /** Pages and pushes of every gateway while it lasts, and what the gateways say of it. */
  async function lookAround(gateways: readonly Pgr[], reason: RegExp): Promise<void> {
    for (const gateway of gateways) {
      await eventuallyHolds(async () => expect(await statusOf(gateway, '/-/ready')).toBe(503))
      const { status, text } = await ask(gateway.url, '/metrics/job/a', { method: 'PUT', body: 'a 1\n' })
      expect([status, text]).toEqual([503, expect.stringMatching(reason)])
      expect(await readStatus(gateway)).toMatchObject({ ready: false, reason: expect.stringMatching(reason) })
      const told = linesWith(gateway.output(), 'level=warn').filter((line) => reason.test(line))
      expect(told).toHaveLength(1)
      expect(await statusOf(gateway, '/-/healthy')).toBe(200)
    }
  }
  const refusing = { mayRefuse: true, recoverWithinMs: 2500 }

  it('F35: the password is changed, and changed back', async () => {
    const { violations, verdict } = await runRedisCase({
      id: 'F35',
      name: 'the password of Redis is changed, and changed back',
      redis: { password: 'first' },
      flags: ['--redis.password=first'],
      allows: refusing,
      async fault({ redis, gateways }) {
        const operator = redis.open()
        await operator.ask('CONFIG', 'SET', 'requirepass', 'second')
        await operator.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        await lookAround(gateways, /refuses the user or the password/)
        await operator.ask('CONFIG', 'SET', 'requirepass', 'first')
        operator.close()
      },
    })
    expect(violations).toEqual([])
    expect(verdict.longestErrorWindowMs).toBeGreaterThan(0)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
  })

  it('F35-acl: the user may not write any more, and may again', async () => {
    const { violations, verdict } = await runRedisCase({
      id: 'F35-acl',
      name: 'the user of the gateways loses a permission, and gets it back',
      redis: { directives: [`user gateway on >secret ${permissionsFor('pgr').join(' ')}`] },
      flags: ['--redis.username=gateway', '--redis.password=secret'],
      allows: refusing,
      async fault({ redis, gateways, workload }) {
        await redis.ask('ACL', 'SETUSER', 'gateway', '-hset')
        await workload.nextAck(500)
        await lookAround(gateways, /lacks a permission/)
        await redis.ask('ACL', 'SETUSER', 'gateway', '+hset')
      },
    })
    expect(violations).toEqual([])
    expect(verdict.longestErrorWindowMs).toBeGreaterThan(0)
    expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
  })

  describeWith('openssl', 'over TLS', () => {
    it('F35-tls: a certificate by another authority is refused, the next one by a known one is not noticed', async () => {
      const folder = makeFolder('certificates')
      const [first, second, foreign] = ['first', 'second', 'foreign'].map((name) => {
        mkdirSync(join(folder, name))
        return makeCertificates(join(folder, name))
      }) as [Certificates, Certificates, Certificates]
      const known = join(folder, 'known.pem')
      writeFileSync(known, `${readFileSync(first.ca)}${readFileSync(second.ca)}`)
      let endedBefore = -1
      try {
        const { violations, verdict } = await runRedisCase({
          id: 'F35-tls',
          name: 'the certificate of Redis is exchanged, by a good one and by a wrong one',
          redis: { tls: first },
          flags: [`--redis.tls.ca=${known}`],
          allows: refusing,
          async fault({ redis, gateways, workload }) {
            const operator = redis.open()
            const present = async ({ cert, key }: Certificates): Promise<void> => {
              await operator.ask('CONFIG', 'SET', 'tls-cert-file', cert, 'tls-key-file', key)
              await operator.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
            }
            await present(second)
            await sleep(1500)
            endedBefore = workload.failed()
            await present(foreign)
            await lookAround(gateways, /certificate/)
            await present(second)
            operator.close()
          },
        })
        expect(violations).toEqual([])
        // Connections that are back at once are waited for.
        expect(endedBefore).toBe(0)
        expect(verdict.longestErrorWindowMs).toBeGreaterThan(0)
        expect(verdict.losses).toMatchObject({ lost: 0, gone: 0, uncertain: 0 })
      } finally {
        removeFolder(folder)
      }
    })
  })
})

async function infoOf(redis: RedisServer, section: string): Promise<ReadonlyMap<string, string>> {
  return readInfo(String(await redis.ask('INFO', section)))
}

async function saveInBackground(redis: RedisServer, status: 'ok' | 'err'): Promise<void> {
  await redis.ask('BGSAVE')
  await eventually(`the snapshot is ${status}`, async () => {
    const info = await infoOf(redis, 'persistence')
    return info.get('rdb_bgsave_in_progress') === '0' && info.get('rdb_last_bgsave_status') === status
  })
}

/** Lets Redis throw keys away until it has as much as before and a little more, and then no more. */
async function squeeze(redis: RedisServer): Promise<void> {
  const fill =
    "for i = 1, 400 do redis.call('SET', 'filler:' .. ARGV[1] .. ':' .. i, string.rep('x', 10000)) end"
  const clear = "for i = 1, 400 do redis.call('DEL', 'filler:' .. ARGV[1] .. ':' .. i) end"
  const used = Number((await infoOf(redis, 'memory')).get('used_memory'))
  await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  await redis.ask('CONFIG', 'SET', 'maxmemory', String(used + MIB))
  for (let n = 0; n < 5; n++) await redis.ask('EVAL', fill, '0', String(n))
  for (let n = 0; n < 5; n++) await redis.ask('EVAL', clear, '0', String(n))
  await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  await redis.ask('CONFIG', 'SET', 'maxmemory', '0')
}

/** How many groups of the case a page shows, by each of their two families. */
function idleGroups(page: string): number[] {
  return ['idle_a{', 'idle_b{'].map(
    (start) => page.split('\n').filter((line) => line.startsWith(start)).length,
  )
}
