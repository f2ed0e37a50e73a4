import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openRedisStore } from '../../src/store/redis/index.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { WIDE_LIMITS } from '../support/store-harness.ts'
import { family, jobOf, operation, putOf } from '../support/store-writes.ts'
import { openStore } from './open-store.ts'

/** Bytes a series of the usual kind may take in Redis, everything included. */
const MOST_BYTES_PER_SERIES = 160
/** Bytes a group may take beside its series: header, change log, expiry, operation id. */
const MOST_BYTES_PER_GROUP = 1200

describe('the memory of redis', () => {
  let server: RedisServer
  let redis: Redis

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.port, '127.0.0.1')
  })
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })
  beforeEach(() => redis.flushall())

  async function used(): Promise<number> {
    return Number(/^used_memory_dataset:(\d+)/m.exec(await redis.info('memory'))?.[1])
  }

  /** Labels that no compression finds anything in. */
  const unlike = (text: string) => createHash('sha256').update(text).digest('base64url')

  function seriesText(group: number, families: number, perFamily: number): string {
    const lines: string[] = []
    for (let f = 0; f < families; f++) {
      lines.push(`# TYPE requests_handled_${f} gauge`)
      for (let n = 0; n < perFamily; n++) {
        const path = unlike(`${group} ${f} ${n}`)
        const host = unlike(`host ${group} ${f} ${n}`).slice(0, 18)
        lines.push(`requests_handled_${f}{host="${host}",path="/${path}"} ${group + f * n + 0.125}`)
      }
    }
    return `${lines.join('\n')}\n`
  }

  async function withGateway(work: (gateway: TestGateway) => Promise<void>): Promise<void> {
    const store = await openRedisStore({
      endpoints: [server.url],
      prefix: 'pgr',
      timeoutMs: 5000,
      limits: WIDE_LIMITS,
      tell: () => undefined,
    })
    const opened = openTestGateway(store)
    try {
      await work(opened)
    } finally {
      await opened.gateway.stop()
      await store.close()
    }
  }

  it(`is at most ${MOST_BYTES_PER_SERIES} bytes for a series, in groups of a hundred`, async () => {
    await withGateway(async ({ push }) => {
      await push('put', { job: 'warm' }, 'a 1\n')
      const before = await used()
      const text = seriesText(0, 10, 10)
      expect(text.split('\n').filter((line) => line.includes('{'))).toHaveLength(100)
      for (let group = 0; group < 300; group++)
        await push(
          'put',
          { job: `batch-${group}`, instance: unlike(`${group}`).slice(0, 10) },
          seriesText(group, 10, 10),
        )
      const perSeries = ((await used()) - before) / 30_000
      expect(perSeries).toBeGreaterThan(50)
      expect(perSeries).toBeLessThanOrEqual(MOST_BYTES_PER_SERIES)
    })
  })

  it(`is at most ${MOST_BYTES_PER_GROUP} bytes for a group of one series, and stays so when it is pushed again`, async () => {
    await withGateway(async ({ push }) => {
      await push('put', { job: 'warm' }, 'a 1\n')
      const before = await used()
      const round = async () => {
        for (let group = 0; group < 2000; group++)
          await push('put', { job: `batch-${group}` }, 'last_run 1\n')
      }
      await round()
      const once = ((await used()) - before) / 2000
      await round()
      const twice = ((await used()) - before) / 2000
      expect(once).toBeLessThanOrEqual(MOST_BYTES_PER_GROUP)
      // Only the operation ids of the last minutes add up.
      expect(twice - once).toBeLessThanOrEqual(200)
    })
  })

  it('is given back by sweeping, in bounded steps, whoever sweeps', async () => {
    const { store } = await openStore(server, { tombstoneGraceMs: 0 })
    const { store: other } = await openStore(server, { tombstoneGraceMs: 0 })
    try {
      const fields = async () => {
        let sum = 0
        for (let partition = 0; partition < store.partitions; partition++)
          sum += await redis.hlen(`pgr:{${await tagAt(partition)}}:d`)
        return sum
      }
      const empty = await fields()
      for (let group = 0; group < 200; group++)
        await store.writeGroup(putOf(jobOf(`job-${group}`), [family('a', 'x'.repeat(1000))]))
      await store.writeGroup(
        putOf(
          jobOf('huge'),
          Array.from({ length: 1500 }, (_, n) => family(`f${n}`, 'x')),
        ),
      )
      expect(await fields()).toBeGreaterThan(empty + 1700)

      await redis.config('RESETSTAT')
      await store.wipe(operation())
      const calls = await redis.info('commandstats')
      // A wipe touches a handful of values a partition, however much is stored.
      expect(Number(/^cmdstat_hset:calls=(\d+)/m.exec(calls)?.[1])).toBeLessThanOrEqual(3 * store.partitions)
      expect(calls).not.toMatch(/^cmdstat_(hdel|unlink|del):/m)
      expect(await fields()).toBeGreaterThan(empty + 1700)

      for (let round = 0; round < 4; round++) await Promise.all([store.sweep(), other.sweep()])
      expect(await fields()).toBe(empty)
    } finally {
      await store.close()
      await other.close()
    }
  })

  async function tagAt(partition: number): Promise<string> {
    const { tagOf } = await import('../../src/store/redis/keys.ts')
    return tagOf(partition, 64)
  }
})
