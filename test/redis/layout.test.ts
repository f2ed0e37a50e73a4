import { decode } from '@msgpack/msgpack'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { partitionOf, unitId } from '../../src/model/unit.ts'
import { keyspace, PARTITIONS } from '../../src/store/redis/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { readCounters } from '../support/partition-meta.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import {
  family,
  labelsOf,
  mergeOf,
  operation,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'
import { openStore } from './open-store.ts'

const labels = labelsOf(['instance', 'ä'], ['job', 'backup'])

// What stands in redis is read by other replicas, of other versions too: it may grow, it must not change.
describe('what a write leaves in redis', () => {
  let server: RedisServer
  let redis: Redis
  let store: Store

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.port, '127.0.0.1')
  })
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })
  beforeEach(async () => {
    await redis.flushall()
    store = (await openStore(server)).store
  })
  afterEach(() => store.close())

  function keysOf(id: string) {
    const at = keyspace('pgr').partitions[partitionOf(id, PARTITIONS)]
    if (at === undefined) throw new Error('no such partition')
    return at
  }

  /** Field names without the unit id, sorted. */
  async function fieldsOf(id: string): Promise<string[]> {
    const names = await redis.hkeysBuffer(keysOf(id)[1])
    return names
      .map((name) => name.toString('latin1'))
      .filter((name) => name !== '')
      .map((name) => (name.startsWith(id) ? name.slice(id.length) : `foreign ${name}`))
      .sort()
  }

  async function headerOf(id: string): Promise<unknown> {
    return decode((await redis.hgetBuffer(keysOf(id)[1], Buffer.from(id, 'latin1'))) ?? Buffer.alloc(0))
  }

  const countersOf = (meta: string) => readCounters((word, ...words) => redis.call(word, words), meta)

  it('is, before any, six keys for each of 64 partitions, the configuration and the list of replicas', async () => {
    const expected = keyspace('pgr').partitions.flat()
    await eventuallyHolds(async () => expect(await redis.exists('pgr:replicas')).toBe(1))
    const found = await redis.keys('*')
    expect(found.filter((key) => key !== 'pgr:replicas').sort()).toEqual([...expected, 'pgr:cfg'].sort())
    expect(found).toHaveLength(386)
    const types = await Promise.all((keyspace('pgr').partitions[9] ?? []).map((key) => redis.type(key)))
    expect(types).toEqual(['hash', 'hash', 'zset', 'zset', 'zset', 'zset'])
    expect(await redis.hgetall('pgr:cfg')).toMatchObject({ schema: '1', partitions: '64', hash: 'sha256-32' })
  })

  it('is, for a group, a header and a field for each family', async () => {
    const id = unitId('group', labels)
    const write = putOf(
      labels,
      [family('up', 'blob'), family('a\u0000b', 'other', { type: 'counter', series: 3 })],
      {
        ttlMs: 60_000,
        retentionMs: 5000,
      },
    )
    const { nowMs, epoch } = await store.writeGroup(write)

    expect(await fieldsOf(id)).toEqual(['', '\u0000a\u0000b', '\u0000up'])
    const until = nowMs + 60_000
    const text = '["instance","ä","job","backup"]'
    expect(await headerOf(id)).toEqual([
      ...[1, text, nowMs, nowMs, 0, '', 'text', until + 5000, 1, 4, Buffer.byteLength(text) + 6 + 8],
      // When it was replaced as a whole.
      nowMs,
      ...['up', 'g', 1, 6, 1, until, nowMs, nowMs],
      ...['a\u0000b', 'c', 3, 8, 1, until, nowMs, nowMs],
    ])
    const [meta, data, log, look, dead, operations] = keysOf(id)
    expect(await redis.hgetall(meta)).toEqual({ sv: '1', e: epoch, c: expect.any(String) })
    expect(await countersOf(meta)).toEqual({
      v: '1',
      f: '0',
      w: '0',
      t: String(nowMs),
      n: '1',
      s: '4',
      b: String(Buffer.byteLength(text) + 14),
      g: expect.stringMatching(/^\d+$/),
    })
    const unit = Buffer.from(id, 'latin1')
    expect(await redis.zscore(log, unit)).toBe('1')
    expect(await redis.zscore(look, unit)).toBe(String(until))
    expect(await redis.zscore(dead, unit)).toBeNull()
    // The first version of 4096 that one millisecond may have.
    expect(await redis.zscore(operations, Buffer.from(write.operation, 'latin1'))).toBe(`${nowMs}.0002`)
    // The members that keep the keys there.
    for (const key of [log, look, dead, operations]) expect(await redis.zscore(key, '')).toBe('0')
    expect(await redis.hget(data, '')).toBe('')
  })

  it('is, for a group that was only added to, the time of its last replacement', async () => {
    const id = unitId('group', labels)
    const replacedAt = async () => ((await headerOf(id)) as unknown[])[11]
    await store.writeGroup(putOf(labels, [family('up', 'blob')], { mode: 'post' }))
    expect(await replacedAt()).toBe(0)
    const { nowMs } = await store.writeGroup(putOf(labels, [family('up', 'blob')]))
    await store.writeGroup(putOf(labels, [family('up', 'blob')], { mode: 'post' }))
    expect(await replacedAt()).toBe(nowMs)
  })

  it('is, for a removal, a tombstone and the time that nothing from before comes back', async () => {
    const id = unitId('group', labels)
    await store.writeGroup(putOf(labels, [family('up', 'blob')]))
    const { nowMs } = await store.remove(removalOf(labels))
    const [meta, , log, look, dead] = keysOf(id)
    const unit = Buffer.from(id, 'latin1')
    expect(await fieldsOf(id)).toEqual([])
    expect([
      await redis.zscore(log, unit),
      await redis.zscore(look, unit),
      await redis.zscore(dead, unit),
    ]).toEqual(['2', null, String(nowMs)])
    expect(await redis.zscore(dead, Buffer.concat([unit, Buffer.from('-')]))).toBe(String(nowMs))
    expect(await countersOf(meta)).toMatchObject({ v: '2', n: '0', s: '0', b: '0', g: '0' })
  })

  it('is, for the removal of what is not there, only that time', async () => {
    const id = unitId('group', labels)
    const { nowMs } = await store.remove(removalOf(labels))
    const [meta, , log, look, dead] = keysOf(id)
    const unit = Buffer.from(id, 'latin1')
    for (const key of [log, look, dead]) expect(await redis.zscore(key, unit)).toBeNull()
    expect(await redis.zscore(dead, Buffer.concat([unit, Buffer.from('-')]))).toBe(String(nowMs))
    expect(await countersOf(meta)).toMatchObject({ v: '0' })
  })

  it('is, for a wipe, a number and a time; and the bytes are gone after sweeping', async () => {
    const id = unitId('group', labels)
    await store.writeGroup(putOf(labels, [family('up', 'blob')]))
    await store.writeSet(mergeOf(labels, [setFamily('up', [sample('x', Buffer.from('blob'))])]))
    await store.wipe(operation())
    const [meta] = keysOf(id)
    const counters = await countersOf(meta)
    expect(counters).toMatchObject({ v: '3', w: '2', n: '0' })
    expect(await redis.hget(meta, 'wt')).toBe(counters.t)
    expect(await fieldsOf(id)).not.toEqual([])
    await store.sweep()
    for (const [, data, log] of keyspace('pgr').partitions) {
      expect([await redis.hlen(data), await redis.zcard(log)]).toEqual([1, 1])
    }
  })

  it('is, for a set, a header, two tables, and for each page a dictionary, slots and blobs', async () => {
    const id = unitId('set', labels)
    const families = [
      setFamily(
        'size',
        [{ labels: [], content: Buffer.from('blob'), series: 9, timestampMs: 1_000_000_000_000 }],
        {
          type: 'histogram',
          help: 'How big.',
          unit: 'bytes',
        },
      ),
      setFamily('up', [sample('x', 1.5)]),
    ]
    const { nowMs } = await store.writeSet(mergeOf(labels, families, { ttlMs: 0, protocol: 'otlp' }))
    const [, data] = keysOf(id)
    const field = async (name: string) =>
      (
        (await redis.hgetBuffer(data, Buffer.from(`${id}\u0000${name}`, 'latin1'))) ?? Buffer.alloc(0)
      ).toString('hex')

    expect(await fieldsOf(id)).toEqual(['', ...['d0', 'f', 'h0.0', 'p', 'v0'].map((name) => `\u0000${name}`)])
    const text = '["instance","ä","job","backup"]'
    expect(await field('d0')).toBe('02000000' + '0000' + '06000000' + '0101' + '016e' + '0178')
    expect(await field('h0.0')).toBe(Buffer.from('blob').toString('hex'))
    expect(await field('v0')).toBe(
      [
        double(1_000_000_000_000),
        '0900000004000000',
        double(0),
        '06',
        double(nowMs),
        double(1.5),
        double(0),
        '01',
      ].join(''),
    )
    expect(await field('p')).toBe([double(1), double(1), double(1), '0200', '0100', '0a000000'].join(''))
    const table = ['["size","h","How big.","bytes"]', '["up","g","",""]']
    expect(await field('f')).toBe(
      table.map((entry) => length(entry) + double(nowMs) + Buffer.from(entry).toString('hex')).join(''),
    )
    const bytes = Buffer.byteLength(text) + (6 + 25) + (10 + 25) + 4 + table.join('').length + 24
    expect(await headerOf(id)).toEqual([
      1,
      text,
      nowMs,
      nowMs,
      0,
      '',
      'otlp',
      0,
      1,
      10,
      bytes,
      1,
      1,
      1,
      2,
      0,
      0,
      0,
    ])
  })
})

function double(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes.toString('hex')
}

function length(text: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(Buffer.byteLength(text))
  return bytes.toString('hex')
}
