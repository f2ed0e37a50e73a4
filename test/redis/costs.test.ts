import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { StoreView } from '../support/store-view.ts'
import { family, jobOf, mergeOf, postOf, putOf, sample, setFamily } from '../support/store-writes.ts'
import { openStore } from './open-store.ts'

// What a push, a poll or a read costs does not depend on what else is stored.
describe('what redis is asked for', () => {
  let server: RedisServer
  let redis: Redis
  let store: Store
  let view: StoreView

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.port, '127.0.0.1')
    // What a replica does every ten seconds must not fall into what is counted.
    vi.useFakeTimers({ toFake: ['setInterval'] })
    store = (await openStore(server, { timeoutMs: 5000 })).store
    await eventuallyHolds(async () => expect(await redis.exists('pgr:replicas')).toBe(1))
    view = new StoreView(store)
    await store.writeGroup(putOf(jobOf('warm'), [family('a', 'x')]))
    await view.read()
  })
  afterAll(async () => {
    vi.useRealTimers()
    await store.close()
    redis.disconnect()
    await server.stop()
  })

  /** Calls by command, and bytes in and out, of what happens meanwhile. */
  async function costOf(
    work: () => Promise<unknown>,
  ): Promise<{ calls: Record<string, number>; bytes: number[] }> {
    const before = await callCounts()
    const first = await byteCounts()
    const second = await byteCounts()
    await work()
    const third = await byteCounts()
    const calls = [...(await callCounts())].map(
      ([name, count]) => [name, count - (before.get(name) ?? 0)] as const,
    )
    return {
      // Without the counting itself.
      calls: Object.fromEntries(calls.filter(([name, count]) => count !== 0 && name !== 'info')),
      bytes: third.map((count, side) => count - 2 * (second[side] ?? 0) + (first[side] ?? 0)),
    }
  }

  async function callCounts(): Promise<Map<string, number>> {
    const stats = await redis.info('commandstats')
    return new Map(
      [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = '', count]) => [
        name,
        Number(count),
      ]),
    )
  }

  async function byteCounts(): Promise<number[]> {
    const stats = await redis.info('stats')
    return ['total_net_input_bytes', 'total_net_output_bytes'].map((name) =>
      Number(new RegExp(`${name}:(\\d+)`).exec(stats)?.[1]),
    )
  }

  async function fill(from: number, to: number): Promise<void> {
    for (let n = from; n < to; n += 250) {
      const jobs = Array.from({ length: Math.min(250, to - n) }, (_, index) => jobOf(`job-${n + index}`))
      await Promise.all(jobs.map((job) => store.writeGroup(putOf(job, [family('a', 'x'), family('b', 'x')]))))
    }
    await view.read()
  }

  it('by a push is one script, with 5,000 groups as with 100', async () => {
    const push = (mode: 'put' | 'post') => () =>
      store.writeGroup(
        (mode === 'put' ? putOf : postOf)(jobOf('probe'), [
          family('a', 'x'),
          family('b', 'y'),
          family('c', 'z'),
        ]),
      )
    const merge = () =>
      store.writeSet(mergeOf(jobOf('probe'), [setFamily('up', [sample('x', 1), sample('y', 2)])]))
    const works: [string, () => Promise<unknown>][] = [
      ['put', push('put')],
      ['post', push('post')],
      ['merge', merge],
    ]
    for (const [, work] of works) await work()
    await fill(0, 100)
    const few = await costsOf(works)
    await fill(100, 5000)
    const many = await costsOf(works)

    expect(many.map(({ calls }) => calls)).toEqual(few.map(({ calls }) => calls))
    for (const { calls } of few) expect(calls).toMatchObject({ evalsha: 1, time: 1, hmget: 1 })
    for (const [place, { bytes }] of many.entries()) {
      // Versions have more digits, and so have the counters that are read; nothing else may grow.
      expect(bytes[0]).toBeGreaterThan(100)
      for (const side of [0, 1])
        expect(Math.abs((bytes[side] ?? 0) - (few[place]?.bytes[side] ?? 0))).toBeLessThan(40)
    }
  }, 60_000)

  async function costsOf(works: [string, () => Promise<unknown>][]) {
    const costs = []
    for (const [, work] of works) costs.push(await costOf(work))
    return costs
  }

  it('by a poll that finds nothing is one script, which looks at every partition', async () => {
    await view.read()
    const { calls } = await costOf(() => view.read())
    expect(calls).toEqual({ evalsha: 1, hmget: 64, time: 1 })
  })

  it('by a poll after one push is one script more', async () => {
    await store.writeGroup(putOf(jobOf('probe'), [family('a', 'x')]))
    const { calls } = await costOf(() => view.read())
    expect(calls).toMatchObject({ evalsha: 2 })
    expect(view.texts(jobOf('probe'))).toEqual([['a', 'x']])
  })

  it('by a reader that knows nothing is one script for each page, and two looks at each group', async () => {
    // Not to lean on the tests before.
    await fill(0, 5000)
    const cold = new StoreView(store)
    const { calls } = await costOf(() => cold.read())
    const groups = [...Array(5000).keys()].filter((n) => cold.texts(jobOf(`job-${n}`))?.length === 2).length
    expect(groups).toBe(5000)
    const { evalsha = 0, hget = 0, hmget = 0, ...others } = calls
    // All of a partition's groups here fit on one page.
    expect(evalsha).toBe(65)
    // Each partition is looked at before and by the script; of a group, header and families are read in one go each.
    // A few units are there from the tests before.
    expect(hmget).toBeLessThanOrEqual(2 * 64 + 5010)
    expect(hget).toBeLessThanOrEqual(5010)
    expect(Object.keys(others).sort()).toEqual(['time', 'zrangebyscore'])
  }, 60_000)
})
