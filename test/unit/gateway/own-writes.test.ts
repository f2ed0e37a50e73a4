import { beforeEach, describe, expect, it } from 'vitest'
import { View } from '../../../src/gateway/view/view.ts'
import { DIGEST_MODULUS, digestOf, unitId } from '../../../src/model/unit.ts'
import type { GroupChange, Written } from '../../../src/store/store.ts'

const EPOCH = 'e'

/** A push to a group by itself, as the store tells of it. */
function pushed(version: number): GroupChange {
  const labels = [{ name: 'job', value: `job-${version}` }]
  return {
    kind: 'group',
    id: unitId('group', labels),
    version,
    labels,
    createdMs: 1,
    protocol: 'text',
    pushedMs: 1_000,
    failedMs: 0,
    failure: '',
    expiresMs: 0,
    families: [],
  }
}

describe('the position of a view that shows its own writes at once', () => {
  let view: View
  beforeEach(() => {
    view = new View(1, { expired: () => undefined, reset: () => undefined })
    told(10)
  })

  function own(version: number): void {
    const written: Written = {
      duplicate: false,
      partition: 0,
      epoch: EPOCH,
      nowMs: 1_000,
      change: pushed(version),
    }
    view.applyOwn(written)
  }

  /** The store tells that it stands at a version, and of the writes of others up to there. */
  function told(version: number, others: readonly number[] = [], done = true): void {
    const changes = others.map(pushed)
    view.applyPage({ partition: 0, epoch: EPOCH, wiped: 0, version, nowMs: 1_000, changes, done }, 0)
  }

  const position = () => view.positions()[0]?.version

  it('goes with them while nobody else writes', () => {
    for (const version of [11, 12, 13]) own(version)
    expect(position()).toBe(13)
  })

  it('does not go back to where the store stood when it was asked, before some of them', () => {
    for (const version of [11, 12]) own(version)
    told(11)
    expect(position()).toBe(12)
    own(13)
    expect(position()).toBe(13)
  })

  it('waits before what somebody else wrote, and then goes past all own writes behind it', () => {
    for (const version of [11, 13, 14]) own(version)
    expect(position()).toBe(11)
    told(12, [12])
    expect(position()).toBe(14)
    expect([...view.units.values()].map(({ version }) => version)).toEqual([11, 13, 14, 12])
  })

  it('stays where the store tells it to be when something else is missing behind', () => {
    for (const version of [12, 14]) own(version)
    told(11, [11])
    expect(position()).toBe(11)
    told(13, [12, 13])
    expect(position()).toBe(14)
  })

  it('goes past own writes whose replies came in another order', () => {
    for (const version of [13, 12]) own(version)
    told(11, [11])
    expect(position()).toBe(13)
  })

  it('is given up when what it passed turns out to be lost, and others wrote there', () => {
    for (const version of [12, 13]) own(version)
    told(11, [11])
    expect(position()).toBe(13)
    // After a failover the versions stand for writes of others, which the store does not tell from there on.
    const others = [11, 22, 23].map((unit, place) => digestOf(pushed(unit).id, 11 + place))
    const digest = others.reduce((sum, each) => (sum + each) % DIGEST_MODULUS)
    view.applyPage(
      { partition: 0, epoch: EPOCH, wiped: 0, version: 13, nowMs: 1_000, changes: [], done: true, digest },
      0,
    )
    expect(view.positions()).toEqual([{ epoch: '', version: 0, wiped: 0 }])
  })

  it('has no own writes any more once the store starts again', () => {
    for (const version of [11, 12]) own(version)
    view.applyPage(
      {
        partition: 0,
        epoch: 'f',
        reset: 'epoch',
        wiped: 0,
        version: 11,
        nowMs: 1_000,
        changes: [pushed(11)],
        done: true,
        digest: digestOf(pushed(11).id, 11),
      },
      0,
    )
    expect(view.positions()).toEqual([{ epoch: 'f', version: 11, wiped: 0 }])
  })
})

describe('an own write that lists only what it wrote', () => {
  const labels = [{ name: 'job', value: 'batch' }]
  let view: View
  beforeEach(() => {
    view = new View(1, { expired: () => undefined, reset: () => undefined })
    const changes = [group(10, ['a', 'b'])]
    view.applyPage(
      { partition: 0, epoch: EPOCH, wiped: 0, version: 10, nowMs: 1_000, changes, done: true },
      0,
    )
  })

  function group(version: number, names: readonly string[], follows?: number): GroupChange {
    const families = names.map((name) => ({
      name,
      type: 'gauge' as const,
      series: 1,
      version,
      expiresMs: 0,
      pushedMs: version,
      firstSeenMs: 10,
      blob: Buffer.from(`${name} of ${version}`),
    }))
    return {
      ...pushed(version),
      id: unitId('group', labels),
      labels,
      families,
      ...(follows !== undefined && { follows }),
    }
  }

  function own(change: GroupChange): void {
    view.applyOwn({ duplicate: false, partition: 0, epoch: EPOCH, nowMs: 1_000, change })
  }

  function held(): Record<string, number> {
    const entries = view.units.get(unitId('group', labels))?.entries.values() ?? []
    const stored = [...entries].filter(({ content }) => content.kind === 'blob')
    return Object.fromEntries(stored.map(({ name, version }) => [name, version]))
  }

  it('stands beside what was there', () => {
    own(group(11, ['b', 'c'], 10))
    expect(held()).toEqual({ a: 10, b: 11, c: 11 })
    expect(view.totals.series).toBe(3)
    expect(view.positions()[0]?.version).toBe(11)
  })

  it('waits for the store to tell what others wrote to the group meanwhile', () => {
    own(group(12, ['c'], 11))
    expect(held()).toEqual({ a: 10, b: 10 })
    expect(view.positions()[0]?.version).toBe(10)
  })

  it('takes away what it does not list when it is whole', () => {
    own(group(11, ['c']))
    expect(held()).toEqual({ c: 11 })
  })
})
