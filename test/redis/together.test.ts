import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { packGroup } from '../../src/store/redis/group-writes.ts'
import { keyspace } from '../../src/store/redis/keys.ts'
import { packLimits } from '../../src/store/redis/limits.ts'
import { textAt } from '../../src/store/redis/reply.ts'
import { scripts } from '../../src/store/redis/scripts.ts'
import { Together } from '../../src/store/redis/together.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { WIDE_LIMITS } from '../support/store-harness.ts'
import { family, jobOf, putOf } from '../support/store-writes.ts'

const LIMITS = packLimits(WIDE_LIMITS, 64)
const { partitions } = keyspace('pgr')
const [here, there] = partitions as [(typeof partitions)[number], (typeof partitions)[number]]

describe('pushes that come together', () => {
  let server: RedisServer
  let redis: Redis
  let together: Together

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.port, '127.0.0.1', { protocol: 2 })
  })
  beforeEach(async () => {
    await redis.flushall()
    await redis.script('LOAD', scripts.writeGroups.source)
    await redis.config('RESETSTAT')
    together = new Together(redis)
  })
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })

  let operations = 0
  function push(at = here, text = 'x', deadline = 2 ** 53) {
    const id = Buffer.alloc(12)
    id.writeUInt32BE(operations++)
    const write = putOf(jobOf(`job-${operations}`), [family('a', text)])
    return together.write(at, [id, deadline, 'epoch', LIMITS, packGroup(write)])
  }

  async function scriptsRun(): Promise<number> {
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
  }

  it('are one command, whatever partitions they are for', async () => {
    const replies = await Promise.all([push(), push(there), push(), push(there)])
    expect(replies.map((reply) => textAt(reply, 0))).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(await scriptsRun()).toBe(1)
    expect([await redis.hlen(here[1]), await redis.hlen(there[1])]).toEqual([5, 5])
  })

  it('are told of as many families as a group may hold', async () => {
    const families = Array.from({ length: 2000 }, (_, n) => family(`f${n}`, 'x'))
    const packed = packGroup(putOf(jobOf('many'), families))
    const [status, , , numbers] = await together.write(here, [
      Buffer.alloc(12, 1),
      2 ** 53,
      'epoch',
      LIMITS,
      packed,
    ])
    expect(String(status)).toBe('ok')
    expect((numbers as Buffer).length).toBe(8 * 2005)
  })

  it('are sent in the order in which they came', async () => {
    const write = (text: string) => {
      const id = Buffer.alloc(12)
      id.writeUInt32BE(operations++)
      const packed = packGroup(putOf(jobOf('same'), [family('a', text)]))
      return together.write(here, [id, 2 ** 53, 'epoch', LIMITS, packed])
    }
    await Promise.all(Array.from({ length: 30 }, (_, n) => write(`${n}`)))
    const values = await redis.hvals(here[1])
    expect(values).toContain('29')
    expect(values).toHaveLength(3)
  })

  it('are refused each for itself', async () => {
    // Holds something else, so that writing to the partition fails half way through the command.
    await redis.set(there[1], 'foreign')
    const late = push(here, 'late', 1)
    const outcomes = await Promise.allSettled([push(), push(there), late, push()])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(String((outcomes[1] as PromiseRejectedResult).reason)).toContain('WRONGTYPE')
    expect(textAt(await late, 0)).toBe('late')
    expect(await redis.hlen(here[1])).toBe(5)
    expect(await scriptsRun()).toBe(1)
  })

  it('fail together when their command does, and later ones do not', async () => {
    await redis.config('SET', 'maxmemory', '1')
    const outcomes = await Promise.allSettled([push(), push()])
    await redis.config('SET', 'maxmemory', '0')
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected' })
    expect(await redis.exists(here[1])).toBe(0)
    expect(textAt(await push(), 0)).toBe('ok')
  })

  it('are several commands when they are many or large, so that none holds up the server for long', async () => {
    await Promise.all(Array.from({ length: 80 }, () => push()))
    expect(await scriptsRun()).toBe(5)
    await Promise.all(Array.from({ length: 4 }, () => push(here, 'x'.repeat(200_000))))
    expect(await scriptsRun()).toBe(7)
  })

  it('wait for one another while two commands are on their way, and no longer', async () => {
    // Nothing comes back until all are sent.
    await redis.client('PAUSE', 200, 'WRITE')
    const sent: Promise<unknown>[] = []
    for (let n = 0; n < 7; n++) {
      sent.push(push())
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(sent)
    expect(await scriptsRun()).toBe(3)
    expect(textAt(await push(), 0)).toBe('ok')
  })

  it('go on after commands that failed', async () => {
    await redis.config('SET', 'maxmemory', '1')
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => push()))
    await redis.config('SET', 'maxmemory', '0')
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected' })
    const replies = await Promise.all(Array.from({ length: 50 }, () => push()))
    for (const reply of replies) expect(textAt(reply, 0)).toBe('ok')
  })
})
