import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Labels } from '../../src/model/labels.ts'
import { kindOf } from '../../src/model/unit.ts'
import type { Position, Store } from '../../src/store/store.ts'
import type { OpenHarness, StoreHarness, StoreHarnessOptions } from '../support/store-harness.ts'
import { StoreView } from '../support/store-view.ts'
import {
  family,
  jobOf,
  mergeOf,
  operation,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'

const backup = jobOf('backup')
const SHORT_MS = 40

/** What readers are told. `StoreView` checks pages, versions and digests at every read. */
export function changesContract(open: OpenHarness): void {
  let harness: StoreHarness
  let store: Store
  let view: StoreView

  beforeEach(async () => {
    harness = await open()
  })
  afterEach(() => harness.close())

  async function start(options: StoreHarnessOptions = {}): Promise<void> {
    store = await harness.open(options)
    view = new StoreView(store)
  }

  /** Sweeps until a call finds nothing more to do for sure. */
  async function sweep(): Promise<void> {
    for (let call = 0; call < 8; call++) await store.sweep()
  }

  it('say "first" to a reader that knows nothing, also of an empty store', async () => {
    await start()
    const { resets, changes } = await view.read()

    expect(resets).toEqual(view.positions.map(() => 'first'))
    expect(changes).toEqual([])
    expect(view.nowMs).toBeGreaterThan(0)
  })

  it('are nothing when nothing changed', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await view.read()
    const { resets, changes, pages } = await view.read()

    expect(resets).toEqual([])
    expect(changes).toEqual([])
    expect(pages.map(({ done }) => done)).toEqual(view.positions.map(() => true))
  })

  it('hold only the units that changed, each once', async () => {
    await start()
    for (const job of ['a', 'b', 'c']) await store.writeGroup(putOf(jobOf(job), [family('x', 'one')]))
    await view.read()
    for (const text of ['two', 'three']) await store.writeGroup(putOf(jobOf('b'), [family('x', text)]))
    const { changes } = await view.read()

    expect(changes).toHaveLength(1)
    expect(view.texts(jobOf('b'))).toEqual([['x', 'three']])
    expect(view.texts(jobOf('c'))).toEqual([['x', 'one']])
  })

  it('carry the blobs of changed families only', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'old'), family('b', 'old')]))
    await view.read()
    await store.writeGroup(postOf(backup, [family('b', 'new')]))
    const { changes } = await view.read()

    expect(
      changes.map(
        (change) =>
          change.kind === 'group' &&
          change.families.map(({ name, blob }) => [name, blob !== undefined]).sort(),
      ),
    ).toEqual([
      [
        ['a', false],
        ['b', true],
      ],
    ])
    expect(view.texts(backup)).toEqual([
      ['a', 'old'],
      ['b', 'new'],
    ])
  })

  it('carry every blob a reader lacks, however many writes it missed', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await view.read()
    await store.writeGroup(postOf(backup, [family('b', 'two')]))
    await store.remove(removalOf(backup))
    await store.writeGroup(postOf(backup, [family('a', 'three')]))
    await store.writeGroup(postOf(backup, [family('c', 'four')]))
    await view.read()

    expect(view.texts(backup)).toEqual([
      ['a', 'three'],
      ['c', 'four'],
    ])
  })

  it('reach every replica as soon as the write resolves', async () => {
    await start()
    const other = await harness.open()
    const otherView = new StoreView(other)
    for (let round = 0; round < 20; round++) {
      await (round % 2 ? store : other).writeGroup(putOf(backup, [family('a', `${round}`)]))
      await Promise.all([view.read(), otherView.read()])
      expect(view.texts(backup)).toEqual([['a', `${round}`]])
      expect(otherView.texts(backup)).toEqual([['a', `${round}`]])
    }
  })

  it('come in pages of bounded size', async () => {
    await start()
    const groups = 3000
    const text = 'x'.repeat(2000)
    const writeAll = async (families: string[]) => {
      for (let n = 0; n < groups; n += 50) {
        const jobs = Array.from({ length: 50 }, (_, index) => jobOf(`job-${n + index}`))
        await Promise.all(
          jobs.map((job) =>
            store.writeGroup(
              postOf(
                job,
                families.map((name) => family(name, name + text)),
              ),
            ),
          ),
        )
      }
    }
    await writeAll(['a', 'b'])
    // Later posts, in the middle of the change log, must not make a paged first read forget the older families.
    await writeAll(['b'])

    const { pages } = await view.read()
    expect(pages.length).toBeGreaterThanOrEqual(6)
    expect(Math.max(...pages.map(({ changes }) => bytesOf(changes)))).toBeLessThan(2.5 * 1024 * 1024)
    expect(view.size).toBe(groups)
    for (let n = 0; n < groups; n++) {
      expect(view.texts(jobOf(`job-${n}`))?.map(([name, content]) => [name, content.length])).toEqual([
        ['a', 2001],
        ['b', 2001],
      ])
    }
  }, 60_000)

  it.each<[string, (last: Labels, round: number) => Promise<unknown>]>([
    ['pushes to what was just told', (last) => store.writeGroup(postOf(last, [family('b', 'late')]))],
    [
      'pushes to what comes next',
      (_last, round) => store.writeGroup(postOf(jobOf(`job-${11 - round}`), [family('b', 'late')])),
    ],
    ['removals of what was just told', (last) => store.remove(removalOf(last))],
    ['removals of what comes next', (_last, round) => store.remove(removalOf(jobOf(`job-${11 - round}`)))],
    ['wipes', () => store.wipe(operation())],
    [
      'wipes and new groups',
      async (last, round) => {
        await store.wipe(operation())
        for (const job of [last, jobOf(`new-${round}`)])
          await store.writeGroup(putOf(job, [family('b', 'new')]))
      },
    ],
  ])('stay whole when %s fall between two pages', async (_what, disturb) => {
    await start()
    const blob = Buffer.alloc(400_000, 'x')
    for (let n = 0; n < 12; n++) await store.writeGroup(putOf(jobOf(`job-${n}`), [family('a', '', { blob })]))
    let round = 0
    const disturbed: Store = {
      ...delegate(store),
      async *changes(since, options) {
        for await (const page of store.changes(since, options)) {
          yield page
          const last = page.changes.at(-1)
          if (round < 4 && last !== undefined && last.kind !== 'gone') await disturb(last.labels, ++round)
        }
      },
    }
    const slow = new StoreView(disturbed)
    await slow.read()
    expect(round).toBeGreaterThan(0)

    slow.store = store
    await slow.read()
    await view.read()
    expect(slow.show(view.nowMs)).toEqual(view.show())
    expect(slow.size).toBe(view.size)
  })

  it('tell of a removal, and that it happened though the unit came and went', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await store.writeSet(mergeOf(backup, [setFamily('a', [sample('x', 1)])]))
    await view.read()
    await store.remove(removalOf(backup))
    await store.remove(removalOf(backup, 'set'))
    const { changes } = await view.read()

    expect(changes.map(({ kind, id }) => [kind, kindOf(id)]).sort()).toEqual([
      ['gone', 'group'],
      ['gone', 'set'],
    ])
    expect(view.size).toBe(0)
  })

  it('tell of a wipe without naming what it took', async () => {
    await start()
    for (let n = 0; n < 30; n++) await store.writeGroup(putOf(jobOf(`job-${n}`), [family('a', 'one')]))
    await view.read()
    await store.wipe(operation())
    await store.writeGroup(postOf(jobOf('job-3'), [family('b', 'two')]))
    const { changes, resets } = await view.read()

    expect(resets).toEqual([])
    expect(changes).toHaveLength(1)
    expect(view.size).toBe(1)
    expect(view.texts(jobOf('job-3'))).toEqual([['b', 'two']])
    const group = view.group(jobOf('job-3'))
    expect(group?.createdMs).toBe(group?.pushedMs)
  })

  it('show a wiped store as empty to whoever comes first', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await store.writeSet(mergeOf(backup, [setFamily('a', [sample('x', 1)])]))
    await store.wipe(operation())
    await sweep()
    await view.read()

    expect(view.size).toBe(0)
    await store.writeSet(mergeOf(backup, [setFamily('a', [sample('y', 1)])]))
    await view.read()
    expect(view.values(backup, 'a')).toEqual([['y', 1]])
  })

  it('say "epoch" to a reader of other data', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await view.read()
    const foreign = view.positions.map((position): Position => ({ ...position, epoch: 'another' }))
    const { resets } = await readFrom(foreign)

    expect(resets).toEqual(view.positions.map(() => 'epoch'))
  })

  it('say "regress" to a reader from the future', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await view.read()
    const ahead = view.positions.map(
      (position): Position => ({ ...position, version: position.version + 1000 }),
    )
    const { resets } = await readFrom(ahead)

    expect(resets).toEqual(view.positions.map(() => 'regress'))
  })

  it('tell of what a sweep removed', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: SHORT_MS }))
    await store.writeGroup(putOf(jobOf('stays'), [family('a', 'one')]))
    await store.writeSet(mergeOf(backup, [setFamily('a', [sample('x', 1)])], { ttlMs: SHORT_MS }))
    await store.writeSet(mergeOf(jobOf('removed'), [setFamily('a', [sample('x', 1)])], { ttlMs: 0 }))
    await store.writeSet(
      mergeOf(jobOf('removed'), [setFamily('a', [sample('x', 'stale')])], { ttlMs: SHORT_MS }),
    )
    await store.writeSet(mergeOf(jobOf('ended'), [setFamily('a', [sample('x', 1)])]))
    await store.writeSet(
      mergeOf(jobOf('ended'), [setFamily('a', [sample('x', 'stale')])], { ttlMs: SHORT_MS }),
    )
    await view.read()
    expect(view.size).toBe(5)
    await harness.advance(SHORT_MS + 20)
    await sweep()
    const { changes } = await view.read()

    expect(changes.map(({ kind }) => kind)).toEqual(['gone', 'gone', 'gone', 'gone'])
    expect(view.size).toBe(1)
  })

  it('hide what expired and is not swept, of groups and sets', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: SHORT_MS }))
    await store.writeSet(mergeOf(backup, [setFamily('a', [sample('x', 1)])], { ttlMs: SHORT_MS }))
    await harness.advance(SHORT_MS + 20)
    await view.read()

    expect(view.show()).toEqual([])
  })

  it('say "floor" to a reader that missed what was forgotten', async () => {
    await start({ tombstoneGraceMs: SHORT_MS })
    await view.read()
    const asleep = new StoreView(store)
    const { partition } = await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: 0 }))
    await asleep.read()
    await store.writeGroup(putOf(backup, [family('a', 'two')], { ttlMs: 1 }))
    await harness.advance(5)
    await sweep()
    await view.read()
    await harness.advance(SHORT_MS + 20)
    await sweep()

    const { pages } = await asleep.read()
    const resets = pages.filter(({ reset }) => reset !== undefined)
    expect(resets.map(({ reset, partition: at }) => [reset, at])).toEqual([['floor', partition]])
    expect(asleep.size).toBe(0)
    expect((await view.read()).resets).toEqual([])
    expect((await new StoreView(store).read()).changes).toEqual([])
  })

  it('never forget a unit that came back after its removal', async () => {
    await start({ tombstoneGraceMs: SHORT_MS })
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await store.remove(removalOf(backup))
    await store.writeGroup(putOf(backup, [family('a', 'two')]))
    await harness.advance(SHORT_MS + 20)
    await sweep()

    await view.read()
    expect(view.texts(backup)).toEqual([['a', 'two']])
    expect((await store.remove(removalOf(backup))).change).toMatchObject({ kind: 'gone' })
  })

  it('keep tombstones as long as they should', async () => {
    await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await view.read()
    await store.remove(removalOf(backup))
    await sweep()
    const { resets } = await view.read()

    expect(resets).toEqual([])
    expect(view.size).toBe(0)
  })

  it('never show a group half written while two replicas race for it', async () => {
    await start()
    const other = await harness.open()
    const writers = [store, other].map((replica, writer) => race(replica, writer))
    let racing = true
    let sightings = 0
    const reader = async (replica: Store) => {
      const eye = new StoreView(replica)
      while (racing) {
        await eye.read()
        await new Promise(setImmediate)
        const texts = eye.texts(backup) ?? []
        if (texts.length === 0) continue
        sightings++
        expect(texts.map(([name]) => name)).toEqual(['a', 'b', 'c'])
        expect(new Set(texts.map(([, text]) => text)).size).toBe(1)
      }
      await eye.read()
      return eye.show()
    }
    const readers = [reader(store), reader(other)]
    await Promise.all(writers)
    racing = false
    const [mine, theirs] = await Promise.all(readers)

    expect(mine).toEqual(theirs)
    expect(sightings).toBeGreaterThan(20)
  })

  /** 200 rounds of puts, posts and deletes whose families all carry the token of their write. */
  async function race(replica: Store, writer: number): Promise<void> {
    for (let round = 0; round < 200; round++) {
      const token = `${writer}-${round}`
      const families = ['a', 'b', 'c'].map((name) => family(name, token))
      const kind = (round * 7 + writer) % 5
      if (kind === 0) await replica.remove(removalOf(backup))
      else await replica.writeGroup(putOf(backup, families, { mode: kind < 3 ? 'put' : 'post' }))
      await new Promise(setImmediate)
    }
  }

  async function readFrom(positions: Position[]) {
    const reader = new StoreView(store)
    reader.positions = positions
    const report = await reader.read()
    expect(reader.texts(backup)).toEqual([['a', 'one']])
    return report
  }
}

/** The methods of a store as an object of its own, to override one of them. */
function delegate(store: Store): Store {
  return {
    name: store.name,
    partitions: store.partitions,
    writeGroup: (write) => store.writeGroup(write),
    failGroup: (write) => store.failGroup(write),
    writeSet: (write) => store.writeSet(write),
    remove: (write) => store.remove(write),
    wipe: (write) => store.wipe(write),
    changes: (since, options) => store.changes(since, options),
    sweep: () => store.sweep(),
    setLimits: (limits) => store.setLimits(limits),
    ready: () => store.ready(),
    describe: () => store.describe(),
    close: () => store.close(),
  }
}

function bytesOf(changes: Awaited<ReturnType<StoreView['read']>>['changes']): number {
  const blobs = changes.flatMap((change) =>
    change.kind === 'group' ? change.families.map(({ blob }) => blob?.byteLength ?? 0) : [],
  )
  return blobs.reduce((sum, bytes) => sum + bytes, 0)
}
