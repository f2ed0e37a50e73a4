import { afterEach, beforeEach, expect, it } from 'vitest'
import type { GroupChange, Store, UnitChange, Written } from '../../src/store/store.ts'
import type { OpenHarness, StoreHarness } from '../support/store-harness.ts'
import { type SeenFamily, type SeenGroup, StoreView } from '../support/store-view.ts'
import {
  failureOf,
  family,
  jobOf,
  LONG_MS,
  labelsOf,
  postOf,
  putOf,
  removalOf,
} from '../support/store-writes.ts'

const SHORT_MS = 40
const backup = jobOf('backup')

/** Pushgateway semantics: put, post, delete, refused pushes, and what expires when. */
export function groupContract(open: OpenHarness): void {
  let harness: StoreHarness
  let store: Store
  let view: StoreView

  beforeEach(async () => {
    harness = await open()
    store = await harness.open()
    view = new StoreView(store)
  })
  afterEach(() => harness.close())

  async function seen(labels = backup): Promise<SeenGroup> {
    await view.read()
    const group = view.group(labels)
    if (group === undefined) throw new Error('the group is not there')
    return group
  }

  async function seenFamily(name: string): Promise<SeenFamily> {
    const found = (await seen()).families.get(name)
    if (found === undefined) throw new Error(`the family ${name} is not there`)
    return found
  }

  async function texts(labels = backup) {
    await view.read()
    return view.texts(labels)
  }

  /** Enough for two writes to have different times. */
  const tick = () => harness.advance(3)
  const expire = () => harness.advance(SHORT_MS + 20)

  it('keeps what a put says', async () => {
    const labels = labelsOf(['job', 'backup'], ['instance', ''], ['zone', 'b'])
    const size = family('size', 'five', { type: 'histogram', series: 7 })

    const { nowMs } = await store.writeGroup(
      putOf(labels, [size], { retentionMs: 5000, protocol: 'openmetrics' }),
    )

    const { families, ...header } = await seen(labels)
    expect(header).toEqual({
      kind: 'group',
      labels,
      createdMs: nowMs,
      pushedMs: nowMs,
      failedMs: 0,
      failure: '',
      expiresMs: nowMs + LONG_MS + 5000,
      protocol: 'openmetrics',
    })
    const times = { expiresMs: nowMs + LONG_MS, pushedMs: nowMs, firstSeenMs: nowMs }
    expect([...families.values()]).toEqual([
      { name: 'size', type: 'histogram', series: 7, text: 'five', ...times },
    ])
  })

  it('tells the writer the unit as a reader sees it', async () => {
    const { change, partition, epoch } = await store.writeGroup(putOf(backup, [family('a', 'one')]))

    const { changes, pages } = await view.read()
    expect(plain(change)).toEqual(plain(changes[0]))
    expect(changes).toHaveLength(1)
    expect(pages.find((page) => page.partition === partition)?.epoch).toBe(epoch)
  })

  it('tells who adds to a group what became of it, or of what it named and beside what', async () => {
    const first = await store.writeGroup(putOf(backup, [family('a', 'one'), family('b', 'one')]))
    const { change } = await store.writeGroup(postOf(backup, [family('b', 'two'), family('c', 'two')]))
    if (change?.kind !== 'group') throw new Error('no group')

    const [seen] = (await view.read()).changes
    if (seen?.kind !== 'group') throw new Error('no group')
    const { follows, ...told } = change
    if (follows === undefined) expect(told.families.map(({ name }) => name).sort()).toEqual(['a', 'b', 'c'])
    else expect(follows).toBe(first.change?.version)
    const named = ({ families }: GroupChange) => families.filter(({ name }) => name !== 'a')
    expect(plain({ ...told, families: named(told) })).toEqual(plain({ ...seen, families: named(seen) }))
  })

  it.each([
    [
      'put',
      [
        ['b', 'new'],
        ['c', 'new'],
      ],
    ],
    [
      'post',
      [
        ['a', 'old'],
        ['b', 'new'],
        ['c', 'new'],
      ],
    ],
  ] as const)('replaces with a %s exactly what it should', async (mode, expected) => {
    await store.writeGroup(putOf(backup, [family('a', 'old'), family('b', 'old')]))
    await store.writeGroup(putOf(backup, [family('b', 'new'), family('c', 'new')], { mode }))

    expect(await texts()).toEqual(expected)
  })

  it('creates a group by post', async () => {
    await store.writeGroup(postOf(backup, [family('a', 'one')]))

    expect(await texts()).toEqual([['a', 'one']])
  })

  it('leaves the group beside it alone', async () => {
    const other = labelsOf(['job', 'backup'], ['instance', 'x'])
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await store.writeGroup(putOf(other, [family('a', 'two')]))
    await store.remove(removalOf(backup))

    expect(await texts()).toBeUndefined()
    expect(await texts(other)).toEqual([['a', 'two']])
  })

  it('gives the named families of a post new times and the others none', async () => {
    const first = await store.writeGroup(
      putOf(backup, [family('a', 'old'), family('b', 'old')], { ttlMs: 50_000 }),
    )
    await tick()
    const second = await store.writeGroup(postOf(backup, [family('b', 'new')], { ttlMs: 70_000 }))

    expect(second.nowMs).toBeGreaterThan(first.nowMs)
    expect(await seenFamily('a')).toMatchObject({ pushedMs: first.nowMs, expiresMs: first.nowMs + 50_000 })
    expect(await seenFamily('b')).toMatchObject({ pushedMs: second.nowMs, expiresMs: second.nowMs + 70_000 })
    expect(await seen()).toMatchObject({ pushedMs: second.nowMs, createdMs: first.nowMs })
  })

  it('keeps the creation time over a put and shows the protocol of the last push', async () => {
    const first = await store.writeGroup(putOf(backup, [family('a', 'one')], { protocol: 'text' }))
    await tick()
    await store.writeGroup(putOf(backup, [family('b', 'two')], { protocol: 'protobuf' }))

    expect(await seen()).toMatchObject({ createdMs: first.nowMs, protocol: 'protobuf' })
  })

  it.each([
    ['put', 'is replaced by its own type', 'gauge', 'kept'],
    ['post', 'is replaced by its own type', 'gauge', 'kept'],
    ['put', 'changes its type', 'counter', 'new'],
    ['post', 'changes its type', 'counter', 'new'],
  ] as const)(
    'after a %s, when a family %s (%s), its first sight is %s',
    async (mode, _why, type, outcome) => {
      const first = await store.writeGroup(putOf(backup, [family('a', 'one'), family('b', 'one')]))
      await tick()
      const second = await store.writeGroup(putOf(backup, [family('a', 'two', { type })], { mode }))

      const expected = outcome === 'kept' ? first : second
      expect(await seenFamily('a')).toMatchObject({ type, text: 'two', firstSeenMs: expected.nowMs })
    },
  )

  it('sees a family first again after it expired in a group that lives', async () => {
    await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: SHORT_MS, retentionMs: LONG_MS }))
    await expire()
    const second = await store.writeGroup(postOf(backup, [family('a', 'two')]))

    expect(await seenFamily('a')).toMatchObject({ firstSeenMs: second.nowMs })
  })

  it('sees a family first again after a put left it out', async () => {
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await store.writeGroup(putOf(backup, [family('b', 'one')]))
    await tick()
    const third = await store.writeGroup(postOf(backup, [family('a', 'two')]))

    expect(await seenFamily('a')).toMatchObject({ firstSeenMs: third.nowMs })
  })

  it('empties a group by an empty put, which counts as a push', async () => {
    const first = await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await tick()
    const { nowMs } = await store.writeGroup(putOf(backup, [], { ttlMs: 5000, retentionMs: 700 }))

    expect(await texts()).toEqual([])
    expect(await seen()).toMatchObject({ createdMs: first.nowMs, pushedMs: nowMs, expiresMs: nowMs + 5700 })
  })

  it('refreshes only the push time by an empty post', async () => {
    const first = await store.writeGroup(
      putOf(backup, [family('a', 'one')], { ttlMs: 50_000, retentionMs: 100 }),
    )
    await tick()
    const { nowMs } = await store.writeGroup(postOf(backup, [], { ttlMs: LONG_MS, retentionMs: LONG_MS }))

    expect(nowMs).toBeGreaterThan(first.nowMs)
    expect(await seen()).toMatchObject({ pushedMs: nowMs, expiresMs: first.nowMs + 50_100 })
    expect(await seenFamily('a')).toMatchObject({ pushedMs: first.nowMs, expiresMs: first.nowMs + 50_000 })
  })

  it.each([
    ['an empty post', (ttlMs: number) => store.writeGroup(postOf(backup, [], { ttlMs, retentionMs: 300 }))],
    [
      'a refused push',
      (ttlMs: number) => store.failGroup(failureOf(backup, 'why', { ttlMs, retentionMs: 300 })),
    ],
  ])('lets %s extend the times of a group that has no family left', async (_what, push) => {
    const first = await store.writeGroup(putOf(backup, [], { ttlMs: 50_000, retentionMs: 0 }))
    await push(10)
    expect((await seen()).expiresMs).toBe(first.nowMs + 50_000)

    const { nowMs } = await push(90_000)

    expect((await seen()).expiresMs).toBe(nowMs + 90_300)
  })

  it('creates a group without families by an empty post', async () => {
    const { nowMs } = await store.writeGroup(postOf(backup, [], { ttlMs: 5000, retentionMs: 200 }))

    expect(await texts()).toEqual([])
    expect(await seen()).toMatchObject({ createdMs: nowMs, pushedMs: nowMs, expiresMs: nowMs + 5200 })
  })

  it('creates a group that knows nothing but a failure', async () => {
    const { nowMs } = await store.failGroup(
      failureOf(backup, 'clash of a', { ttlMs: 5000, retentionMs: 200, protocol: 'openmetrics' }),
    )

    const { families, ...header } = await seen()
    expect(families.size).toBe(0)
    expect(header).toMatchObject({ labels: backup, createdMs: nowMs, pushedMs: 0, failedMs: nowMs })
    expect(header).toMatchObject({ failure: 'clash of a', expiresMs: nowMs + 5200, protocol: 'openmetrics' })
  })

  it('notes a failure beside the data and changes nothing else', async () => {
    await store.writeGroup(putOf(backup, [family('a', 'one')], { protocol: 'protobuf' }))
    const { families, ...before } = await seen()
    await tick()
    const { nowMs } = await store.failGroup(failureOf(backup, 'clash of a', { ttlMs: LONG_MS * 2 }))

    const after = await seen()
    expect(after).toEqual({ ...before, families, failedMs: nowMs, failure: 'clash of a' })
    expect(nowMs).toBeGreaterThan(before.pushedMs)
  })

  it.each(['put', 'post'] as const)('remembers the last failure over a later %s', async (mode) => {
    const failed = await store.failGroup(failureOf(backup, 'first'))
    await tick()
    const again = await store.failGroup(failureOf(backup, 'second'))
    await tick()
    const pushed = await store.writeGroup(putOf(backup, [family('a', 'one')], { mode }))

    expect(await seen()).toMatchObject({
      createdMs: failed.nowMs,
      pushedMs: pushed.nowMs,
      failedMs: again.nowMs,
      failure: 'second',
    })
  })

  it('removes a group with all it knew', async () => {
    await store.failGroup(failureOf(backup, 'why'))
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await view.read()
    const { change } = await store.remove(removalOf(backup))

    const { changes } = await view.read()
    expect(change?.kind).toBe('gone')
    expect(changes).toEqual([change])
    expect(view.group(backup)).toBeUndefined()

    await tick()
    const { nowMs } = await store.writeGroup(postOf(backup, [family('b', 'two'), family('a', 'two')]))
    expect(await seen()).toMatchObject({ createdMs: nowMs, failedMs: 0, failure: '' })
    expect(await seenFamily('a')).toMatchObject({ text: 'two', firstSeenMs: nowMs })
  })

  it('removes what is not there without a trace', async () => {
    await view.read()
    const written = await store.remove(removalOf(backup))

    expect(written).toMatchObject({ duplicate: false })
    expect(written.change).toBeUndefined()
    const before = [...view.positions]
    expect((await view.read()).changes).toEqual([])
    expect(view.positions).toEqual(before)
  })

  it.each([
    ['a longer one extends the group', 'post', 10_000, 20_000, 20_000],
    ['a shorter one leaves it', 'post', 20_000, 10_000, 20_000],
    ['never exceeds the finite', 'post', 10_000, 0, 'never'],
    ['nothing finite shortens never', 'post', 0, 10_000, 'never'],
    ['a put starts over, also after never', 'put', 0, 10_000, 10_000],
    ['a put starts over with less', 'put', 20_000, 10_000, 10_000],
    ['a put may last forever', 'put', 10_000, 0, 'never'],
  ] as const)('holds the latest expiry: %s (%s)', async (_why, mode, firstTtl, secondTtl, expected) => {
    const first = await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: firstTtl }))
    const second = await store.writeGroup(putOf(backup, [family('b', 'one')], { ttlMs: secondTtl, mode }))

    const from = expected === firstTtl ? first : second
    expect((await seen()).expiresMs).toBe(expected === 'never' ? 0 : from.nowMs + expected)
    expect((await seenFamily('b')).expiresMs).toBe(secondTtl === 0 ? 0 : second.nowMs + secondTtl)
  })

  it('lets families go one by one and the group with the last', async () => {
    await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: 3 * SHORT_MS }))
    await store.writeGroup(postOf(backup, [family('b', 'one')], { ttlMs: 1 }))
    await harness.advance(2)
    await view.read()
    expect(view.texts(backup)?.some(([name]) => name === 'b') ?? false).toBe(false)

    await harness.advance(3 * SHORT_MS)
    expect(await texts()).toBeUndefined()
  })

  it('keeps the times of a group after its data expired, as long as asked', async () => {
    const first = await store.writeGroup(
      putOf(backup, [family('a', 'one')], { ttlMs: SHORT_MS, retentionMs: LONG_MS }),
    )
    await expire()
    expect(await seen()).toMatchObject({ pushedMs: first.nowMs, expiresMs: first.nowMs + SHORT_MS + LONG_MS })
    expect(await texts()).toEqual([])

    await store.writeGroup(postOf(backup, [family('b', 'two')]))
    expect(await texts()).toEqual([['b', 'two']])
    expect(await seen()).toMatchObject({ createdMs: first.nowMs })
  })

  it.each<[string, () => Promise<Written>, [string, string][], boolean]>([
    ['a post', () => store.writeGroup(postOf(backup, [family('b', 'two')])), [['b', 'two']], true],
    ['an empty post', () => store.writeGroup(postOf(backup, [])), [], true],
    ['a put', () => store.writeGroup(putOf(backup, [family('a', 'two')])), [['a', 'two']], true],
    ['a refused push', () => store.failGroup(failureOf(backup, 'new')), [], false],
  ])('takes an expired group nobody swept for absent: %s', async (_what, push, expected, pushed) => {
    await store.failGroup(failureOf(backup, 'old', { ttlMs: SHORT_MS }))
    await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: SHORT_MS }))
    await expire()
    const { nowMs } = await push()

    expect(await texts()).toEqual(expected)
    const group = await seen()
    expect(group).toMatchObject({
      createdMs: nowMs,
      pushedMs: pushed ? nowMs : 0,
      failure: pushed ? '' : 'new',
    })
    for (const { firstSeenMs } of group.families.values()) expect(firstSeenMs).toBe(nowMs)
  })

  it('removes an expired group nobody swept', async () => {
    await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: SHORT_MS }))
    await expire()
    await store.remove(removalOf(backup))

    await view.read()
    expect(view.size).toBe(0)
  })
}

/** A change whose bytes compare as text, whatever class of array holds them. */
function plain(change: UnitChange | undefined): unknown {
  if (change?.kind !== 'group') return change
  return {
    ...change,
    families: change.families.map((item) => ({ ...item, blob: String(item.blob && Buffer.from(item.blob)) })),
  }
}
