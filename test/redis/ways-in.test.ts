import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RedisStoreOptions } from '../../src/store/redis/options.ts'
import type { Store } from '../../src/store/store.ts'
import { type ClusterRig, startClusterRig } from '../support/cluster-rig.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { type SentinelRig, startSentinelRig } from '../support/sentinel-rig.ts'
import { StoreView } from '../support/store-view.ts'
import { family, jobIn, putOf } from '../support/store-writes.ts'
import { type Opened, openStore, refusal } from './open-store.ts'

const stores: Store[] = []

async function open(options: Partial<RedisStoreOptions>): Promise<Opened> {
  const opened = await openStore({ url: '' }, options)
  stores.push(opened.store)
  return opened
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
})

/** A write to every partition, and a read. */
async function expectWhole(store: Store): Promise<void> {
  const jobs = Array.from({ length: store.partitions }, (_, n) => jobIn(n, store.partitions, 'group', 'way'))
  await Promise.all(jobs.map((job) => store.writeGroup(putOf(job, [family('a', 'x')]))))
  const view = new StoreView(store)
  await view.read()
  expect(jobs.filter((job) => view.texts(job) !== undefined)).toHaveLength(store.partitions)
}

describe('the way into a cluster', () => {
  let rig: ClusterRig

  beforeAll(async () => {
    rig = await startClusterRig({ primaries: 2, proxied: true, password: 'secret' })
  })
  afterAll(() => rig.stop())

  it.each([
    ['its first primary', 0],
    ['another primary', 1],
    ['a replica', 2],
  ])('is one node that knows the others: %s', async (_which, place) => {
    const { store } = await open({ endpoints: rig.endpoints.slice(place, place + 1), password: 'secret' })
    await expectWhole(store)
    const { facts, primaries } = await store.describe()
    expect(facts.get('topology')).toBe('cluster')
    expect(primaries.map(({ endpoint }) => endpoint).sort()).toEqual(rig.endpoints.slice(0, 2).sort())
  })

  it('is any node that lives among some that do not', async () => {
    const dead = await Promise.all([freePort(), freePort()])
    const [live = ''] = rig.endpoints
    const endpoints = [...dead.map((port) => `redis://127.0.0.1:${port}`), live]
    const { store, events } = await open({ endpoints, password: 'secret' })
    await expectWhole(store)
    expect(events.map(({ kind }) => kind)).not.toContain('store.lost')
  })

  it('may open after the gateway came', async () => {
    for (const node of rig.nodes) rig.proxyOf(node).cut('both')
    const { store, events } = await open({ endpoints: rig.endpoints.slice(0, 3), password: 'secret' })
    const error = await store.ready().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
    expect(String(error)).toMatch(/ECONNREFUSED/)
    expect((await store.describe()).facts.get('connected')).toBe(false)

    for (const node of rig.nodes) await rig.proxyOf(node).heal()
    await eventuallyHolds(() => expectWhole(store))
    expect(events.filter(({ kind }) => kind === 'store.lost')).toHaveLength(1)
    await eventuallyHolds(() => expect(events.map(({ kind }) => kind)).toContain('store.back'))
  })

  it('is closed to a wrong password, which is told as such', async () => {
    const { store } = await open({ endpoints: rig.endpoints, password: 'wrong' })
    const error = await store.ready().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'PGR_STORE_MISCONFIGURED' })
    expect(String(error)).toMatch(/WRONGPASS/)
  })

  it('is another than the nodes say when a map tells so', async () => {
    // Nobody gets anywhere at the addresses that the nodes announce.
    for (const node of rig.nodes) rig.proxyOf(node).cut('both')
    const [first] = rig.nodes
    const endpoints = [`127.0.0.1:${first?.port}`]
    const lost = await open({ endpoints, password: 'secret' })
    expect(await refusal(expectWhole(lost.store))).toBe('PGR_STORE_UNAVAILABLE')

    const natMap = new Map(rig.nodes.map((node) => [rig.addressOf(node), `127.0.0.1:${node.port}`]))
    const { store } = await open({ endpoints, password: 'secret', natMap })
    await expectWhole(store)
    for (const node of rig.nodes) await rig.proxyOf(node).heal()
  })
})

describe('the way in through sentinels', () => {
  let rig: SentinelRig
  let options: { endpoints: string[]; masterName: string }

  beforeAll(async () => {
    rig = await startSentinelRig({ replicas: 1, proxied: true, downAfterMs: 60_000 })
    options = { endpoints: rig.endpoint.split(','), masterName: rig.masterName }
  })
  afterAll(() => rig.stop())

  it.each([
    ['one of them, of which the others are learned', (all: string[]) => all.slice(0, 1)],
    [
      'the last of three of which two are dead',
      (all: string[]) => ['127.0.0.1:1', '127.0.0.1:2', ...all.slice(2)],
    ],
  ])('is %s', async (_which, chosen) => {
    const { store } = await open({ ...options, endpoints: chosen(options.endpoints) })
    await expectWhole(store)
    expect((await store.describe()).facts.get('topology')).toBe('sentinel')
  })

  it('leads nowhere with a name that they do not know, and says so', async () => {
    const { store } = await open({ ...options, masterName: 'nobody' })
    const error = await store.ready().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'PGR_STORE_MISCONFIGURED' })
    expect(String(error)).toMatch(/--redis\.master-name/)
  })

  it('may open after the gateway came', async () => {
    for (const sentinel of rig.sentinels) await sentinel.kill()
    const { store } = await open(options)
    const error = await store.ready().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
    expect(String(error)).toMatch(/ECONNREFUSED.*Sentinel at 127\.0\.0\.1/)
    for (const sentinel of rig.sentinels) await sentinel.restart()
    await eventuallyHolds(() => expectWhole(store))
  })

  it('is another than they say when a map tells so', async () => {
    const primary = await rig.primary()
    rig.proxyOf(primary).cut('both')
    const lost = await open(options)
    expect(await refusal(lost.store.ready())).toBe('PGR_STORE_UNAVAILABLE')

    const natMap = new Map([[rig.addressOf(primary), `localhost:${primary.port}`]])
    const { store } = await open({ ...options, natMap, sentinel: { strict: true } })
    await expectWhole(store)
  })
})
