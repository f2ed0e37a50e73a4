import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SetSample, Store } from '../../src/store/store.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { StoreModel } from '../support/store-model.ts'
import { StoreView } from '../support/store-view.ts'
import { jobOf, mergeOf, operation, sample, setFamily } from '../support/store-writes.ts'
import { openStore } from './open-store.ts'

const node = jobOf('node')
const SHORT_MS = 40

// Dictionaries are known to several gateways at once, each to a different point: whoever is behind must never put a
// sample into the slot of another metric.
describe('series sets that several gateways write', () => {
  let server: RedisServer
  let stores: Store[]

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    await server.command('FLUSHALL')
    stores = []
    for (let n = 0; n < 3; n++) stores.push((await openStore(server, { timeoutMs: 5000 })).store)
  })
  afterEach(async () => {
    for (const store of stores) await store.close()
  })

  const at = (place: number) => stores[place % stores.length] as Store

  it('hold every metric once when all add at the same time', async () => {
    const writers = 12
    const each = 60
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let n = 0; n < each; n += 20) {
          const own = Array.from({ length: 20 }, (_, k) => sample(`${writer}-${n + k}`, n + k))
          const shared = Array.from({ length: 20 }, (_, k) => sample(`all-${n + k}`, n + k))
          await at(writer).writeSet(mergeOf(node, [setFamily('own', own), setFamily('shared', shared)]))
        }
      }),
    )
    const view = new StoreView(at(0))
    await view.read()
    expect(view.metrics(node).size).toBe(writers * each + each)
    for (const [n, value] of [...view.values(node, 'own'), ...view.values(node, 'shared')])
      expect(n.endsWith(`-${value}`)).toBe(true)
  })

  const step = fc.record({
    replica: fc.nat(2),
    action: fc.oneof(
      {
        weight: 10,
        arbitrary: fc.record({
          kind: fc.constant('merge' as const),
          family: fc.constantFrom('a', 'b', 'c'),
          from: fc.nat(350),
          count: fc.integer({ min: 1, max: 150 }),
          stride: fc.integer({ min: 1, max: 3 }),
          content: fc.constantFrom('number', 'blob', 'mixed', 'stale'),
          ttlMs: fc.constantFrom(0, SHORT_MS, 60_000, 60_000),
          help: fc.constantFrom('', 'h'),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('look' as const) }) },
    ),
  })

  it('take the help of the last write, also from a gateway that had given the same one before another did', async () => {
    for (const [replica, help] of [
      [0, 'h'],
      [1, ''],
      [0, 'h'],
    ] as const) {
      await at(replica).writeSet(mergeOf(node, [setFamily('up', [sample('1', 1)], { help })], { ttlMs: 0 }))
    }
    const { changes } = await new StoreView(at(1)).read()
    const change = changes.find(({ id }) => id === mergeOf(node, []).id)
    expect(change?.kind === 'set' && change.families.map(({ help }) => help)).toEqual(['h'])
  })

  it('agree with the plain model over many pages, whatever comes, ends, expires and is tidied away', async () => {
    let seen = 0
    const property = fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40 }), async (steps) => {
      await at(0).wipe(operation())
      const model = new StoreModel()
      const views = stores.map((store) => new StoreView(store))
      const look = async () => {
        for (const view of views) await view.read()
        const nowMs = Math.max(...views.map((view) => view.nowMs))
        const expected = model.show(nowMs)
        for (const view of views) expect(view.show(nowMs)).toEqual(expected)
        return expected.length
      }
      let value = 0
      for (const { replica, action } of steps) {
        if (action.kind === 'wait') await sleep(SHORT_MS + 5)
        else if (action.kind === 'sweep') await at(replica).sweep()
        else if (action.kind === 'look') seen += await look()
        else if (action.kind === 'remove') {
          const write = mergeOf(node, [])
          await at(replica).remove(write)
          model.remove(write.id)
        } else {
          const metrics = Array.from({ length: action.count }, (_, n): SetSample => {
            value++
            const blob = action.content === 'blob' || (action.content === 'mixed' && n % 2 === 0)
            const content = action.content === 'stale' ? 'stale' : blob ? Buffer.from(`blob ${value}`) : value
            return sample(`${action.from + n * action.stride}`, content)
          })
          const write = mergeOf(node, [setFamily(action.family, metrics, { help: action.help })], {
            ttlMs: action.ttlMs,
          })
          const written = await at(replica).writeSet(write)
          const { ignored, effect } = model.writeSet(write, written.nowMs)
          expect(written.ignored).toEqual(ignored)
          expect(written.change !== undefined).toBe(effect)
        }
      }
      seen += await look()
    })
    await fc.assert(property, { numRuns: 25 })
    expect(seen).toBeGreaterThan(10_000)
  }, 120_000)

  it('shrink again by sweeping alone', async () => {
    const many = Array.from({ length: 2000 }, (_, n) => sample(`${n}`, n))
    await at(0).writeSet(mergeOf(node, [setFamily('up', many)], { ttlMs: SHORT_MS }))
    await at(1).writeSet(mergeOf(node, [setFamily('up', [sample('stays', 1)])], { ttlMs: 0 }))
    await sleep(SHORT_MS + 5)
    for (let call = 0; call < 3; call++) await at(2).sweep()

    const facts = new StoreView(at(2))
    const { changes } = await facts.read()
    const [change] = changes
    expect(change?.kind === 'set' && change.pages.map(({ metrics }) => metrics.length)).toEqual([1])
    // Those who knew the old pages go on.
    await at(0).writeSet(mergeOf(node, [setFamily('up', many.slice(0, 200))]))
    await at(1).writeSet(mergeOf(node, [setFamily('up', [sample('stays', 2)])]))
    await eventuallyHolds(async () => {
      await facts.read()
      expect(facts.metrics(node).size).toBe(201)
    })
    expect(facts.values(node, 'up')).toContainEqual(['stays', 2])
    expect(facts.values(node, 'up')).toContainEqual(['199', 199])
  })
})
