import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { partitionOf, unitId } from '../../src/model/unit.ts'
import { keyspace } from '../../src/store/redis/keys.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { StoreView } from '../support/store-view.ts'
import { jobOf, mergeOf, sample, setFamily } from '../support/store-writes.ts'
import { type Opened, openStore } from './open-store.ts'

const node = jobOf('node')
const keys = keyspace('pgr').partitions[partitionOf(unitId('set', node), 64)] ?? []

let server: RedisServer
let redis: Redis

beforeAll(async () => {
  server = await startRedis({ directives: ['enable-debug-command yes'] })
  redis = new Redis(server.port)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const write = ({ store }: Opened, n: string, value: number) =>
  store.writeSet(mergeOf(node, [setFamily('up', [sample(n, value)])]))

async function valuesSeenBy({ store }: Opened): Promise<unknown> {
  const view = new StoreView(store)
  await view.read()
  return [...view.values(node, 'up')].sort()
}

// What a gateway knows of a set's slots may be of a history that a failover undid: others have put other metrics there.
it('a set whose growth was lost is learned anew, so that no sample lands in the slot of another metric', async () => {
  // Nothing is written again, which would put the lost metric back first.
  const resubmit = { windowMs: 0, maxBytes: 1, after: 'never' } as const
  const one = await openStore(server, { resubmit })
  const other = await openStore(server, { resubmit })
  try {
    await write(one, 'base', 0)
    await write(other, 'base', 0)
    const before = await Promise.all(keys.map((key) => redis.dumpBuffer(key)))
    await write(one, 'lost', 1)
    for (const [place, key] of keys.entries()) {
      await redis.del(key)
      await redis.restore(key, 0, before[place] as Buffer)
    }
    await redis.call('DEBUG', 'CHANGE-REPL-ID')
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await eventuallyHolds(async () => {
      for (const { store } of [one, other]) await store.ready()
    })

    await write(other, 'in its place', 22)
    for (const each of [one, other])
      expect(await valuesSeenBy(each)).toEqual([
        ['base', 0],
        ['in its place', 22],
      ])
    await write(one, 'lost', 333)
    for (const each of [one, other])
      expect(await valuesSeenBy(each)).toEqual([
        ['base', 0],
        ['in its place', 22],
        ['lost', 333],
      ])
  } finally {
    for (const { store } of [one, other]) await store.close()
  }
})
