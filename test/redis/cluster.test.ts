import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Labels } from '../../src/model/labels.ts'
import { keyspace, PLACE_OF } from '../../src/store/redis/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { type ClusterRig, startClusterRig } from '../support/cluster-rig.ts'
import type { ClusterNode } from '../support/cluster-view.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { readCounter } from '../support/partition-meta.ts'
import { StoreView } from '../support/store-view.ts'
import {
  family,
  jobIn,
  mergeOf,
  operation,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'
import { type Opened, openStore, refusal } from './open-store.ts'

const keys = keyspace('pgr')

let rig: ClusterRig

beforeAll(async () => {
  // A frozen node stays one of them for as long as any test takes.
  rig = await startClusterRig({ primaries: 3, replicasPer: 0, nodeTimeoutMs: 20_000 })
})
afterAll(() => rig.stop())

describe('a partition whose slot moves to another node', () => {
  let opened: Opened
  let store: Store
  let view: StoreView
  let from: ClusterNode
  let to: ClusterNode
  let next = 0
  let partition: number
  let slot: number

  beforeEach(async () => {
    partition = next++
    slot = keys.slots[partition] ?? 0
    opened = await openStore({ url: '' }, { endpoints: rig.endpoints.slice(0, 1) })
    store = opened.store
    view = new StoreView(store)
    from = await rig.ownerOf(slot)
    const [other = from] = (await rig.primaries()).filter((node) => node !== from)
    to = other
    // A node that knows nothing yet, as a new one does.
    await to.ask('SCRIPT', 'FLUSH')
    await push('before')
    await view.read()
  })
  afterEach(async () => {
    await store.close()
    if ((await rig.ownerOf(slot)) === from) await rig.finishMigration(slot, to)
  })

  const labels = () => jobIn(partition, store.partitions, 'group', 'moves')
  const setLabels = () => jobIn(partition, store.partitions, 'set', 'moves')
  const push = (text: string, over = {}) => store.writeGroup(putOf(labels(), [family('a', text)], over))
  const partitionKeys = () => keys.partitions[partition] ?? []
  const version = (node: ClusterNode) => readCounter(node.ask, partitionKeys()[0] ?? '', 'v')
  const resetsOfIt = async () => (await view.read()).pages.flatMap(({ reset }) => reset ?? [])

  /** Writes of every kind, each of which makes one version; how many, and what there is after. */
  async function writeAll(text: string): Promise<number> {
    await store.writeGroup(postOf(labels(), [family('b', text)]))
    await store.writeSet(mergeOf(setLabels(), [setFamily('up', [sample('x', 1)])]))
    await store.writeSet(mergeOf(setLabels(), [setFamily('up', [sample('y', 2)])]))
    await store.remove(removalOf(setLabels(), 'set'))
    await push(text)
    return 5
  }
  const expectShown = (text: string) => {
    expect(view.texts(labels())).toEqual([['a', text]])
    expect(view.metrics(setLabels()).size).toBe(0)
  }
  const expectNoLoss = async () => {
    const kinds = opened.events.map(({ kind }) => kind)
    expect(kinds).not.toContain('store.history')
    expect(kinds).not.toContain('store.duplicate')
    expect(kinds).not.toContain('store.lost')
    const mended = opened.events.filter((event) => event.kind === 'store.mend')
    for (const event of mended) expect(event).toMatchObject({ missing: 0, lost: 0, resubmitted: 0 })
  }

  it('is found where it went, and read anew once', async () => {
    const before = await version(from)
    await rig.moveSlot(slot, to)
    const writes = await writeAll('after')
    expect(await version(to)).toBe(before + writes)
    expect(await resetsOfIt()).toEqual(['moved'])
    expectShown('after')
    await store.sweep()
    expect(await resetsOfIt()).toEqual([])
    await expectNoLoss()
    expect(opened.events).toContainEqual(expect.objectContaining({ kind: 'store.topology' }))
  })

  it.each(['sweep', 'changes', 'describe'] as const)(
    'is found by %s when nothing was written',
    async (call) => {
      await rig.moveSlot(slot, to)
      if (call === 'sweep') await store.sweep()
      else if (call === 'describe') expect((await store.describe()).primaries).toHaveLength(3)
      expect(await resetsOfIt()).toEqual(['moved'])
      expectShown('before')
      await expectNoLoss()
    },
  )

  it('goes on half way, when all of it is there and the slot is not', async () => {
    const before = await version(from)
    await rig.beginMigration(slot, to)
    expect(await push('still here')).toMatchObject({ duplicate: false })
    expect(await resetsOfIt()).toEqual([])
    await rig.migrateKeys(slot, to, partitionKeys())
    const writes = await writeAll('half way')
    expect(await resetsOfIt()).toEqual(['moved'])
    expectShown('half way')
    await store.writeGroup(postOf(labels(), [family('short', 'x')], { ttlMs: 1 }))
    await sleep(2)
    await store.sweep()
    // The slot is not the other node's yet, so it is asked by its own.
    expect(await resetsOfIt()).toEqual([])
    expectShown('half way')

    await rig.finishMigration(slot, to)
    const more = await writeAll('there')
    expect(await resetsOfIt()).toEqual([])
    expectShown('there')
    // The short-lived family came with one version and went with another.
    expect(await version(to)).toBe(before + 1 + writes + 2 + more)
    await store.wipe(operation())
    await view.read()
    expect(view.size).toBe(0)
    await expectNoLoss()
  })

  it('waits while it is on both sides, and then does everything once', async () => {
    const before = await version(from)
    await rig.beginMigration(slot, to)
    await rig.migrateKeys(slot, to, partitionKeys().slice(0, 3))
    const elsewhere = jobIn((partition + 1) % store.partitions, store.partitions, 'group', 'stays')
    const done: string[] = []
    const calls = [
      push('waited').then(() => done.push('push')),
      store.writeSet(mergeOf(setLabels(), [setFamily('up', [sample('x', 1)])])).then(() => done.push('set')),
      new StoreView(store).read().then(() => done.push('read')),
      // Nobody by that name, which makes no version.
      store
        .remove(removalOf(jobIn(partition, store.partitions, 'group', 'none')))
        .then(() => done.push('remove')),
    ]
    await store.writeGroup(putOf(elsewhere, [family('a', 'x')]))
    expect(await refusal(store.sweep())).toBe('PGR_STORE_UNAVAILABLE')
    expect(done).toEqual([])
    await rig.migrateKeys(slot, to, partitionKeys().slice(3))
    await Promise.all(calls)
    await store.sweep()
    await rig.finishMigration(slot, to)
    expect(await version(to)).toBe(before + 2)
    expect(await resetsOfIt()).toEqual(['moved'])
    expect(view.texts(labels())).toEqual([['a', 'waited']])
    await expectNoLoss()
  })

  it('is refused in time while it stays on both sides, and nothing of that is applied later', async () => {
    const before = await version(from)
    await rig.beginMigration(slot, to)
    await rig.migrateKeys(slot, to, partitionKeys().slice(0, 3))
    const startMs = performance.now()
    const deadlineMs = startMs + 500
    const reading = (async () => {
      const pages = []
      const since = new StoreView(store).positions
      for await (const page of store.changes(since, { deadlineMs })) pages.push(page)
    })()
    expect(await Promise.all([push('late', { deadlineMs }), reading].map(refusal))).toEqual([
      'PGR_STORE_UNAVAILABLE',
      'PGR_STORE_DEGRADED',
    ])
    const tookMs = performance.now() - startMs
    expect(tookMs).toBeGreaterThan(400)
    expect(tookMs).toBeLessThan(3000)

    await rig.finishMigration(slot, to)
    await eventuallyHolds(() => push('in time').then(() => undefined))
    await view.read()
    expectShown('in time')
    expect(await version(to)).toBe(before + 1)
  })
})

describe('a cluster of which a part is away', () => {
  let opened: Opened
  let store: Store
  let away: ClusterNode
  let jobs: Labels[]
  let awayPartitions: ReadonlySet<number>

  beforeAll(async () => {
    opened = await openStore({ url: '' }, { endpoints: rig.endpoints.slice(0, 1) })
    store = opened.store
    away = await rig.ownerOf(0)
    jobs = Array.from({ length: store.partitions }, (_, n) => jobIn(n, store.partitions, 'group', 'away'))
    const owners = await Promise.all(keys.slots.slice(0, store.partitions).map((slot) => rig.ownerOf(slot)))
    awayPartitions = new Set([...owners.keys()].filter((partition) => owners[partition] === away))
  })
  afterEach(() => {
    for (const node of rig.nodes) node.thaw()
  })
  afterAll(() => store.close())

  const pushAll = (text: string, withinMs = 10_000) =>
    Promise.all(
      jobs.map((job) => {
        const deadlineMs = performance.now() + withinMs
        return refusal(store.writeGroup(putOf(job, [family('a', text)], { deadlineMs })))
      }),
    )
  const expected = (elsewhere: string, there: string) =>
    jobs.map((_, partition) => (awayPartitions.has(partition) ? there : elsewhere))

  it('serves the rest, tells what is missing, and serves all when it is back', async () => {
    const view = new StoreView(store)
    expect(await pushAll('before')).toEqual(expected('accepted', 'accepted'))
    await view.read()
    away.freeze()

    // At first nobody knows, and then it is known.
    for (const withinMs of [2000, 2000]) {
      const startMs = performance.now()
      expect(await pushAll('while', withinMs)).toEqual(expected('accepted', 'PGR_STORE_UNAVAILABLE'))
      expect(performance.now() - startMs).toBeLessThan(withinMs + 2000)
    }
    const done: number[] = []
    const reading = (async () => {
      const options = { deadlineMs: performance.now() + 2500 }
      for await (const page of store.changes(view.positions, options)) {
        if (page.done) done.push(page.partition)
        expect(page.reset).toBeUndefined()
      }
    })()
    expect(await refusal(reading)).toBe('PGR_STORE_DEGRADED')
    expect(done).toEqual([...jobs.keys()].filter((partition) => !awayPartitions.has(partition)))
    await store.ready()
    await eventuallyHolds(async () => {
      const { primaries, facts } = await store.describe()
      expect(primaries.map(({ endpoint, state }) => [endpoint, state])).toEqual(
        expect.arrayContaining([[away.url, 'away']]),
      )
      expect(primaries.filter(({ state }) => state === 'away')).toMatchObject([
        { partitions: awayPartitions.size, reason: expect.stringContaining('redis') },
      ])
      expect(facts.get('connected')).toBe(true)
    })
    expect(await refusal(store.sweep())).toBe('PGR_STORE_UNAVAILABLE')
    expect(await refusal(store.wipe({ ...operation(), deadlineMs: performance.now() + 300 }))).toBe(
      'PGR_STORE_UNAVAILABLE',
    )
    await eventuallyHolds(() => expect(kinds()).toContain('store.lost'))

    away.thaw()
    await eventuallyHolds(async () =>
      expect(await pushAll('after')).toEqual(expected('accepted', 'accepted')),
    )
    await view.read()
    expect(jobs.map((job) => view.texts(job))).toEqual(jobs.map(() => [['a', 'after']]))
    await store.sweep()
    await store.wipe(operation())
    await view.read()
    expect(view.size).toBe(0)
    expect((await store.describe()).primaries.map(({ state }) => state)).toEqual([
      'usable',
      'usable',
      'usable',
    ])
    await eventuallyHolds(() => expect(kinds()).toContain('store.back'))
    expect(kinds()).not.toContain('store.history')
  }, 60_000)

  const kinds = () => opened.events.map(({ kind }) => kind)

  it('serves the rest also to a gateway that is started meanwhile, as far as the rest is known to be of its layout', async () => {
    expect(await pushAll('before')).toEqual(expected('accepted', 'accepted'))
    const holder = await rig.ownerOf(keys.slots[PLACE_OF.configuration] ?? 0)
    const owners = await Promise.all(jobs.map((_, n) => rig.ownerOf(keys.slots[n] ?? 0)))
    const foreign = owners.findIndex((owner) => owner !== holder)
    const foreignKey = keys.partitions[foreign]?.[0] ?? ''
    await owners[foreign]?.ask('HSET', foreignKey, 'sv', '2')
    holder.freeze()
    const late = await openStore({ url: '' }, { endpoints: rig.endpoints })
    const push = (job: Labels) => {
      const deadlineMs = performance.now() + 1000
      return refusal(late.store.writeGroup(putOf(job, [family('a', 'late')], { deadlineMs })))
    }
    const outcomes = jobs.map((_, n) =>
      owners[n] === holder || n === foreign ? 'PGR_STORE_UNAVAILABLE' : 'accepted',
    )
    await eventuallyHolds(async () => expect(await Promise.all(jobs.map(push))).toEqual(outcomes))
    expect(await owners[foreign]?.ask('HGET', foreignKey, 'sv')).toBe('2')

    await owners[foreign]?.ask('HSET', foreignKey, 'sv', '1')
    holder.thaw()
    await eventuallyHolds(async () =>
      expect(await Promise.all(jobs.map(push))).toEqual(expected('accepted', 'accepted')),
    )
    await late.store.close()
  })

  it('is not looked for where a node was that is none any more', async () => {
    const [first = away] = await rig.primaries()
    const gone = await rig.addNode({ replicaOf: first })
    const late = await openStore({ url: '' }, { endpoints: [rig.endpoints[0] ?? ''] })
    await late.store.ready()
    await rig.removeNode(gone)
    let visits = 0
    const stranger = createServer((socket) => {
      visits++
      socket.destroy()
    }).listen(gone.port, '127.0.0.1')
    await once(stranger, 'listening')

    away.freeze()
    await eventuallyHolds(() => expect(late.events.map(({ kind }) => kind)).toContain('store.lost'))
    await sleep(1000)
    const before = visits
    // The nodes are asked several times a second now.
    await sleep(2000)
    expect(visits).toBe(before)
    stranger.close()
    await late.store.close()
  })
})
