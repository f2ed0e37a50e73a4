import { beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedStoreOptions, openEmbeddedStore } from '../../../../src/store/embedded/index.ts'
import { STALE_MEMORY_MS, type Store } from '../../../../src/store/store.ts'
import { makeClock } from '../../../support/clock.ts'
import { WIDE_LIMITS } from '../../../support/store-harness.ts'
import { StoreView } from '../../../support/store-view.ts'
import {
  family,
  jobOf,
  mergeOf,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../../../support/store-writes.ts'

const backup = jobOf('backup')
const clock = makeClock()
let store: Store
let view: StoreView

function open(options: Partial<EmbeddedStoreOptions> = {}): void {
  store = openEmbeddedStore({ limits: WIDE_LIMITS, now: clock.now, ...options })
  view = new StoreView(store)
}

beforeEach(() => open())

describe('its clock', () => {
  it('never runs backwards, whatever the wall clock does', async () => {
    const first = await store.writeGroup(putOf(backup, [family('a', 'one')]))
    clock.advance(-60_000)
    const second = await store.writeGroup(putOf(backup, [family('a', 'two')]))

    expect(second.nowMs).toBe(first.nowMs)
  })

  it('expires on the very millisecond', async () => {
    await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: 1000 }))
    clock.advance(999)
    await store.writeGroup(postOf(backup, [family('b', 'two')], { ttlMs: 1 }))
    await view.read()
    expect(view.texts(backup)).toEqual([
      ['a', 'one'],
      ['b', 'two'],
    ])

    clock.advance(1)
    const { nowMs } = await store.writeGroup(postOf(backup, [family('c', 'three')]))
    await view.read()
    expect(view.texts(backup)).toEqual([['c', 'three']])
    expect(view.group(backup)).toMatchObject({ createdMs: nowMs })
  })

  it('remembers a removed series that would never expire for ten minutes', async () => {
    const merge = (content: number | 'stale', timestampMs: number) =>
      store.writeSet(mergeOf(backup, [setFamily('up', [sample('x', content, timestampMs)])], { ttlMs: 0 }))
    await merge(1, 1000)
    await merge('stale', 2000)
    clock.advance(STALE_MEMORY_MS - 1)
    expect(await merge(1, 1500)).toMatchObject({ ignored: { older: 1 } })

    clock.advance(1)
    expect(await merge(1, 1500)).toMatchObject({ ignored: { older: 0 } })
  })

  it('sweeps a set that holds nothing but memories, though its metrics would never have expired', async () => {
    const merge = (content: number | 'stale') =>
      store.writeSet(mergeOf(backup, [setFamily('up', [sample('x', content)])], { ttlMs: 0 }))
    await merge(1)
    await merge('stale')
    clock.advance(STALE_MEMORY_MS)
    await store.sweep()

    expect((await store.describe()).facts.get('units')).toBe(0)
  })
})

describe('what it holds', () => {
  it('keeps a blob of its own buffer without copying it', async () => {
    const blob = new Uint8Array(1000)
    const { change } = await store.writeGroup(putOf(backup, [family('a', '', { blob })]))

    expect(change?.kind === 'group' && change.families[0]?.blob).toBe(blob)
  })

  it('counts exactly, and nothing is left after everything is removed', async () => {
    const count = async () => Object.fromEntries((await store.describe()).facts)
    for (const text of ['one', 'other']) {
      await store.writeGroup(putOf(backup, [family('a', text, { series: 3 }), family('b', text)]))
      await store.writeSet(
        mergeOf(backup, [setFamily('a', [sample('x', Buffer.from(text)), sample('y', 1)], { help: text })]),
      )
      await store.writeSet(
        mergeOf(backup, [setFamily('b', [sample('z', 1)]), setFamily('a', [sample('y', 'stale')])]),
      )
    }
    expect(await count()).toMatchObject({ units: 2, series: 4 + 2 })

    await store.remove(removalOf(backup))
    await store.remove(removalOf(backup, 'set'))
    expect(await count()).toMatchObject({ units: 0, series: 0, bytes: 0 })
  })

  it('counts exactly over the churn of a set', async () => {
    for (let round = 0; round < 20; round++) {
      const metrics = Array.from({ length: 100 }, (_, n) =>
        sample(`${round}-${n}`, n % 2 ? n : Buffer.from('blob')),
      )
      await store.writeSet(
        mergeOf(backup, [setFamily(`f${round}`, metrics, { help: 'some text' })], { ttlMs: 1000 }),
      )
      clock.advance(700)
    }
    expect(Number((await store.describe()).facts.get('series'))).toBeLessThan(600)
    await store.remove(removalOf(backup, 'set'))

    expect(Object.fromEntries((await store.describe()).facts)).toMatchObject({
      units: 0,
      series: 0,
      bytes: 0,
    })
  })

  it('takes exactly as many units as allowed', async () => {
    open({ limits: { ...WIDE_LIMITS, units: 3 } })
    for (const job of ['a', 'b', 'c']) await store.writeGroup(putOf(jobOf(job), []))

    await expect(store.writeGroup(putOf(backup, []))).rejects.toMatchObject({ code: 'PGR_QUOTA_EXCEEDED' })
  })

  it('drops the bytes of expired families while the times of their group are kept', async () => {
    const blob = new Uint8Array(10_000)
    await store.writeGroup(putOf(backup, [family('a', '', { blob })], { ttlMs: 1000, retentionMs: 10_000 }))
    await view.read()
    clock.advance(1000)
    await store.sweep()
    expect((await store.describe()).facts.get('bytes')).toBeLessThan(100)
    const { changes } = await view.read()
    expect(changes).toMatchObject([{ kind: 'group', families: [] }])

    clock.advance(10_000)
    await store.sweep()
    await view.read()
    expect(view.size).toBe(0)
  })

  it('sweeps much debris in several calls', async () => {
    for (let n = 0; n < 2500; n++) await store.writeGroup(putOf(jobOf(`${n}`), [], { ttlMs: 1000 }))
    clock.advance(1000)
    const left: unknown[] = []
    for (let call = 0; call < 3; call++) {
      await store.sweep()
      left.push((await store.describe()).facts.get('units'))
    }

    expect(left).toEqual([1500, 500, 0])
  })
})

describe('a read that takes long', () => {
  it('starts over when a removal it did not come to was forgotten meanwhile', async () => {
    open({ pageBytes: 1, tombstoneGraceMs: 1000 })
    for (const job of ['a', 'b', 'c', 'd']) await store.writeGroup(putOf(jobOf(job), [family('x', job)]))
    let page = 0
    const disturbed: Store = {
      ...store,
      async *changes(since, options) {
        for await (const told of store.changes(since, options)) {
          yield told
          if (++page !== 2) continue
          await store.remove(removalOf(jobOf('a')))
          clock.advance(2000)
          await store.sweep()
        }
      },
    }
    view.store = disturbed
    const { resets } = await view.read()

    expect(resets).toEqual(['first', 'floor'])
    expect(view.size).toBe(3)
    expect(view.texts(jobOf('a'))).toBeUndefined()
  })

  it('ends with its deadline', async () => {
    open({ pageBytes: 1 })
    for (const job of ['a', 'b']) await store.writeGroup(putOf(jobOf(job), []))
    const deadlineMs = performance.now() + 20
    const read = async () => {
      for await (const page of store.changes(view.positions, { deadlineMs })) {
        expect(page.done).toBe(false)
        while (performance.now() <= deadlineMs) await new Promise(setImmediate)
      }
    }

    await expect(read()).rejects.toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
  })

  it('leaves turns of the event loop to others', async () => {
    open({ pageBytes: 1 })
    for (let n = 0; n < 10; n++) await store.writeGroup(putOf(jobOf(`${n}`), []))
    let turns = 0
    let reading = true
    const others = (async () => {
      for (; reading; turns++) await new Promise(setImmediate)
    })()
    await view.read()
    reading = false
    await others

    expect(turns).toBeGreaterThanOrEqual(9)
  })
})
