import { afterEach, describe, expect, it } from 'vitest'
import { keyspace } from '../../src/store/redis/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { type Belongings, makeBelongings } from '../support/belongings.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { readCounter } from '../support/partition-meta.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { asList } from '../support/resp.ts'
import { family, jobOf, mergeOf, putOf, sample, setFamily } from '../support/store-writes.ts'
import { openStore, refusal } from './open-store.ts'

const backup = jobOf('backup')

describe('a write that replicas have to confirm', () => {
  let belongings: Belongings
  let primary: RedisServer
  let store: Store
  let linked = 0

  async function start(waitReplicas: number, waitTimeoutMs: number): Promise<void> {
    belongings = makeBelongings()
    linked = 0
    ;[primary] = (await belongings.startRedises([{ directives: ['repl-diskless-sync-delay 0'] }])) as [
      RedisServer,
    ]
    ;({ store } = await openStore(primary, { waitReplicas, waitTimeoutMs }))
  }
  async function addReplica(): Promise<RedisServer> {
    const directives = [`replicaof 127.0.0.1 ${primary.port}`]
    const [replica] = (await belongings.startRedises([{ directives }])) as [RedisServer]
    await eventually('it has all', async () => asList(await replica.ask('ROLE'))[3] === 'connected')
    linked++
    await eventually(
      'the primary feeds it',
      async () => String(await primary.ask('INFO', 'replication')).match(/state=online/g)?.length,
      (online) => online === linked,
    )
    return replica
  }
  afterEach(async () => {
    await store.close()
    await belongings.stop()
  })

  const versionAt = async (server: RedisServer, partition: number) =>
    readCounter(server.ask, keyspace('pgr').partitions[partition]?.[0] ?? '', 'v')

  it('is on the replica when it is acknowledged', async () => {
    await start(1, 5000)
    const replica = await addReplica()
    for (let n = 1; n <= 20; n++) {
      const { partition } = await store.writeGroup(putOf(backup, [family('a', `${n}`)]))
      expect(await versionAt(replica, partition)).toBe(n)
    }
    const { partition } = await store.writeSet(mergeOf(backup, [setFamily('up', [sample('x', 1)])]))
    expect(await versionAt(replica, partition)).toBeGreaterThan(0)
  })

  it('is refused for want of replicas, and acknowledged as made before when they are there', async () => {
    await start(2, 300)
    await addReplica()
    const write = putOf(backup, [family('a', 'x')])
    const again = () => store.writeGroup({ ...write, deadlineMs: performance.now() + 5000 })
    for (let n = 0; n < 2; n++) {
      const startMs = performance.now()
      expect(await refusal(again())).toBe('PGR_STORE_UNAVAILABLE')
      expect(performance.now() - startMs).toBeGreaterThan(290)
      expect(performance.now() - startMs).toBeLessThan(3000)
    }
    await addReplica()
    const { duplicate, partition } = await eventually('both have it', again)
    expect(duplicate).toBe(true)
    expect(await versionAt(primary, partition)).toBe(1)
  })

  it('is not acknowledged over a new connection, which waited for nothing yet, as long as nobody has it', async () => {
    await start(1, 300)
    const replica = await addReplica()
    replica.freeze()
    const write = putOf(backup, [family('a', 'x')])
    const again = () => store.writeGroup({ ...write, deadlineMs: performance.now() + 5000 })
    expect(await refusal(again())).toBe('PGR_STORE_UNAVAILABLE')
    await primary.ask('CLIENT', 'KILL', 'TYPE', 'normal')
    await eventuallyHolds(() => store.ready())
    expect(await refusal(again())).toBe('PGR_STORE_UNAVAILABLE')

    replica.thaw()
    const { duplicate, partition } = await eventually('the replica has it', again)
    expect(duplicate).toBe(true)
    expect(await versionAt(replica, partition)).toBe(1)
  })

  it('shares its wait with those made at the same time', async () => {
    await start(1, 5000)
    await addReplica()
    await primary.ask('CONFIG', 'RESETSTAT')
    const jobs = Array.from({ length: 200 }, (_, n) => jobOf(`job-${n}`))
    await Promise.all(jobs.map((job) => store.writeGroup(putOf(job, [family('a', 'x')]))))
    const stats = String(await primary.ask('INFO', 'commandstats'))
    const waits = Number(/cmdstat_wait:calls=(\d+)/.exec(stats)?.[1])
    expect(waits).toBeGreaterThan(0)
    expect(waits).toBeLessThan(100)
  })
})
