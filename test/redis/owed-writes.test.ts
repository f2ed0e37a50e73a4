import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { partitionOf, unitId } from '../../src/model/unit.ts'
import { keyspace, PARTITIONS } from '../../src/store/redis/keys.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { setTime } from '../support/partition-meta.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { StoreView } from '../support/store-view.ts'
import { family, jobOf, mergeOf, putOf, removalOf, sample, setFamily } from '../support/store-writes.ts'
import { type Opened, openStore, refusal } from './open-store.ts'

const keys = keyspace('pgr').partitions

describe('acknowledged writes that a server lost and does not take again', () => {
  let server: RedisServer
  let redis: Redis
  let opened: Opened
  let view: StoreView

  beforeEach(async () => {
    server = await startRedis({ directives: ['enable-debug-command yes'] })
    redis = new Redis(server.port)
    opened = await openStore(server, { resubmit: { windowMs: 300, maxBytes: 1e6, after: 'restart' } })
    view = new StoreView(opened.store)
  })
  afterEach(async () => {
    await opened.store.close()
    redis.disconnect()
    await server.stop()
  })

  const push = (job: string, text: string) => opened.store.writeGroup(putOf(jobOf(job), [family('a', text)]))
  const told = (kind: string) => opened.events.filter((event) => event.kind === kind)
  const mendings = () => opened.events.filter((event) => event.kind === 'store.mend')

  /** As if a replica without these writes had been promoted, under these circumstances. */
  async function lose(writes: () => Promise<void>, setting: string, value: string): Promise<void> {
    const dumps = new Map<string, Buffer>()
    for (const key of keys.flat()) dumps.set(key, (await redis.dumpBuffer(key)) as Buffer)
    await writes()
    const restoring = redis.multi()
    for (const [key, dump] of dumps) restoring.restore(key, 0, dump, 'REPLACE')
    await restoring.exec()
    await redis.config('SET', setting, value)
    await redis.call('DEBUG', 'CHANGE-REPL-ID')
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await eventually('the connections are back', async () => (await opened.store.ready()) === undefined)
  }

  it.each([
    { why: 'out of memory', setting: 'maxmemory', refuses: '1', takes: '0', removes: true },
    { why: 'fewer replicas', setting: 'min-replicas-to-write', refuses: '1', takes: '0', removes: false },
  ])(
    'close nothing while it has $why, and are written when it takes them, below what came meanwhile',
    async ({ why, setting, refuses, takes, removes }) => {
      for (const job of ['kept', 'contested', 'removed', 'doomed']) await push(job, 'old')
      await view.read()
      await lose(
        async () => {
          // The server that had them had a clock that was ahead.
          const meta = keys[partitionOf(unitId('group', jobOf('contested')), PARTITIONS)]?.[0] ?? ''
          await setTime((word, ...words) => redis.call(word, words), meta, Date.now() + 60_000)
          await push('contested', 'lost')
          await push('added', 'lost')
          await push('doomed', 'lost')
          await opened.store.writeSet(mergeOf(jobOf('set'), [setFamily('up', [sample('x', 1)])]))
          await opened.store.remove(removalOf(jobOf('removed')))
        },
        setting,
        refuses,
      )

      await view.read()
      expect(view.texts(jobOf('kept'))).toEqual([['a', 'old']])
      expect(view.texts(jobOf('added'))).toBeUndefined()
      const error = await push('kept', 'new').catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE', message: expect.stringContaining(why) })
      if (removes) {
        // What frees memory is taken, now as well as again.
        await opened.store.remove(removalOf(jobOf('doomed')))
        await view.read()
        expect(view.texts(jobOf('removed'))).toBeUndefined()
      } else {
        expect(await refusal(opened.store.remove(removalOf(jobOf('doomed'))))).toBe('PGR_STORE_UNAVAILABLE')
      }
      // Longer than writes are remembered otherwise, and acknowledged ones among them.
      for (let n = 0; n < 8; n++) {
        if (removes) await opened.store.remove(removalOf(jobOf('kept')))
        await view.read()
        await opened.store.ready()
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      expect(told('store.history')).toHaveLength(1)
      expect(mendings().filter(({ reason }) => reason !== undefined)).toMatchObject([
        { owed: removes ? 4 : 5, lost: 0, reason: expect.stringContaining(why) },
      ])

      await redis.config('SET', setting, takes)
      await push('contested', 'new')
      if (!removes) await opened.store.remove(removalOf(jobOf('doomed')))
      await eventuallyHolds(async () => {
        await view.read()
        expect(view.texts(jobOf('added'))).toEqual([['a', 'lost']])
        expect(mendings().reduce((sum, { missing }) => sum + missing, 0)).toBe(5)
      })
      expect(view.values(jobOf('set'), 'up')).toEqual([['x', 1]])
      expect(view.texts(jobOf('contested'))).toEqual([['a', 'new']])
      expect(view.texts(jobOf('doomed'))).toBeUndefined()
      expect(view.texts(jobOf('removed'))).toBeUndefined()
      expect(view.texts(jobOf('kept'))).toEqual(removes ? undefined : [['a', 'old']])
      const { losses } = await opened.store.describe()
      expect(losses).toMatchObject({ history: 1, lostWrites: 0 })
      expect(losses?.resubmittedWrites).toBeGreaterThanOrEqual(3)
      const other = await openStore(server)
      const fresh = new StoreView(other.store)
      await fresh.read()
      expect(fresh.show()).toEqual(view.show())
      await other.store.close()
    },
  )
})
