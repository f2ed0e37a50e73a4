import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PgrError } from '../../src/errors/pgr-error.ts'
import type { Labels } from '../../src/model/labels.ts'
import type { Operation, Store } from '../../src/store/store.ts'
import {
  type OpenHarness,
  type StoreHarness,
  type StoreHarnessOptions,
  WIDE_LIMITS,
} from '../support/store-harness.ts'
import { StoreView } from '../support/store-view.ts'
import {
  failureOf,
  family,
  jobIn,
  jobOf,
  labelsOf,
  mergeOf,
  operation,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'

const backup = jobOf('backup')

/** The code a call is refused with; the call must not succeed. */
async function refusal(call: Promise<unknown>): Promise<string> {
  const outcome = await call.then(
    () => 'accepted',
    (error: unknown) => (error instanceof PgrError ? error.code : error),
  )
  return String(outcome)
}

/** What holds for puts, posts, failures, merges, removals and wipes alike. */
export function writeContract(open: OpenHarness): void {
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

  async function shown(): Promise<string[]> {
    await view.read()
    return view.show()
  }

  type Call = (store: Store, fence: Operation) => Promise<unknown>
  const calls: [string, Call][] = [
    ['put', (at, fence) => at.writeGroup(putOf(backup, [family('a', 'new')], fence))],
    ['post', (at, fence) => at.writeGroup(postOf(backup, [family('a', 'new')], fence))],
    ['failure', (at, fence) => at.failGroup(failureOf(backup, 'new', fence))],
    ['merge', (at, fence) => at.writeSet(mergeOf(backup, [setFamily('a', [sample('x', 2)])], fence))],
    ['group removal', (at, fence) => at.remove({ ...removalOf(backup), ...fence })],
    ['set removal', (at, fence) => at.remove({ ...removalOf(backup, 'set'), ...fence })],
    ['wipe', (at, fence) => at.wipe(fence)],
  ]

  describe('an operation id', () => {
    it.each(calls)(
      'makes the repetition of a %s do nothing, here and on another replica',
      async (_what, call) => {
        await start()
        const other = await harness.open()
        const fence = operation()
        await call(store, fence)
        await store.writeGroup(putOf(backup, [family('a', 'later')]))
        await store.writeSet(mergeOf(backup, [setFamily('a', [sample('x', 3)])]))
        const before = await shown()
        await harness.advance(3)

        for (const replica of [store, other]) {
          const again = await call(replica, { ...fence, deadlineMs: performance.now() + 10_000 })
          if (again !== undefined) expect(again).toMatchObject({ duplicate: true })
        }

        expect((await view.read()).changes).toEqual([])
        expect(await shown()).toEqual(before)
        expect(before.length).toBeGreaterThan(2)
      },
    )

    it('says of the first write that it is none, and of the second nothing but that', async () => {
      await start()
      const write = putOf(backup, [family('a', 'one')])
      const first = await store.writeGroup(write)
      const second = await store.writeGroup(write)

      expect(first.duplicate).toBe(false)
      expect(second).toMatchObject({ duplicate: true, partition: first.partition, epoch: first.epoch })
      expect(second.change).toBeUndefined()
    })

    it('lets one of two simultaneous copies through', async () => {
      await start()
      const other = await harness.open()
      const write = mergeOf(backup, [setFamily('a', [sample('x', 1)])])
      const written = await Promise.all([store.writeSet(write), other.writeSet(write), store.writeSet(write)])

      expect(written.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    })

    it('may be used again after a refusal', async () => {
      await start()
      const write = putOf(backup, [family('a', 'one')])
      expect(await refusal(store.writeGroup({ ...write, deadlineMs: performance.now() - 1 }))).toBe(
        'PGR_STORE_UNAVAILABLE',
      )

      expect(await store.writeGroup(write)).toMatchObject({ duplicate: false })
    })

    it('may be used again after a refusal by quota', async () => {
      await start({ limits: { setMetrics: 1 } })
      const write = mergeOf(backup, [setFamily('a', [sample('x', 1)])])
      await store.writeSet(mergeOf(backup, [setFamily('a', [sample('y', 1)])]))
      expect(await refusal(store.writeSet(write))).toBe('PGR_QUOTA_EXCEEDED')
      await store.remove(removalOf(backup, 'set'))

      expect(await store.writeSet(write)).toMatchObject({ duplicate: false })
    })
  })

  describe('a deadline', () => {
    it.each(calls)('that has passed keeps a %s from being applied', async (_what, call) => {
      await start()
      await store.writeGroup(putOf(backup, [family('a', 'old')]))
      await store.writeSet(mergeOf(backup, [setFamily('a', [sample('x', 1)])]))
      const before = await shown()

      const late = { ...operation(), deadlineMs: performance.now() - 1 }
      expect(await refusal(call(store, late))).toBe('PGR_STORE_UNAVAILABLE')

      expect(await shown()).toEqual(before)
      expect(before.length).toBeGreaterThan(2)
    })

    it('that has passed refuses a read', async () => {
      await start()
      const pages = store.changes(view.positions, { deadlineMs: performance.now() - 1 })
      const read = async () => {
        for await (const page of pages) expect(page).toBeDefined()
      }
      expect(await refusal(read())).toBe('PGR_STORE_UNAVAILABLE')
    })
  })

  describe('a limit', () => {
    const MANY = 192
    const jobs = Array.from({ length: 2 * MANY }, (_, index) => jobOf(`job-${index}`))
    const KIB = 'x'.repeat(1000)

    it.each<[keyof NonNullable<StoreHarnessOptions['limits']>, number, (labels: Labels) => Promise<unknown>]>(
      [
        ['units', MANY, (labels) => store.writeGroup(putOf(labels, [family('a', 'one')]))],
        ['units', MANY, (labels) => store.failGroup(failureOf(labels, 'why'))],
        ['units', MANY, (labels) => store.writeSet(mergeOf(labels, [setFamily('a', [sample('x', 1)])]))],
        [
          'series',
          10 * MANY,
          (labels) => store.writeGroup(putOf(labels, [family('a', 'one', { series: 10 })])),
        ],
        [
          'series',
          2 * MANY,
          (labels) => store.writeSet(mergeOf(labels, [setFamily('a', [sample('x', 1), sample('y', 1)])])),
        ],
        ['bytes', 1000 * MANY, (labels) => store.writeGroup(putOf(labels, [family('a', KIB)]))],
        [
          'bytes',
          1000 * MANY,
          (labels) => store.writeSet(mergeOf(labels, [setFamily('a', [sample('x', Buffer.from(KIB))])])),
        ],
      ],
    )('on %s (%i) holds, and what is there can be written again and removed', async (limit, value, write) => {
      await start({ limits: { [limit]: value } })
      const accepted: Labels[] = []
      const refused: Labels[] = []
      for (const labels of jobs) {
        const outcome = await refusal(write(labels))
        if (outcome === 'accepted') accepted.push(labels)
        else if (outcome === 'PGR_QUOTA_EXCEEDED') refused.push(labels)
        else throw new Error(`neither accepted nor refused by quota: ${outcome}`)
      }
      expect(accepted.length).toBeGreaterThan(MANY / 4)
      expect(accepted.length).toBeLessThanOrEqual(1.5 * MANY)
      await view.read()
      expect(view.size).toBe(accepted.length)

      for (const labels of accepted.slice(0, 10)) expect(await refusal(write(labels))).toBe('accepted')
      for (const labels of accepted) {
        await store.remove(removalOf(labels))
        await store.remove(removalOf(labels, 'set'))
      }
      await view.read()
      expect(view.size).toBe(0)
      for (const labels of refused.slice(0, 10)) expect(await refusal(write(labels))).toBe('accepted')
    })

    it('refuses the growth of what is there and leaves it as it was', async () => {
      await start({ limits: { series: 64 } })
      await store.writeGroup(putOf(backup, [family('a', 'one')]))
      const more = family('b', 'two', { series: 1000 })

      expect(await refusal(store.writeGroup(putOf(backup, [more])))).toBe('PGR_QUOTA_EXCEEDED')
      expect(await refusal(store.writeGroup(postOf(backup, [more])))).toBe('PGR_QUOTA_EXCEEDED')

      await view.read()
      expect(view.texts(backup)).toEqual([['a', 'one']])
    })

    it('is another from the moment it is set, and what is stored stays', async () => {
      await start({ limits: { series: 64, setMetrics: 2 } })
      const more = family('b', 'two', { series: 1000 })
      const merge = (n: string) => store.writeSet(mergeOf(backup, [setFamily('c', [sample(n, 1)])]))
      expect(await refusal(store.writeGroup(putOf(backup, [more])))).toBe('PGR_QUOTA_EXCEEDED')
      for (const n of ['x', 'y']) await merge(n)
      expect(await refusal(merge('z'))).toBe('PGR_QUOTA_EXCEEDED')

      store.setLimits({ ...WIDE_LIMITS, setMetrics: 3 })
      await store.writeGroup(putOf(backup, [more]))
      await merge('z')
      expect(await refusal(merge('more'))).toBe('PGR_QUOTA_EXCEEDED')

      store.setLimits({ ...WIDE_LIMITS, series: 64 })
      await store.writeGroup(putOf(backup, [more]))
      await merge('x')
      expect(await refusal(store.writeGroup(postOf(backup, [family('d', 'three', { series: 100 })])))).toBe(
        'PGR_QUOTA_EXCEEDED',
      )
      await view.read()
      expect(view.texts(backup)).toEqual([['b', 'two']])
      expect(view.values(backup, 'c')).toHaveLength(3)
    })

    it('is free again once what expired was swept', async () => {
      await start({ limits: { units: 1 } })
      const { partition } = await store.writeGroup(putOf(backup, [family('a', 'one')], { ttlMs: 20 }))
      const neighbour = jobIn(partition, store.partitions, 'group', 'neighbour')
      await view.read()
      await harness.advance(40)
      for (let call = 0; call < 100 && view.size > 0; call++) {
        await store.sweep()
        await view.read()
      }

      expect(view.size).toBe(0)
      expect(await refusal(store.writeGroup(putOf(neighbour, [family('a', 'two')])))).toBe('accepted')
    })

    it('is free again after a wipe', async () => {
      await start({ limits: { units: 1 } })
      const { partition } = await store.writeGroup(putOf(backup, [family('a', 'one')]))
      const neighbour = jobIn(partition, store.partitions, 'group', 'neighbour')
      expect(await refusal(store.writeGroup(putOf(neighbour, [])))).toBe('PGR_QUOTA_EXCEEDED')
      await store.wipe(operation())

      expect(await refusal(store.writeGroup(putOf(neighbour, [family('a', 'two')])))).toBe('accepted')
    })
  })

  describe('names and values', () => {
    const long = 'ü'.repeat(5000)
    const odd: [string, Labels][] = [
      [
        'a prototype name',
        labelsOf(['job', 'x'], ['__proto__', 'constructor'], ['constructor', '__proto__']),
      ],
      ['an empty value', labelsOf(['job', 'x'], ['instance', ''])],
      ['NUL and control characters', labelsOf(['job', 'a\u0000b\u0001\n"\\'], ['\u0000', '\u0000'])],
      ['10 kB of UTF-8', labelsOf(['job', long], [long, 'x'])],
      ['astral characters', labelsOf(['job', '😀{}'], ['a.b c', '\u{10ffff}'])],
      ['no labels at all', []],
    ]
    const names = ['__proto__', 'constructor', 'toString', '', 'a\u0000b', 'a', 'a\u0000', '😀', long]

    it.each(odd)('come back as they were: %s, in groups', async (_why, labels) => {
      await start()
      await store.writeGroup(
        putOf(
          labels,
          names.map((name) => family(name, `old ${name}`)),
        ),
      )
      await store.writeGroup(
        postOf(
          labels,
          names.slice(0, 4).map((name) => family(name, `new ${name}`)),
        ),
      )

      await view.read()
      const expected = names.map((name, index) => [name, `${index < 4 ? 'new' : 'old'} ${name}`]).sort()
      expect(view.texts(labels)).toEqual(expected)
      expect(view.group(labels)?.labels).toEqual(labels)
    })

    it.each(odd)('come back as they were: %s, in sets', async (_why, labels) => {
      await start()
      const metrics = odd.map(([, metric], index) => ({ labels: metric, content: index, series: 1 }))
      await store.writeSet(
        mergeOf(
          labels,
          names.map((name) => setFamily(name, metrics, { help: name })),
        ),
      )
      await store.writeSet(
        mergeOf(
          labels,
          names.map((name) => setFamily(name, metrics.slice(0, 2), { help: name })),
        ),
      )

      await view.read()
      const seen = [...view.metrics(labels).values()]
      expect(seen).toHaveLength(names.length * odd.length)
      for (const metric of seen) {
        expect(names).toContain(metric.family)
        expect(metric.help).toBe(metric.family)
        expect(metric.labels).toEqual(odd[Number(metric.content)]?.[1])
      }
    })

    it('come back as they were: every byte in a blob, and an empty one', async () => {
      await start()
      const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      await store.writeGroup(putOf(backup, [family('a', '', { blob: every }), family('b', '')]))
      await store.writeSet(mergeOf(backup, [setFamily('a', [sample('x', every)])]))

      const { changes } = await view.read()
      const blobs = changes.flatMap((change): unknown[] => {
        if (change.kind === 'group') return change.families.map(({ blob }) => blob)
        return change.kind === 'set'
          ? change.pages.flatMap(({ metrics }) => metrics.map(({ content }) => content))
          : []
      })
      const bytes = blobs.map((blob) => (blob instanceof Uint8Array ? [...blob] : []))
      expect(bytes.sort((a, b) => a.length - b.length)).toEqual([[], [...every], [...every]])
    })

    it.each([
      ['infinity', Number.POSITIVE_INFINITY],
      ['minus infinity', Number.NEGATIVE_INFINITY],
      ['not a number', Number.NaN],
      ['minus zero', -0],
      ['the smallest', 5e-324],
      ['17 digits', 0.1 + 0.2],
    ])('come back as they were: %s as a value', async (_why, value) => {
      await start()
      await store.writeSet(mergeOf(backup, [setFamily('a', [sample('x', value)])]))

      await view.read()
      expect(view.values(backup, 'a')).toEqual([['x', value]])
    })
  })

  it('refuses everything with one code once it is closed', async () => {
    await start()
    await store.ready()
    await store.close()
    await store.close()

    expect(await refusal(store.ready())).toBe('PGR_STORE_UNAVAILABLE')
    expect(await refusal(store.writeGroup(putOf(backup, [])))).toBe('PGR_STORE_UNAVAILABLE')
    expect(await refusal(view.read())).toBe('PGR_STORE_UNAVAILABLE')
  })

  it('describes itself in plain values', async () => {
    await start()
    const report = await store.describe()
    expect(report.name).toBe(store.name)
    expect(report.facts.size).toBeGreaterThan(0)
    for (const value of report.facts.values()) expect(['string', 'number', 'boolean']).toContain(typeof value)
    expect(report.losses).toEqual({ history: 0, lostWrites: 0, resubmittedWrites: 0 })
  })
}
