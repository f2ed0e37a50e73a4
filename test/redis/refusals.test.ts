import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { permissionsFor } from '../../src/store/redis/index.ts'
import { keyspace } from '../../src/store/redis/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { readCounter } from '../support/partition-meta.ts'
import { type RedisOptions, type RedisServer, startRedis } from '../support/redis-server.ts'
import { StoreView } from '../support/store-view.ts'
import {
  failureOf,
  family,
  jobIn,
  jobOf,
  mergeOf,
  operation,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'
import { type Opened, openStore, refusal } from './open-store.ts'

const backup = jobOf('backup')

describe('a redis that refuses', () => {
  let server: RedisServer
  const stores: Store[] = []

  async function start(options: RedisOptions = {}): Promise<void> {
    server = await startRedis(options)
  }
  async function open(over: Parameters<typeof openStore>[1] = {}): Promise<Opened> {
    const opened = await openStore(server, over)
    stores.push(opened.store)
    return opened
  }

  beforeEach(() => {
    stores.length = 0
  })
  afterEach(async () => {
    for (const store of stores) await store.close()
    await server.stop()
  })

  it('for want of memory refuses pushes whole, and still removes, sweeps, wipes and reads', async () => {
    await start()
    const { store } = await open()
    const view = new StoreView(store)
    await store.writeGroup(putOf(backup, [family('a', 'old'), family('b', 'old')]))
    await store.writeGroup(putOf(jobOf('short'), [family('a', 'old')], { ttlMs: 1 }))
    await store.writeSet(mergeOf(backup, [setFamily('up', [sample('x', 1)])]))
    await view.read()
    await server.command('CONFIG', 'SET', 'maxmemory', '1000000')

    const calls = [
      store.writeGroup(putOf(backup, [family('a', 'new')])),
      store.writeGroup(putOf(jobOf('new'), [family('a', 'new')], { mode: 'post' })),
      store.failGroup(failureOf(backup, 'why')),
      store.writeSet(mergeOf(backup, [setFamily('up', [sample('x', 2), sample('y', 2)])])),
    ]
    expect(await Promise.all(calls.map(refusal))).toEqual(calls.map(() => 'PGR_STORE_UNAVAILABLE'))
    expect((await view.read()).changes).toEqual([])
    expect(view.texts(backup)).toEqual([
      ['a', 'old'],
      ['b', 'old'],
    ])

    await store.sweep()
    await view.read()
    expect(view.size).toBe(2)
    await store.remove(removalOf(backup))
    await view.read()
    expect(view.size).toBe(1)
    await store.wipe(operation())
    await store.sweep()
    await view.read()
    expect(view.size).toBe(0)
    // A replica may start in the middle of it.
    const second = await open()
    expect(await refusal(second.store.ready())).toBe('accepted')

    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(await refusal(store.writeGroup(putOf(backup, [family('a', 'new')])))).toBe('accepted')
  })

  it('the password is not ready, says so, and is used as soon as it is mended', async () => {
    await start({ password: 'right' })
    const { store, events } = await open({ password: 'wrong' })
    expect(await refusal(store.ready())).toBe('PGR_STORE_MISCONFIGURED')
    expect(await refusal(store.writeGroup(putOf(backup, [])))).toBe('PGR_STORE_MISCONFIGURED')
    expect(JSON.stringify(events)).not.toContain('wrong"')
    expect(events).toContainEqual(expect.objectContaining({ kind: 'store.lost' }))

    await server.command('CONFIG', 'SET', 'requirepass', 'wrong')
    await eventuallyHolds(() => store.ready())
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
  })

  it('everything but the documented permissions is enough for everything', async () => {
    await start()
    expect(
      await server.command(
        'ACL',
        'SETUSER',
        'gateway',
        'on',
        '>secret',
        'resetkeys',
        ...permissionsFor('own'),
      ),
    ).toBe('+OK')
    const { store } = await open({ username: 'gateway', password: 'secret', prefix: 'own' })
    const view = new StoreView(store)
    await store.ready()
    await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: 1 }))
    await store.failGroup(failureOf(jobOf('failed'), 'why'))
    await store.writeSet(mergeOf(backup, [setFamily('up', [sample('x', Buffer.from('blob'))])]))
    await view.read()
    expect(view.size).toBe(3)
    await store.sweep()
    await store.remove(removalOf(backup, 'set'))
    await store.wipe(operation())
    await store.describe()
    expect(await server.command('ACL', 'LOG')).toBe('*0')

    await server.command('ACL', 'SETUSER', 'gateway', '-hset')
    expect(await refusal(store.writeGroup(putOf(backup, [family('a', 'one')])))).toBe(
      'PGR_STORE_MISCONFIGURED',
    )
    // Who only asks whether it is ready has to hear of it, too.
    expect(await refusal(store.ready())).toBe('PGR_STORE_MISCONFIGURED')
    await server.command('ACL', 'SETUSER', 'gateway', '+hset')
    expect(await refusal(store.writeGroup(putOf(backup, [family('a', 'one')])))).toBe('accepted')
    await store.ready()
  })

  it.each([
    ['throws keys away', { directives: ['maxmemory-policy allkeys-lru'] }, {}, 'PGR_STORE_MISCONFIGURED'],
    ['is a Sentinel', { sentinel: true }, {}, 'PGR_SETTING_INVALID'],
    [
      'is a cluster node, which has no databases',
      { directives: ['cluster-enabled yes'] },
      { db: 1 },
      'PGR_SETTING_INVALID',
    ],
  ])('to be used at all because it %s ends the start', async (_why, started, options, code) => {
    await start(started)
    expect(await refusal(openStore(server, options))).toBe(code)
  })

  it.each([
    ['a Sentinel', { sentinel: true }, {}, /Sentinel/],
    [
      'a cluster node, which has no databases',
      { directives: ['cluster-enabled yes'] },
      { db: 1 },
      /--redis.db/,
    ],
  ])(
    'to be used at all because it turns out to be %s is told as trouble of the store',
    async (_what, started, options, says) => {
      const port = await freePort()
      const { store } = await openStore({ url: `redis://127.0.0.1:${port}` }, options)
      stores.push(store)
      await start({ ...started, port })
      await eventuallyHolds(async () => {
        const error = await store.ready().catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'PGR_STORE_MISCONFIGURED', message: expect.stringMatching(says) })
      })
      expect(await refusal(store.writeGroup(putOf(backup, [])))).toBe('PGR_STORE_MISCONFIGURED')
      expect(await refusal(new StoreView(store).read())).toBe('PGR_STORE_MISCONFIGURED')
    },
  )

  it('to be one of several because it stands alone ends the start', async () => {
    await start()
    const endpoints = [server.url, server.url]
    expect(await refusal(openStore(server, { endpoints }))).toBe('PGR_SETTING_INVALID')
    expect(await refusal(openStore(server, { endpoints, db: 1 }))).toBe('PGR_SETTING_INVALID')
  })

  it('no start when throwing keys away is forced', async () => {
    await start({ directives: ['maxmemory-policy allkeys-lru'] })
    const { store, events } = await open({ forceEvictionPolicy: true })
    await store.ready()
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'store.finding', finding: 'eviction-policy', ok: false }),
    )
  })

  it('writes because it became a replica is not written to', async () => {
    await start()
    const { store } = await open()
    const view = new StoreView(store)
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await server.command('REPLICAOF', '127.0.0.1', '1')
    expect(await refusal(store.writeGroup(putOf(backup, [family('a', 'two')])))).toBe('PGR_STORE_UNAVAILABLE')
    expect(await refusal(view.read())).toBe('PGR_STORE_UNAVAILABLE')
    await server.command('REPLICAOF', 'NO', 'ONE')
    await eventuallyHolds(() => store.ready())
    await store.writeGroup(putOf(backup, [family('a', 'three')]))
    await view.read()
    expect(view.texts(backup)).toEqual([['a', 'three']])
  })

  it('the layout of another version ends the start', async () => {
    await start()
    await server.command('HSET', 'pgr:cfg', 'schema', '2', 'partitions', '64', 'hash', 'sha256-32')
    expect(await refusal(openStore(server))).toBe('PGR_STORE_MISCONFIGURED')
  })

  it.each([
    ['a partition of another version', (meta: string) => ['HSET', meta, 'sv', '2']],
    ['a key that holds something else', (_meta: string, log: string) => ['SET', log, 'x']],
  ])('%s is not written to, in no part', async (_why, spoil) => {
    await start()
    const { store } = await open()
    const { partition } = await store.writeGroup(putOf(backup, [family('a', 'one')]))
    const [meta = '', data = '', log = ''] = keyspace('pgr').partitions[partition] ?? []
    await server.command('DEL', log)
    await server.command(...spoil(meta, log))
    const before = [await readCounter(server.ask, meta, 'v'), await server.command('HLEN', data)]

    const calls = [
      store.writeGroup(putOf(backup, [family('a', 'two'), family('b', 'two')])),
      store.failGroup(failureOf(backup, 'why')),
      store.remove(removalOf(backup)),
    ]
    expect(await Promise.all(calls.map(refusal))).toEqual(calls.map(() => 'PGR_STORE_MISCONFIGURED'))
    expect([await readCounter(server.ask, meta, 'v'), await server.command('HLEN', data)]).toEqual(before)
  })

  // As eviction does, in any combination: 1 stands for a key that is gone, of meta, data, log, expiry and tombstones.
  it.each(Array.from({ length: 31 }, (_, n) => (n + 1).toString(2).padStart(5, '0')))(
    'nothing but loses keys of a partition starts that partition anew: %s',
    async (gone) => {
      await start()
      const { store } = await open()
      const view = new StoreView(store)
      const { partition } = await store.writeGroup(putOf(backup, [family('a', 'one')]))
      const other = jobIn(partition, store.partitions, 'group', 'other')
      for (const text of ['one', 'two', 'three']) await store.writeGroup(putOf(other, [family('a', text)]))
      await view.read()
      const keys = keyspace('pgr').partitions[partition] ?? []
      await server.command('DEL', ...keys.filter((_, place) => gone[place] === '1'))

      await store.writeGroup(postOf(backup, [family('b', 'after')]))
      expect((await view.read()).resets).toEqual(['epoch'])
      expect([view.texts(backup), view.texts(other)]).toEqual([[['b', 'after']], undefined])
      await store.writeGroup(postOf(other, [family('b', 'after')]))
      await store.writeGroup(putOf(other, [family('c', 'after')]))
      await store.sweep()
      await view.read()
      expect([view.texts(backup), view.texts(other)]).toEqual([[['b', 'after']], [['c', 'after']]])
      expect(view.size).toBe(2)
    },
  )
})
