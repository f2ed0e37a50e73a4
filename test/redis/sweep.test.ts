import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keyspace, PARTITIONS } from '../../src/store/redis/keys.ts'
import { numberAt, textAt } from '../../src/store/redis/reply.ts'
import { scripts } from '../../src/store/redis/scripts.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { family, jobIn, LONG_MS, putOf } from '../support/store-writes.ts'
import { type FailoverRig, openRig, PARTITION } from './failover.ts'

/** What one call may do, as `sweep.lua` has it. */
const MOST_UNITS = 100
const MOST_FIELDS = 4000
const MOST_MARKS = 1000

const [, data = '', log = '', expiry = '', dead = '', operations = ''] =
  keyspace('pgr').partitions[PARTITION] ?? []

describe('one sweep of a partition', () => {
  let server: RedisServer
  let rig: FailoverRig

  beforeAll(async () => {
    server = await startRedis()
    rig = openRig(server)
  })
  afterAll(async () => {
    rig.close()
    await server.stop()
  })
  beforeEach(() => rig.reset())

  /** Groups of so many families that are over when this resolves; without `ttlMs` they last. */
  async function fill(groups: number, families: number, ttlMs = 1): Promise<void> {
    const gateway = rig.gateway()
    const held = Array.from({ length: families }, (_, n) => family(`f${n}`, 'x'))
    for (let from = 0; from < groups; from += 100) {
      const names = Array.from({ length: Math.min(100, groups - from) }, (_, n) => `${from + n}`)
      const all = names.map((name) => jobIn(PARTITION, PARTITIONS, 'group', name))
      await Promise.all(all.map((labels) => gateway.writeGroup(putOf(labels, held, { ttlMs }))))
    }
    await sleep(5)
  }

  /** Whether there may be more to do, and how many commands it took; everything is kept for long unless given. */
  async function sweep({ graceMs = LONG_MS, retentionMs = LONG_MS } = {}) {
    await rig.redis.config('RESETSTAT')
    const reply = await rig.run(PARTITION, scripts.sweep, Buffer.alloc(0), [graceMs, retentionMs])
    const stats = await rig.redis.info('commandstats')
    expect(textAt(reply, 0)).toBe('ok')
    const calls = [...stats.matchAll(/^cmdstat_(?!evalsha|info|config)\w+:calls=(\d+)/gm)].map(([, n]) =>
      Number(n),
    )
    return { more: numberAt(reply, 1) === 1, commands: calls.reduce((sum, n) => sum + n, 0) }
  }

  /** But for the one that keeps the key in being. */
  const sizes = async () => {
    const [fields, ...sets] = await Promise.all([
      rig.redis.hlen(data),
      ...[log, expiry, dead, operations].map((key) => rig.redis.zcard(key)),
    ])
    const [logged = 0, due = 0, tombstones = 0, ids = 0] = sets.map((size) => size - 1)
    return { fields: fields - 1, logged, due, tombstones, ids }
  }

  it('removes so many units whose time is over, and no more, however many there are', async () => {
    const GROUPS = 350
    await fill(GROUPS, 1)
    const commands: number[] = []
    for (let left = GROUPS; left > 0; left -= MOST_UNITS) {
      expect(await sizes()).toMatchObject({ fields: 2 * left, due: left, tombstones: GROUPS - left })
      const swept = await sweep()
      expect(swept.more).toBe(left >= MOST_UNITS)
      commands.push(swept.commands)
    }
    expect(await sizes()).toMatchObject({ fields: 0, logged: GROUPS, due: 0, tombstones: GROUPS })
    // A handful for each of them.
    expect(Math.max(...commands)).toBeLessThanOrEqual(10 * MOST_UNITS)
    expect(await sweep()).toMatchObject({ more: false })
  })

  it('removes so many fields, and those of the unit it was at', async () => {
    const [GROUPS, FAMILIES] = [20, 500]
    await fill(GROUPS, FAMILIES)
    const counts: number[] = []
    for (let before = (await sizes()).fields; before > 0; ) {
      await sweep()
      const { fields } = await sizes()
      counts.push(before - fields)
      before = fields
    }
    expect(counts.length).toBeGreaterThan(2)
    expect(Math.max(...counts)).toBeGreaterThan(MOST_FIELDS)
    expect(Math.max(...counts)).toBeLessThanOrEqual(MOST_FIELDS + FAMILIES + 1)
  })

  it('removes so many units that were wiped', async () => {
    const GROUPS = 350
    await fill(GROUPS, 1, LONG_MS)
    await rig.gateway().wipe()
    for (let left = GROUPS; left > 0; left -= MOST_UNITS) {
      expect(await sizes()).toMatchObject({ fields: 2 * left, logged: left })
      const { more, commands } = await sweep()
      expect(more).toBe(left >= MOST_UNITS)
      expect(commands).toBeLessThanOrEqual(10 * MOST_UNITS)
    }
    expect(await sizes()).toMatchObject({ fields: 0, logged: 0, due: 0, tombstones: 0 })
  })

  it('forgets so many removals, and so many operations', async () => {
    const GROUPS = 2500
    await fill(GROUPS, 1)
    while ((await sweep()).more);
    expect(await sizes()).toMatchObject({ fields: 0, tombstones: GROUPS, ids: GROUPS })
    await sleep(5)
    for (let left = GROUPS; left > 0; left -= MOST_MARKS) {
      expect(await sizes()).toMatchObject({ tombstones: left, logged: left, ids: left })
      const { more, commands } = await sweep({ graceMs: 1, retentionMs: 1 })
      expect(more).toBe(left >= MOST_MARKS)
      expect(commands).toBeLessThanOrEqual(4 * MOST_MARKS)
    }
    expect(await sizes()).toMatchObject({ tombstones: 0, logged: 0, ids: 0 })
  }, 60_000)
})
