import type { Socket } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
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
  function push(at = here, text = 'x', deadline = 2 ** 53, deadlineMs = Number.POSITIVE_INFINITY) {
    const id = Buffer.alloc(12)
    id.writeUInt32BE(operations++)
    const write = putOf(jobOf(`job-${operations}`), [family('a', text)])
    return together.write(at, [id, deadline, 'epoch', LIMITS, packGroup(write)], deadlineMs)
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
    const values = [Buffer.alloc(12, 1), 2 ** 53, 'epoch', LIMITS, packed]
    const [status, told] = await together.write(here, values, Number.POSITIVE_INFINITY)
    expect(String(status)).toBe('ok')
    expect((told as Buffer).length).toBe(8 * 2007 + 'epoch'.length + 1)
  })

  it('are sent in the order in which they came', async () => {
    const write = (text: string) => {
      const id = Buffer.alloc(12)
      id.writeUInt32BE(operations++)
      const packed = packGroup(putOf(jobOf('same'), [family('a', text)]))
      return together.write(here, [id, 2 ** 53, 'epoch', LIMITS, packed], Number.POSITIVE_INFINITY)
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
    // Eight, that the server has something to do, and then sixteen at a time.
    await Promise.all(Array.from({ length: 8 + 4 * 16 }, () => push()))
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

  it('leave in the turn in which they came, not behind what the next one brings', async () => {
    const stream = redis.stream as Socket
    const before = stream.bytesWritten
    const sent = push()
    await new Promise((resolve) => setImmediate(resolve))
    expect(stream.writableLength).toBe(0)
    expect(stream.bytesWritten).toBeGreaterThan(before)
    await sent
  })

  it('leave in one system call, whatever commands they are', async () => {
    const stream = redis.stream as Socket
    const others = Array.from({ length: 3 }, () => new Together(redis))
    const writes = vi.spyOn(stream, '_writev' as 'write')
    const values = () => [
      Buffer.from(`operation-${operations++}`),
      2 ** 53,
      'epoch',
      LIMITS,
      packGroup(putOf(jobOf('a'), [])),
    ]
    await Promise.all(others.map((other) => other.write(here, values(), Number.POSITIVE_INFINITY)))
    expect(writes).toHaveBeenCalledTimes(1)
    expect(await scriptsRun()).toBe(3)
  })

  it('go on after commands that failed', async () => {
    await redis.config('SET', 'maxmemory', '1')
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => push()))
    await redis.config('SET', 'maxmemory', '0')
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected' })
    const replies = await Promise.all(Array.from({ length: 50 }, () => push()))
    for (const reply of replies) expect(textAt(reply, 0)).toBe('ok')
  })

  it('are given up each at its own deadline, also those that were not sent yet', async () => {
    await redis.client('PAUSE', 400, 'WRITE')
    const pausedAtMs = performance.now()
    const within = (ms: number) => push(here, 'x', 2 ** 53, pausedAtMs + ms)
    const sent = [within(10_000), within(100), within(50)]
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      sent.push(within(100), within(10_000))
    }
    const outcomes = await Promise.allSettled(sent)
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([
      true,
      false,
      false,
      false,
      true,
      false,
      true,
      false,
      true,
    ])
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
    expect(textAt(await within(10_000), 0)).toBe('ok')
  })

  it('are given up while the server says nothing', async () => {
    await redis.client('PAUSE', 400, 'WRITE')
    const pausedAtMs = performance.now()
    const late = [push(here, 'x', 2 ** 53, pausedAtMs + 200), push(here, 'x', 2 ** 53, pausedAtMs + 50)]
    const order: number[] = []
    const settled = late.map((sent, place) => sent.catch(() => order.push(place)))
    const answered = push().then(() => order.push(2))
    await Promise.all([...settled, answered])
    expect(order).toEqual([1, 0, 2])
  })
})
