import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { startChaosProxy } from '../support/chaos-proxy.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { setTime } from '../support/partition-meta.ts'
import { type RedisOptions, type RedisServer, startRedis } from '../support/redis-server.ts'
import { StoreView } from '../support/store-view.ts'
import { family, jobOf, mergeOf, operation, putOf, sample, setFamily } from '../support/store-writes.ts'
import { type Opened, openStore, refusal } from './open-store.ts'

const backup = jobOf('backup')

describe('a redis that fails', () => {
  let server: RedisServer
  let opened: Opened
  let store: Store
  let view: StoreView
  const closing: (() => Promise<void>)[] = []

  async function start(options: RedisOptions = {}): Promise<void> {
    server = await startRedis(options)
    opened = await openStore(server)
    store = opened.store
    view = new StoreView(store)
    closing.push(
      () => store.close(),
      () => server.stop(),
    )
  }

  beforeEach(() => {
    closing.length = 0
  })
  afterEach(async () => {
    for (const close of closing) await close()
  })

  const push = (text: string) => store.writeGroup(putOf(backup, [family('a', text)]))
  const kinds = () => opened.events.map(({ kind }) => kind).filter((kind) => kind.startsWith('store.'))
  const back = () => eventuallyHolds(() => store.ready())

  it('and forgets its scripts costs no push and no read', async () => {
    await start()
    for (const text of ['one', 'two', 'three']) {
      await server.command('SCRIPT', 'FLUSH')
      await push(text)
      await store.writeSet(mergeOf(backup, [setFamily('up', [sample(text, 1)])]))
      await server.command('SCRIPT', 'FLUSH')
      await view.read()
      expect(view.texts(backup)).toEqual([['a', text]])
    }
    expect(view.values(backup, 'up')).toHaveLength(3)
  })

  it('and is flushed shows empty at the next read, and goes on', async () => {
    await start()
    await push('one')
    await view.read()
    expect(view.size).toBe(1)
    await server.command('FLUSHALL')

    expect((await view.read()).resets).toHaveLength(store.partitions)
    expect(view.size).toBe(0)
    await push('two')
    await view.read()
    expect(view.texts(backup)).toEqual([['a', 'two']])
    await eventuallyHolds(async () => expect(await server.command('EXISTS', 'pgr:cfg')).toBe(':1'))
  })

  it.each([
    ['without persistence loses all, which is told as lost history', false],
    ['with an append-only file loses nothing', true],
  ])('and is killed and restarted %s', async (_what, durable) => {
    await start({ durable })
    await push('one')
    await store.writeSet(mergeOf(backup, [setFamily('up', [sample('x', 1)])]))
    await view.read()
    await server.kill()
    expect(await refusal(push('two'))).toBe('PGR_STORE_UNAVAILABLE')
    expect(await refusal(view.read())).toBe('PGR_STORE_UNAVAILABLE')
    expect(await refusal(store.ready())).toBe('PGR_STORE_UNAVAILABLE')
    await server.restart()
    await back()

    const { resets } = await view.read()
    expect(resets).toEqual(view.positions.map(() => 'history'))
    expect(view.texts(backup)).toEqual(durable ? [['a', 'one']] : undefined)
    expect(view.values(backup, 'up')).toEqual(durable ? [['x', 1]] : [])
    await push('three')
    await store.writeSet(mergeOf(backup, [setFamily('up', [sample('y', 2)])]))
    expect((await view.read()).resets).toEqual([])
    expect(view.texts(backup)).toEqual([['a', 'three']])
    expect(kinds()).toEqual(expect.arrayContaining(['store.lost', 'store.back']))
    expect(kinds().filter((kind) => kind === 'store.lost')).toHaveLength(1)
  })

  it('and freezes lets nobody wait beyond his deadline, and applies nothing after it', async () => {
    await start()
    await push('before')
    server.freeze()
    const startMs = performance.now()
    const calls = ['one', 'two', 'three'].map((text) =>
      refusal(store.writeGroup(putOf(backup, [family('a', text)], { deadlineMs: performance.now() + 700 }))),
    )
    const read = refusal(drain(store, 700))
    expect(await Promise.all([...calls, read])).toEqual(
      Array.from({ length: 4 }, () => 'PGR_STORE_UNAVAILABLE'),
    )
    expect(performance.now() - startMs).toBeLessThan(3000)
    server.thaw()
    await back()

    await view.read()
    expect(view.texts(backup)).toEqual([['a', 'before']])
    await push('after')
    await view.read()
    expect(view.texts(backup)).toEqual([['a', 'after']])
  })

  it('and freezes for long loses its connections, and is back soon after', async () => {
    await start()
    server.freeze()
    expect(await refusal(push('one'))).toBe('PGR_STORE_UNAVAILABLE')
    await eventuallyHolds(() => expect(kinds()).toContain('store.lost'))
    const startMs = performance.now()
    expect(await refusal(push('two'))).toBe('PGR_STORE_UNAVAILABLE')
    expect(performance.now() - startMs).toBeLessThan(3000)
    server.thaw()
    await back()
    await push('three')
  })

  it('and whose reply is lost applies the write once, and the caller hears of it', async () => {
    await start()
    const proxy = await startChaosProxy({ port: server.port })
    const remote = await openStore(proxy)
    closing.unshift(
      () => remote.store.close(),
      () => proxy.close(),
    )
    await view.read()
    await push('before')
    const { version: before } = (await view.read()).changes[0] ?? { version: 0 }

    const lost = proxy.loseReplyTo('needle')
    const { duplicate } = await remote.store.writeGroup(putOf(backup, [family('a', 'needle')]))
    await lost

    expect(duplicate).toBe(true)
    expect(remote.events).toContainEqual({ kind: 'store.duplicate' })
    const { changes } = await view.read()
    expect(changes.map(({ version }) => version)).toEqual([before + 1])
    expect(view.texts(backup)).toEqual([['a', 'needle']])
  })

  it('may be started after the gateway', async () => {
    const port = await freePort()
    opened = await openStore({ url: `redis://127.0.0.1:${port}` })
    store = opened.store
    closing.push(() => store.close())
    const error = await store.ready().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
    expect(await refusal(push('one'))).toBe('PGR_STORE_UNAVAILABLE')

    server = await startRedis({ port })
    closing.push(() => server.stop())
    await back()
    await push('two')
    view = new StoreView(store)
    await view.read()
    expect(view.texts(backup)).toEqual([['a', 'two']])
  })

  it('never lets the time of a reader run backwards', async () => {
    await start()
    await push('one')
    await view.read()
    const { partition } = await push('two')
    // As if the primary before this one had a clock that was an hour ahead.
    const ahead = Date.now() + 3_600_000
    const [meta = ''] = (await keysOf()).filter(
      (key) => key.includes(`{pgr${partition}.`) && key.endsWith(':m'),
    )
    await setTime(server.ask, meta, ahead)
    const { nowMs } = await push('three')
    expect(nowMs).toBeGreaterThanOrEqual(ahead)
    await setTime(server.ask, meta, 0)
    const { pages } = await view.read()
    const first = pages.find((page) => page.partition === partition)?.nowMs ?? 0
    const again = (await view.read()).pages.find((page) => page.partition === partition)?.nowMs ?? 0
    expect(again).toBeGreaterThanOrEqual(first)
  })

  it('and wipes whole or says that it did not', async () => {
    await start()
    for (let n = 0; n < 20; n++) await store.writeGroup(putOf(jobOf(`job-${n}`), [family('a', 'x')]))
    server.freeze()
    const fence = { ...operation(), deadlineMs: performance.now() + 300 }
    expect(await refusal(store.wipe(fence))).toBe('PGR_STORE_UNAVAILABLE')
    server.thaw()
    await back()
    await view.read()
    expect(view.size).toBe(20)
    await store.wipe({ ...fence, deadlineMs: performance.now() + 5000 })
    await view.read()
    expect(view.size).toBe(0)
  })

  async function keysOf(): Promise<string[]> {
    const { keyspace } = await import('../../src/store/redis/keys.ts')
    return keyspace('pgr').partitions.flat()
  }
})

async function drain(store: Store, withinMs: number): Promise<void> {
  const since = Array.from({ length: store.partitions }, () => ({ epoch: '', version: 0, wiped: 0 }))
  for await (const page of store.changes(since, { deadlineMs: performance.now() + withinMs })) {
    if (page.partition < 0) await sleep(0)
  }
}
